"""The commands of ``python -m dataset_converters``."""

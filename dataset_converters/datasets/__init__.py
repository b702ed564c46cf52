"""One file per source dataset; each defines ``DATASET``, ``list_cases`` and ``make_sample``."""

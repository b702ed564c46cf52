"""What an error of a converter found, for a table that has a column for it."""

from dataset_converters.errors import ConversionError


def what_was_found(error: ConversionError) -> str:
    """Return the part of the message between ``found`` and ``wanted``."""
    return str(error).split(": found ", 1)[-1].removeprefix("found ").split("; wanted ", 1)[0]

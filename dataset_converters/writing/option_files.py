"""Files that the options of a derived variant name, relative to more than one place."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dataset_converters.privacy.shown_name import shown_name

_FILE_OPTIONS = ("_file", "_mtf")


class OptionFileError(Exception):
    """A file that an option names is in none of the places; the message names them, and no path."""


def file_options(entry: Mapping[str, Any]) -> dict[str, str]:
    """Return the files an entry names, by option: texts of options that end in ``_file`` or ``_mtf``."""
    return {
        key: value for key, value in entry.items() if key.endswith(_FILE_OPTIONS) and isinstance(value, str) and value
    }


def with_files_found(entry: Mapping[str, Any], places: Sequence[tuple[str, Path]]) -> dict[str, Any]:
    """Return the entry with the absolute path of every file it names; absolute paths stay as they are.

    Parameters
    ----------
    places : sequence of (str, Path)
        What a message calls a folder, and the folder; the first that has the file is taken.

    Raises
    ------
    OptionFileError
        No place has it.
    """
    return {**entry, **{key: str(_found(key, value, places)) for key, value in file_options(entry).items()}}


def _found(option: str, text: str, places: Sequence[tuple[str, Path]]) -> Path:
    if Path(text).is_absolute():
        return Path(text)
    for _, folder in places:
        path = folder.absolute() / text
        if path.exists() and not path.is_dir():
            return path
    names = " nor ".join(name for name, _ in places)
    raise OptionFileError(f"{option}: {shown_name(Path(text))} that is neither {names}")

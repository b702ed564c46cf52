"""File names in messages: shown if they are plain numbers or words of the trade, else replaced by a position."""

import re
from collections.abc import Iterable
from pathlib import Path

_PLAIN = re.compile(
    r"(?:im|img|image|ct|slice|sl|mask|lung|lungs|roi|seg|rs|rtstruct|study|volume|labels?|reader|segmentation|case)?"
    r"[-_. ]?\d{0,6}(?:[-_.]\d{1,6}){0,2}",
    re.IGNORECASE,
)
_ENDING = re.compile(r"(?:\.(?:dcm|ima|dicom|nii|gz|mha|mhd|raw|zraw|nrrd|nhdr|xml|txt|csv|png|json))*", re.IGNORECASE)


def shown_name(path: Path, files: Iterable[Path] = ()) -> str:
    """Return how a message names a file, without a name that could be a person's or a date.

    Names of a few digits or common words (``1-001.dcm``, ``IM_0012``) are shown; any other file is
    ``file 12 of 64 (sorted by name)`` among ``files``, or ``a .dcm file``.
    """
    stem, ending = _split(path.name)
    if _PLAIN.fullmatch(stem) and _ENDING.fullmatch(ending):
        return path.name
    names = sorted(other.name for other in files)
    if path.name in names:
        return f"file {names.index(path.name) + 1} of {len(names)} (sorted by name)"
    return f"a {ending} file" if ending and _ENDING.fullmatch(ending) else "a file"


def _split(name: str) -> tuple[str, str]:
    found = re.search(r"(?:\.[A-Za-z]{2,5}){1,2}$", name)
    return (name[: found.start()], found.group()) if found else (name, "")

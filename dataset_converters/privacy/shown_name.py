"""File names in messages: shown if they are plain numbers or words of the trade, else replaced by a position."""

import re
from collections.abc import Iterable
from pathlib import Path

_PLAIN = re.compile(
    r"(?:im|img|image|ct|slice|sl|mask|lung|lungs|roi|seg|rs|rtstruct|study|volume|labels?|reader|segmentation|case)?"
    r"[-_. ]?(?P<numbers>\d*(?:[-_.]\d+){0,2})",
    re.IGNORECASE,
)
_ENDING = re.compile(r"(?:\.(?:dcm|ima|dicom|nii|gz|mha|mhd|raw|zraw|nrrd|nhdr|xml|txt|csv|png|json))*", re.IGNORECASE)
_POSITION = re.compile(r"\d{1,4}|00+\d{1,4}")
_YEAR = re.compile(r"(?:19|20)\d\d")


def shown_name(path: Path, files: Iterable[Path] = ()) -> str:
    """Return how a message names a file, without a name that could be a person's, a number of a register or a date.

    Names of a few digits or common words (``1-001.dcm``, ``IM_0012``) are shown; any other file is
    ``file 12 of 64 (sorted by name)`` among ``files``, or ``a .dcm file``.
    """
    stem, ending = _split(path.name)
    found = _PLAIN.fullmatch(stem)
    if found and _is_position(found["numbers"]) and _ENDING.fullmatch(ending):
        return path.name
    names = sorted(other.name for other in files)
    if path.name in names:
        return f"file {names.index(path.name) + 1} of {len(names)} (sorted by name)"
    return f"a {ending} file" if ending and _ENDING.fullmatch(ending) else "a file"


def _split(name: str) -> tuple[str, str]:
    found = re.search(r"(?:\.[A-Za-z]{2,5}){1,2}$", name)
    return (name[: found.start()], found.group()) if found else (name, "")


def _is_position(text: str) -> bool:
    """Tell short or zero-padded numbers (of a slice, a series) from dates and longer numbers."""
    numbers = re.findall(r"[0-9]+", text)
    if "".join(numbers) != re.sub(r"[-_.]", "", text) or not all(_POSITION.fullmatch(number) for number in numbers):
        return False
    if len(numbers) > 2:
        return all(re.fullmatch(r"0\d{3}", number) for number in numbers)
    return len(numbers) < 2 or not any(_YEAR.fullmatch(number) for number in numbers)

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
    if _is_plain(path.name):
        return path.name
    names = sorted(other.name for other in files)
    if path.name in names:
        return _numbered(names.index(path.name), len(names))
    ending = _split(path.name)[1]
    return f"a {ending} file" if ending and _ENDING.fullmatch(ending) else "a file"


def shown_names(files: Iterable[Path]) -> dict[Path, str]:
    """Return `shown_name` of every file of one folder, among them all."""
    paths = sorted(files, key=lambda path: path.name)
    return {
        path: path.name if _is_plain(path.name) else _numbered(index, len(paths)) for index, path in enumerate(paths)
    }


def shown_place(path: Path, files: Iterable[Path], *, of: str = "") -> str:
    """Return `shown_name` among those of the files in its folder, of what they are, and which of their folders it is.

    ``file 14 of 17 (sorted by name) of the series in folder 2 of 3 (sorted by path)``
    """
    paths = dict.fromkeys(files)
    beside = [other for other in paths if other.parent == path.parent]
    folders = sorted({other.parent for other in paths})
    place = [shown_name(path, beside if len(beside) > 1 else ())]
    if of and len(beside) > 1 and place != [path.name]:
        place.append(of)
    if len(folders) > 1:
        place.append(f"in folder {folders.index(path.parent) + 1} of {len(folders)} (sorted by path)")
    return " ".join(place)


def _is_plain(name: str) -> bool:
    stem, ending = _split(name)
    found = _PLAIN.fullmatch(stem)
    return bool(found and _is_position(found["numbers"]) and _ENDING.fullmatch(ending))


def _numbered(index: int, count: int) -> str:
    return f"file {index + 1} of {count} (sorted by name)"


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

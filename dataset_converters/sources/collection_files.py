"""The files and patient folders of a published collection, by name, wherever an archive put them."""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from dataset_converters.conversion_errors import raise_faults
from dataset_converters.errors import ConversionError
from dataset_converters.records import DatasetInfo
from dataset_converters.volumes.image_file import ENDINGS

DEEPEST = 5
"""Levels of folders below the root that are searched for patients' folders."""

_SHOWN_ENDINGS = (*ENDINGS, ".dcm", ".csv", ".txt", ".zip", ".raw")

FoundFile = tuple[Path, re.Match[str]]


def matching_files(root: Path, pattern: str) -> list[FoundFile]:
    """Return the files below ``root`` whose whole name matches, sorted; hidden ones (``._x`` of macOS) are left out."""
    whole = re.compile(pattern)
    found = ((path, whole.fullmatch(path.name)) for path in sorted(root.rglob("*")))
    return [(path, match) for path, match in found if match and not path.name.startswith(".") and path.is_file()]


def files_by_case(
    found: Iterable[FoundFile], name: Callable[[re.Match[str]], str], *, info: DatasetInfo
) -> dict[str, Path]:
    """Return case to file, in the order given.

    Raises
    ------
    ConversionError, ConversionErrors
        Several files of one case (an archive unpacked twice, or two formats of one image): every such case.
    """
    listed = [(name(match), path) for path, match in found]
    counts = Counter(case for case, _ in listed)
    raise_faults(
        info.name,
        [
            ConversionError(
                info.name,
                case,
                found=f"{count} files that are its image or mask",
                wanted="one",
                action="remove the copies, or give the folder that holds one",
            )
            for case, count in counts.items()
            if count > 1
        ],
    )
    return dict(listed)


def patient_folders(root: Path, pattern: str) -> list[Path]:
    """Return the folders named so, sorted by name, at most `DEEPEST` levels below ``root``; none inside another."""
    return sorted(_folders(root, re.compile(pattern), DEEPEST), key=lambda path: (path.name, path))


def layout_error(info: DatasetInfo, root: Path, *, wanted: str) -> ConversionError:
    """Return the refusal of a folder in which nothing of the collection was found, telling what is there."""
    return ConversionError(
        info.name,
        "",
        found=f"a folder with {describe_folder(root)}",
        wanted=f"{wanted} (layout rests on: {info.layout})",
        action=f"obtain the data ({info.access}), unpack it and give the folder that holds it",
    )


def describe_folder(root: Path) -> str:
    """Say how many folders and files of each kind lie below, without any name."""
    kinds: Counter[str] = Counter()
    for path in root.rglob("*"):
        if not path.name.startswith("."):
            kinds["folders" if path.is_dir() else _kind(path)] += 1
    return ", ".join(f"{count} {kind}" for kind, count in kinds.most_common()) or "no file at all"


def _folders(folder: Path, pattern: re.Pattern[str], levels: int) -> Iterator[Path]:
    if levels < 1 or not folder.is_dir():
        return
    for entry in os.scandir(folder):
        if entry.is_dir() and not entry.name.startswith("."):
            if pattern.fullmatch(entry.name):
                yield Path(entry.path)
            else:
                yield from _folders(Path(entry.path), pattern, levels - 1)


def _kind(path: Path) -> str:
    ending = next((ending for ending in _SHOWN_ENDINGS if path.name.lower().endswith(ending)), "")
    return f"{ending} files" if ending else "other files"

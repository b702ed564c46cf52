"""The files below a folder, and what of it is left out: one rule for DICOM folders and the survey.

A link below the folder counts as the file it leads to if that lies within the folder. Left out are links that lead out
of it or to nothing, links to folders (what they hold within the folder is found where it lies), what is no file
(pipes, sockets, devices), and everything hidden. The folder itself may be a link.
"""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

OUT = "a link that leads out of the folder"
NOWHERE = "a link to nothing"
LINKED_FOLDER = "a link to a folder whose files are found where they lie"
NO_FILE = "a pipe, socket or device"
CLOSED = "a folder that cannot be opened"
_NOTES = {
    OUT: "links that lead out of the folder",
    NOWHERE: "links to nothing",
    CLOSED: "folders that cannot be opened",
}


@dataclass(frozen=True)
class FilesBelow:
    """What lies below a folder, at any depth.

    Attributes
    ----------
    files, folders : tuple of Path
        Sorted; without the folder itself.
    left_out : mapping of Path to str
        What is left out but not hidden, and what it is (`OUT`, `NOWHERE`...).
    """

    files: tuple[Path, ...]
    folders: tuple[Path, ...]
    left_out: Mapping[Path, str]


def files_below(folder: Path) -> FilesBelow:
    """Return what lies below a folder; nothing if there is no such folder."""
    inside = folder.resolve()
    files: list[Path] = []
    folders: list[Path] = []
    left_out: dict[Path, str] = {}
    waiting = [folder] if folder.is_dir() else []
    while waiting:  # os.walk and rglob call themselves for every level, which fails for a thousand
        place = waiting.pop()
        try:
            with os.scandir(place) as found:
                entries = [entry for entry in found if not entry.name.startswith(".")]
        except OSError:
            left_out[place] = CLOSED
            continue
        for entry in entries:
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                waiting.append(path)
                folders.append(path)
            elif reason := _fault(entry, path, inside):
                left_out[path] = reason
            else:
                files.append(path)
    return FilesBelow(tuple(sorted(files)), tuple(sorted(folders)), left_out)


def shown_left_out(reasons: Iterable[str]) -> str:
    """Return what of the left out may be missing, for a message: ``64 links that lead out of the folder``."""
    counts = Counter(reasons)
    return " and ".join(f"{counts[kind]} {text}" for kind, text in _NOTES.items() if counts[kind])


def _fault(entry: os.DirEntry[str], path: Path, inside: Path) -> str:
    """Why what is no folder is left out; empty if it is a file."""
    if entry.is_file(follow_symlinks=False):
        return ""
    if not entry.is_symlink():
        return NO_FILE
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):  # a loop of links
        return NOWHERE
    if not target.is_relative_to(inside):
        return OUT
    if target.is_dir():
        return LINKED_FOLDER
    return "" if target.is_file() else NO_FILE

"""Names of the survey's rows: folders by number and files as messages show them, or as they are."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from dataset_converters.dicom.files_below import FilesBelow
from dataset_converters.privacy.shown_name import shown_names


class RowNames:
    """Names of all that lies below some folders, made once: a folder may hold thousands of files."""

    def __init__(self, below: Mapping[Path, FilesBelow], *, show_names: bool) -> None:
        self._show_names = show_names
        self._folders: dict[Path, str] = {}
        self._files: dict[Path, str] = {}
        for root, found in below.items():
            self._folders[root] = ""
            for folders in _by_parent(found.folders).values():
                self._folders |= self._numbered(folders)
            left_out = [path for path in found.left_out if path not in self._folders]
            for files in _by_parent([*found.files, *left_out]).values():
                self._files |= {path: path.name for path in files} if show_names else shown_names(files)

    def name(self, files: Iterable[Path]) -> str:
        """Return the name of a file, or of several files of one folder: their number."""
        paths = sorted(files)
        if len(paths) == 1 and paths[0] in self._folders:
            return self._folders[paths[0]].removesuffix("/") or "the folder itself"
        file = self._files[paths[0]] if len(paths) == 1 else f"{len(paths)} files"
        return self._folders[paths[0].parent] + file

    def _numbered(self, folders: Sequence[Path]) -> dict[Path, str]:
        above, digits = self._folders[folders[0].parent], len(str(len(folders)))
        parts = {
            path: path.name if self._show_names else f"folder {number:0{digits}d}"
            for number, path in enumerate(folders, start=1)
        }
        return {path: f"{above}{part}/" for path, part in parts.items()}


def _by_parent(paths: Iterable[Path]) -> dict[Path, list[Path]]:
    """The paths of each folder; outer folders first if the paths are sorted."""
    groups: dict[Path, list[Path]] = defaultdict(list)
    for path in paths:
        groups[path.parent].append(path)
    return groups

"""What each registration of one template was made from, what it left and how good it is: ``registered.json``."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dataset_converters.atomic import write_json, write_text
from dataset_converters.volumes.nifti import sha256_of

RECORD, TABLE = "registered.json", "registrations.csv"


class Registered:
    """The images registered to one template; what was made from other files, or changed since, counts as missing.

    Parameters
    ----------
    folder : Path
        Of the template; only one process may work there.
    keys : mapping of str to dict
        Image id to what decides its registration; JSON values.
    root : Path
        Run folder, which the recorded paths are relative to.
    """

    def __init__(self, folder: Path, keys: Mapping[str, Any], root: Path) -> None:
        self._folder, self._keys, self._root = folder, keys, root
        self._entries = {image: entry for image, entry in _read(folder / RECORD).items() if self._holds(image, entry)}

    def missing(self) -> list[str]:
        """Return the images without a registration, in the order of the keys."""
        return [image for image in self._keys if image not in self._entries]

    def add(self, image: str, quality: Mapping[str, Any], files: Sequence[Path]) -> None:
        """Record the registration of an image and the files it wrote."""
        written = {str(path.relative_to(self._root)): sha256_of(path) for path in files if path.is_file()}
        figures = {name: value if value == value else None for name, value in quality.items()}  # NaN is no JSON
        self._entries[image] = {"key": self._keys[image], "quality": figures, "files": written}
        write_json(self._folder / RECORD, self._entries)

    def close(self, rows: Mapping[str, Mapping[str, Any]]) -> None:
        """Write the record, and a table with one row of each image in ``rows``: its words, then its quality."""
        write_json(self._folder / RECORD, self._entries)
        missing = {"status": "failed", "reason": "not registered: its files cannot be read"}
        quality = {image: self._entries[image]["quality"] if image in self._entries else missing for image in rows}
        table = [{**words, **quality[image]} for image, words in rows.items()]
        columns = list(dict.fromkeys(name for row in table for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
        write_text(self._folder / TABLE, text.getvalue())

    def _holds(self, image: str, entry: Any) -> bool:
        if not isinstance(entry, dict) or entry.get("key") != self._keys.get(image) or not entry.get("files"):
            return False
        paths = {self._root / name: sha256 for name, sha256 in entry["files"].items()}
        return all(path.is_file() and sha256_of(path) == sha256 for path, sha256 in paths.items())


def _read(path: Path) -> dict[str, Any]:
    """Return the record; empty where there is none, or none that can be read: everything is registered again then."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}

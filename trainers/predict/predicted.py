"""What each label map of a folder was made from: ``predicted.json``, so that none is made twice and none goes stale."""

import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dataset_converters.atomic import replacing, write_json
from dataset_converters.volumes.nifti import sha256_of
from trainers.errors import TrainerError
from trainers.plain_name import is_plain_name

RECORD = "predicted.json"
SECONDS_BETWEEN_WRITES = 5.0


class PredictionRecord:
    """The label maps of one folder, each with the key of its content: image, model and settings.

    A label map whose key changed, that is not recorded, or that is not the file that was written is removed when the
    record is opened; a killed process leaves at most a few whole label maps unrecorded, which are made again.

    Parameters
    ----------
    folder : Path
        Only one process may work there (``trainers.lock``).
    keys : mapping of str to dict
        Image id to what decides its label map; JSON values.
    ending : str
        Of the label maps' names.
    alone : bool
        Whether nothing else belongs in the folder: label maps of other ids are removed then. Else they and their
        entries stay as they are; nothing is made from them.

    Raises
    ------
    TrainerError
        An image id leads out of the folder.
    """

    def __init__(self, folder: Path, keys: Mapping[str, Any], *, ending: str = ".nii.gz", alone: bool = True) -> None:
        _refuse_names(folder, [f"{image}{ending}" for image in keys])
        self._folder, self._keys, self._ending = folder, keys, ending
        before = _read(folder / RECORD)
        self._entries = {image: entry for image, entry in before.items() if self._is_current(image, entry)}
        others = {image: entry for image, entry in before.items() if image not in keys and _is_entry(image, entry)}
        self._others = {} if alone else others
        self._written = 0.0
        if (
            before != self._others | self._entries
        ):  # first the record, then the files: a kill between them leaves files unrecorded
            self._write()
        for path in folder.glob(f"*{ending}"):
            image = path.name.removesuffix(ending)
            if image not in self._entries and (alone or image in keys):
                path.unlink()

    def missing(self) -> list[str]:
        """Return the images without a label map, in the order of the keys."""
        return [image for image in self._keys if image not in self._entries]

    def path(self, image: str) -> Path:
        """Return where the label map of an image belongs."""
        return self._folder / f"{image}{self._ending}"

    def add(self, image: str) -> None:
        """Record that the label map of an image was written."""
        self._entries[image] = {"key": self._keys[image], "label_map_sha256": sha256_of(self.path(image))}
        if time.monotonic() - self._written > SECONDS_BETWEEN_WRITES:
            self._write()

    def copy_twin(self, image: str) -> bool:
        """Copy the label map of one of the images with the same key, if it is as written; say whether there was one."""
        key = self._keys[image]
        same = (name for name, entry in self._entries.items() if entry["key"] == key)
        twin = next((name for name in same if self._is_current(name, self._entries[name])), None)
        if twin is None:
            return False
        with replacing(self.path(image)) as temporary:
            shutil.copyfile(self.path(twin), temporary)
        self.add(image)
        return True

    def close(self) -> None:
        """Write what was added last."""
        self._write()

    def lost(self) -> list[str]:
        """Return the images whose label map was made and is not there any more."""
        return [image for image in self._entries if not self.path(image).is_file()]

    def _is_current(self, image: str, entry: Any) -> bool:
        if image not in self._keys or not _is_entry(image, entry) or entry["key"] != self._keys[image]:
            return False
        path = self.path(image)
        return path.is_file() and sha256_of(path) == entry["label_map_sha256"]

    def _write(self) -> None:
        write_json(self._folder / RECORD, dict(sorted((self._others | self._entries).items())))
        self._written = time.monotonic()


def _is_entry(image: str, entry: Any) -> bool:
    known = isinstance(entry, dict) and "key" in entry and isinstance(entry.get("label_map_sha256"), str)
    return known and is_plain_name(image)


def _refuse_names(folder: Path, names: list[str]) -> None:
    for name in names:
        if not is_plain_name(name):
            raise TrainerError(
                str(folder),
                found=f"a label map to be named {name!r}",
                wanted="a file name without separators",
                action="correct the image's name, or the model's file_ending",
            )


def _read(path: Path) -> dict[str, Any]:
    """Return the record; empty where there is none, or none that can be read: everything is predicted again then."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}

"""The folders a conversion writes to: held by one process, foreign files left alone, leftovers removed."""

import contextlib
import fcntl
import time
from collections.abc import Iterator, Set
from typing import TextIO

from dataset_converters.atomic import remove_partial_files
from dataset_converters.errors import ConversionError
from dataset_converters.writing.target import SPLITS, Target

_PATIENCE_S = 10.0


@contextlib.contextmanager
def only_writer(target: Target) -> Iterator[None]:
    """Hold a dataset's folders alone; the lock ends with the process and its workers, however they end.

    Raises
    ------
    ConversionError
        Something else filled the folder, or another conversion is writing there.
    """
    if not (target.annotations / "records").is_dir() and (files := _first_files(target)):
        raise ConversionError(
            target.info.name,
            "",
            found=f"{target.raw} with {files} of another origin",
            wanted="a new folder, or one this command wrote",
            action="give another output folder, name or dataset_id",
        )
    for folder in (target.raw / "imagesTr", target.annotations / "records"):
        folder.mkdir(parents=True, exist_ok=True)
    with (target.annotations / ".lock").open("a") as stream:
        if not _locked(stream):
            raise ConversionError(
                target.info.name,
                "",
                found=f"another conversion that writes to {target.annotations}",
                wanted="one at a time",
                action="wait for it, or give another output folder",
            )
        yield


def remove_leftovers(target: Target, wanted: Set[str], *, keep_listings: bool) -> None:
    """Remove files of cases that are no longer wanted, of killed runs, and the marks of a whole dataset.

    Parameters
    ----------
    wanted : set of str
        Files of finished cases, relative to the run.
    """
    if not keep_listings:
        for listing in (target.raw / "dataset.json", target.raw / SPLITS, target.annotations / "cases.json"):
            listing.unlink(missing_ok=True)
    for folder in (target.raw, target.annotations / "records", *target.folders):
        remove_partial_files(folder)
    earlier = target.raw / "labelsTr"  # one label map an image, as earlier versions wrote
    for folder in (*target.folders, earlier):
        for path in folder.glob("*.nii.gz"):
            if target.relative(path) not in wanted:
                path.unlink()
    with contextlib.suppress(OSError):
        earlier.rmdir()


def _first_files(target: Target) -> str:
    """Return what lies in a dataset's folders already, empty if nothing does."""
    if (target.raw / "dataset.json").exists():
        return "a dataset.json"
    return "images" if any(any(folder.glob("*.nii.gz")) for folder in target.folders) else ""


def _locked(stream: TextIO) -> bool:
    """Wait a little: workers of a killed run end a moment after it."""
    patience_ends = time.monotonic() + _PATIENCE_S
    while True:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > patience_ends:
                return False
            time.sleep(0.1)
        except OSError:  # a file system without locks
            return True
        else:
            return True

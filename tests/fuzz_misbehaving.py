"""A fuzz worker whose readers misbehave on purpose, one kind per fault the worker and its parent have to notice."""

import os
import random
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from benchmarks.performance import fuzz_worker
from benchmarks.performance.fuzz_readings import NotComparableError, Reading, reading_of
from benchmarks.performance.fuzz_samples import KINDS, Kind
from dataset_converters.errors import ConversionError

_ASKED = b"now"


def _image() -> sitk.Image:
    return sitk.Image([2, 3, 4], sitk.sitkInt16)


def _behave(fault: str, folder: Path) -> sitk.Image:
    if (folder / "input").read_bytes() != _ASKED:  # the undamaged input that warms up
        return _image()
    match fault:
        case "crash":
            os.abort()
        case "hang":
            time.sleep(60)
        case "memory":
            np.ones(3 * 2**30, np.uint8)
        case "memory refused":
            _refuse_memory()
        case "error":
            raise KeyError("what")
        case "files":
            Path("left").write_text("x")
        case "files elsewhere":
            (folder.parents[1] / "elsewhere").write_text("x")
        case "files secret":
            Path("/etc/hostname").read_bytes()
        case "files changed":
            (folder / "input").write_bytes(b"")
        case "refused":
            raise ConversionError("fuzz", "input", found="x", wanted="y", action="z")
        case "wrong shape":
            return sitk.Image([3, 2, 4], sitk.sitkInt16)
        case "wrong place":
            return _moved((0.0, 0.0, 0.05))
        case "wrong voxels":
            return _image() + 1
    return _image()


def _refuse_memory() -> None:
    try:
        np.ones(3 * 2**30, np.uint8)
    except Exception:
        raise ConversionError("fuzz", "input", found="x", wanted="y", action="z") from None


def _moved(origin: tuple[float, float, float]) -> sitk.Image:
    image = _image()
    image.SetOrigin(origin)
    return image


def _write(folder: Path) -> None:
    (folder / "input").write_bytes(b"valid")


def _undamaged(content: bytes, _: random.Random) -> bytes:
    return content


def _reread(fault: str, _: Path) -> Reading:
    if fault == "uncompared":
        raise NotComparableError("x")
    return reading_of(_image())


FAULTS: tuple[str, ...] = (
    "crash",
    "hang",
    "memory",
    "memory refused",
    "error",
    "files",
    "files elsewhere",
    "files secret",
)
FAULTS += ("files changed", "wrong shape", "wrong place", "wrong voxels", "refused", "uncompared", "correct")


def main() -> int:
    KINDS.clear()
    for fault in FAULTS:
        KINDS[fault] = Kind((_write,), _undamaged, partial(_behave, fault), partial(_reread, fault))
    return fuzz_worker.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())

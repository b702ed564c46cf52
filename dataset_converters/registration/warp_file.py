"""A warp as one compressed file: whole or absent, with a version and a hash of its content, without pickle."""

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset_converters.atomic import replacing
from dataset_converters.registration.affine import Affine
from dataset_converters.registration.deformation import Deformation
from dataset_converters.registration.errors import RegistrationError
from dataset_converters.registration.frame import Frame
from dataset_converters.registration.warp import Warp

VERSION = 1
_FRAMES = ("case", "template", "working")
_ARRAYS = ("forward", "inverse", "matrix", "offset_mm")
_LARGEST_BYTES = 2**30


def save_warp(path: Path, warp: Warp, *, facts: dict[str, Any] | None = None) -> None:
    """Write a warp as ``.npz``, and facts (JSON values) beside it: what was registered, how well.

    Raises
    ------
    DiskFullError
        If there is no room; nothing is left behind.
    """
    arrays: dict[str, NDArray[Any]] = {
        "forward": warp.deformation.forward,
        "inverse": warp.deformation.inverse,
        "matrix": warp.affine.matrix,
        "offset_mm": warp.affine.offset_mm,
    }
    frames = {name: [getattr(warp, name).shape, getattr(warp, name).spacing_mm] for name in _FRAMES}
    head = {"version": VERSION, "backend": warp.backend, "frames": frames, "facts": facts or {}}
    text = json.dumps(head, sort_keys=True)
    header = json.dumps({"head": text, "sha256": _digest(text, arrays)}).encode()
    with replacing(path, suffix=".npz") as temporary:
        members = {"header": np.frombuffer(header, np.uint8), **arrays}
        np.savez_compressed(temporary, allow_pickle=False, **members)


def load_warp(path: Path) -> tuple[Warp, dict[str, Any]]:
    """Read a warp and its facts.

    Raises
    ------
    RegistrationError
        No such file, damaged, of another version, or not written by `save_warp`.
    """
    try:
        arrays = _read(path)
        outer = json.loads(arrays.pop("header").tobytes())
        text = outer["head"]
        if outer["sha256"] != _digest(text, arrays):
            raise ValueError("content that does not match its hash")
        head = json.loads(text)
        if head["version"] != VERSION:
            raise ValueError(f"version {head['version']}")
        return _warp(head, arrays), head["facts"]
    except FileNotFoundError:
        raise _refusal(path, "no file") from None
    except Exception as error:  # whatever a damaged archive leads to
        told = str(error) if type(error) is ValueError else type(error).__name__
        raise _refusal(path, told) from None


def _read(path: Path) -> dict[str, NDArray[Any]]:
    with zipfile.ZipFile(path) as archive:
        names = sorted(entry.filename for entry in archive.infolist())
        if names != sorted(f"{name}.npy" for name in ("header", *_ARRAYS)):
            raise ValueError("other members than a warp has")
        if sum(entry.file_size for entry in archive.infolist()) > _LARGEST_BYTES:
            raise ValueError("more than 1 GiB of content")
    with np.load(path, allow_pickle=False) as content:
        return {name: content[name] for name in content.files}


def _warp(head: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Warp:
    frames = {name: Frame(tuple(shape), tuple(spacing)) for name, (shape, spacing) in head["frames"].items()}
    dimension = len(frames["working"].shape)
    shape = (dimension, *frames["working"].shape)
    wanted = {"forward": shape, "inverse": shape, "matrix": (dimension,) * 2, "offset_mm": (dimension,)}
    for name, size in wanted.items():
        if arrays[name].shape != size or not np.isfinite(arrays[name]).all():
            raise ValueError(f"{name} of shape {arrays[name].shape}, or not finite")
    affine = Affine(arrays["matrix"], arrays["offset_mm"])
    deformation = Deformation(arrays["forward"], arrays["inverse"])
    return Warp(frames["case"], frames["template"], frames["working"], affine, deformation, head["backend"])


def _digest(text: str, arrays: dict[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256(text.encode())
    for name in _ARRAYS:
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


def _refusal(path: Path, found: str) -> RegistrationError:
    return RegistrationError(
        f"warp file {path.name}", found=found, wanted=f"a warp of version {VERSION}", action="register the case again"
    )

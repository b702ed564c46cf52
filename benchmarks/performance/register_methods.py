"""One registration method on one pair: time, overlap there, back and both ways, folds, inverse consistency."""

import importlib.util
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from benchmarks.performance.chest_pair import Chest
from dataset_converters.registration.affine import Affine
from dataset_converters.registration.backends.demons import as_field
from dataset_converters.registration.deformation import Deformation, folding_share
from dataset_converters.registration.frame import Frame, coarser, shrink
from dataset_converters.registration.quality import dice
from dataset_converters.registration.register import Registration, register
from dataset_converters.registration.warp import Warp, inverse_error_mm

METHODS = {"none": "", "affine": "", "svf": "", "demons": "", "elastix": "itk", "antspyx": "ants"}
"""Methods, each with the optional package it needs."""


@dataclass(frozen=True)
class Row:
    """What one method did, and its warp."""

    method: str
    cpu_s: float
    wall_s: float
    forward: float
    inverse: float
    round_trip: float
    folding_share: float
    inverse_mean_mm: float
    inverse_p95_mm: float
    status: str
    warp: Warp


def installed_methods() -> list[str]:
    """Return the methods whose package is there."""
    return [name for name, package in METHODS.items() if not package or importlib.util.find_spec(package)]


def measure(method: str, moving: Chest, fixed: Chest, aligned: Warp) -> Row:
    """Run one method; ``aligned`` is any warp of the pair, whose affine part serves ``affine`` and ``antspyx``."""
    wall, cpu = time.perf_counter(), time.process_time()
    found: Registration | None = None
    if method in ("none", "affine"):
        warp = _still(aligned, _centred(moving.frame, fixed.frame) if method == "none" else aligned.affine)
    elif method == "antspyx":
        warp = _ants(aligned, moving, fixed)
    else:
        found = register_chests(moving, fixed, method)
        if found.warp is None:
            raise RuntimeError(f"{method}: {found.quality.reason}")
        warp = found.warp
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return _row(method, (cpu, wall), moving, fixed, warp, found.quality.status if found else "")


def register_chests(moving: Chest, fixed: Chest, backend: str) -> Registration:
    """Register by the images alone."""
    spacings = {"moving_spacing_mm": moving.frame.spacing_mm, "fixed_spacing_mm": fixed.frame.spacing_mm}
    return register(moving.image, fixed.image, backend=backend, **spacings)  # type: ignore[arg-type]


def _row(method: str, seconds: tuple[float, float], moving: Chest, fixed: Chest, warp: Warp, status: str) -> Row:
    there = warp.warp_labels(moving.lung.astype(np.uint8))
    back = warp.unwarp_labels(fixed.lung.astype(np.uint8))
    again = warp.unwarp_labels(there)
    error = inverse_error_mm(warp.deformation, warp.working)
    return Row(
        method,
        *seconds,
        dice(fixed.lung, there > 0),
        dice(moving.lung, back > 0),
        dice(moving.lung, again > 0),
        folding_share(warp.deformation.forward, warp.working.spacing_mm),
        float(error.mean()),
        float(np.percentile(error, 95)),
        status,
        warp,
    )


def _centred(moving: Frame, fixed: Frame) -> Affine:
    return Affine(np.eye(3), (np.array(moving.extent_mm) - np.array(fixed.extent_mm)) / 2)


def _still(warp: Warp, affine: Affine) -> Warp:
    still = np.zeros_like(warp.deformation.forward)
    return Warp(warp.case, warp.template, warp.working, affine, Deformation(still, still), "")


def _ants(aligned: Warp, moving: Chest, fixed: Chest) -> Warp:
    """Return SyN of ANTs at working resolution, after the same affine alignment."""
    import ants

    still = _still(aligned, aligned.affine)
    working = coarser(fixed.frame, min(aligned.working.spacing_mm))
    frames = Warp(still.case, working, working, still.affine, _zeros(working), "")
    images = [_ants_image(ants, array, working) for array in (_fixed(fixed, working), frames.warp_image(moving.image))]
    found = ants.registration(*images, type_of_transform="SyNOnly", syn_metric="mattes", random_seed=1)
    fields = [next(name for name in found[key] if name.endswith(".nii.gz")) for key in _TRANSFORMS]
    forward, inverse = (_displacement(name) for name in fields)
    return Warp(still.case, still.template, working, still.affine, Deformation(forward, inverse), "antspyx")


_TRANSFORMS = ("fwdtransforms", "invtransforms")


def _zeros(frame: Frame) -> Deformation:
    still = np.zeros((3, *frame.shape), np.float32)
    return Deformation(still, still)


def _fixed(fixed: Chest, working: Frame) -> NDArray[np.float32]:
    return shrink(fixed.image, working)


def _ants_image(ants: Any, array: NDArray[np.float32], frame: Frame) -> Any:
    clipped = np.clip(array, -1000, 200).astype(np.float32)
    return ants.from_numpy(clipped.transpose(2, 1, 0).copy(), spacing=frame.spacing_mm[::-1])


def _displacement(name: str) -> NDArray[np.float32]:
    return as_field(sitk.ReadImage(name, sitk.sitkVectorFloat64))

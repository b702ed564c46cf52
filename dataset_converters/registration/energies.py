"""What it takes to register patients to each other, fast and coarse: a measure of how unlike they are."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from dataset_converters.registration.affine import Affine, align, start_from_boxes
from dataset_converters.registration.chest_region import Mask, find_lungs
from dataset_converters.registration.deformation import Deformation
from dataset_converters.registration.frame import Frame, coarser, shrink
from dataset_converters.registration.register import windowed
from dataset_converters.registration.velocity_descent import STIFFNESS, Level, descend
from dataset_converters.registration.warp import Warp

SPACING_MM = 8.0
_LEVELS = (Level(2.0, 25), Level(1.0, 15))


def pairwise_energies(images: Iterable[tuple[NDArray[np.generic], tuple[float, ...]]]) -> NDArray[np.float64]:
    """Return the registration energy of every pair, (n, n), symmetric, zero diagonal, dimensionless.

    ``mean|moving(T) - fixed|² + stiffness * (|A - 1|² + mean|grad v|²)``: the difference of the windowed images that
    is left, and the squared gradient of what the affine matrix A and the velocity v move, both as the registration
    itself weighs them. Each pair is registered once (the earlier patient is the fixed one), at 8 mm.

    Parameters
    ----------
    images : iterable of (array (Z, Y, X) or (Y, X) in HU, spacing in mm)
        Read one at a time; only their 8 mm versions are kept.

    Returns
    -------
    array
        NaN for pairs of an image without lungs.
    """
    sides = [_shrunk(image, spacing) for image, spacing in images]
    energies = np.zeros((len(sides), len(sides)))
    for later in range(len(sides)):
        for earlier in range(later):
            energies[earlier, later] = energies[later, earlier] = _energy(sides[later], sides[earlier])
    return energies


_Small = tuple[NDArray[np.float32], Mask, Frame]


def _shrunk(image: NDArray[np.generic], spacing_mm: tuple[float, ...]) -> _Small:
    frame = coarser(Frame(image.shape, tuple(float(step) for step in spacing_mm)), SPACING_MM)
    small = shrink(image, frame)
    return windowed(small), find_lungs(small, frame.voxel), frame


def _energy(moving: _Small, fixed: _Small) -> float:
    (image, air, frame), (target, target_air, target_frame) = moving, fixed
    if not air.any() or not target_air.any():
        return float("nan")
    affine = _affine(moving, fixed)
    still = np.zeros((target.ndim, *target.shape), np.float32)
    warp = Warp(frame, target_frame, target_frame, affine, Deformation(still, still), "")
    aligned = np.maximum(warp.warp_image(image), 0.0)
    inside = warp.warp_labels(np.ones(image.shape, np.uint8), sampling="nearest").astype(np.float32)
    found = descend(aligned[None], target[None], target_frame, weight=inside, levels=_LEVELS)
    strain = float(np.square(affine.matrix - np.eye(target.ndim)).sum())
    return found.difference + STIFFNESS * (strain + found.roughness)


def _affine(moving: _Small, fixed: _Small) -> Affine:
    (image, air, frame), (target, target_air, target_frame) = moving, fixed
    start = start_from_boxes(air, target_air, frame, target_frame)
    return align(image, target, frame, target_frame, start=start)

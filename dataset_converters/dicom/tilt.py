"""Slices of a tilted gantry as an upright stack.

A tilted gantry moves the table at an angle to the slices, so every slice is shifted in its plane against the one
before. The shift is undone by resampling each slice in its own plane (linear, no mixing of slices); the grid grows by
the total shift, and what no slice covers becomes `OUTSIDE_HU`. Slices keep their planes: contours drawn on them stay
where they are. Resampling smooths the noise, by a share that depends on the fraction of a pixel a slice is shifted by:
a corrected series is not to be used where noise or sharpness is measured.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

OUTSIDE_HU = -1024
"""Value of voxels that no slice covers: air."""
_EXACT = 1e-6  # of a pixel


@dataclass(frozen=True)
class Shear:
    """Shift of each slice against the one before.

    Attributes
    ----------
    step_xy : tuple of float
        In pixels along rows (x) and columns (y).
    slices : int
        Number of slices.
    """

    step_xy: tuple[float, float]
    slices: int

    @property
    def before_xy(self) -> tuple[int, int]:
        """Pixels by which the grid grows before the first one."""
        return self._grown(-1)

    @property
    def added_xy(self) -> tuple[int, int]:
        """Pixels by which the grid grows in all."""
        before, after = self._grown(-1), self._grown(1)
        return before[0] + after[0], before[1] + after[1]

    def _grown(self, sign: int) -> tuple[int, int]:
        last = [sign * step * (self.slices - 1) for step in self.step_xy]
        x, y = (math.ceil(max(0.0, shift) - _EXACT) for shift in last)
        return x, y


def undo_shear(plane_yx: NDArray[np.generic], index: int, shear: Shear) -> NDArray[np.generic]:
    """Return slice ``index`` (from 0, first along the normal) on the grown grid, of the same type."""
    plane = plane_yx
    for axis, (step, before, added) in enumerate(
        zip(shear.step_xy[::-1], shear.before_xy[::-1], shear.added_xy[::-1], strict=True)
    ):
        if step:
            plane = _shifted(plane, before + index * step, plane.shape[axis] + added, axis)
    return plane


def _shifted(plane: NDArray[np.generic], shift: float, size: int, axis: int) -> NDArray[np.generic]:
    """Shift a plane along an axis into one of another size, linear between its pixels."""
    source: NDArray[Any] = np.moveaxis(plane, axis, 0)
    nearest = round(shift)
    exact = abs(shift - nearest) < _EXACT
    whole = nearest if exact else math.ceil(shift)
    share = np.float32(whole - shift)  # of the pixel after
    values: NDArray[Any] = source if exact else (1 - share) * source[:-1] + share * source[1:]
    if plane.dtype.kind == "i":
        values = np.rint(values)
    result = np.full((size, *source.shape[1:]), OUTSIDE_HU, plane.dtype)
    result[whole : whole + len(values)] = values.astype(plane.dtype)
    return np.moveaxis(result, 0, axis)

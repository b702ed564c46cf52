"""Smooth 3-D fields that cost little on a coarse grid and are read slice by slice on a fine one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
_LATTICE_SPAN_MM = ((-40.0, 460.0), (-260.0, 260.0), (-260.0, 260.0))


@dataclass(frozen=True)
class Axes:
    """Coordinates of a grid's planes, rows and columns in mm: z up from the lowest plane, y back, x to the left."""

    z_mm: NDArray[np.float64]
    y_mm: NDArray[np.float64]
    x_mm: NDArray[np.float64]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of planes, rows and columns."""
        return len(self.z_mm), len(self.y_mm), len(self.x_mm)

    def open(self) -> tuple[Array, Array, Array]:
        """The coordinates as arrays that broadcast to (Z, Y, X)."""
        z, y, x = (np.asarray(axis, np.float32) for axis in (self.z_mm, self.y_mm, self.x_mm))
        return z[:, None, None], y[None, :, None], x[None, None, :]


@dataclass(frozen=True)
class Field:
    """A field given by a coefficient matrix per plane: plane ``k`` is ``rows @ planes[k] @ columns.T``."""

    planes: Array
    rows: Array
    columns: Array

    def plane(self, k: int) -> Array:
        """Values on plane ``k``, (Y, X) of the grid the field was made for."""
        return self.rows @ self.planes[k] @ self.columns.T

    def volume(self) -> Array:
        """Values on every plane, (Z, Y, X)."""
        return self.rows @ self.planes @ self.columns.T


def refine(values: NDArray[np.floating], coarse: Axes, fine: Axes) -> Field:
    """Field that interpolates ``values`` (on ``coarse``) bilinearly to the rows and columns of ``fine``.

    Both grids must have the same planes.
    """
    rows = _linear_weights(fine.y_mm, coarse.y_mm)
    return Field(np.asarray(values, np.float32), rows, _linear_weights(fine.x_mm, coarse.x_mm))


def random_field(rng: np.random.Generator, axes: Axes, scale_zyx_mm: Sequence[float]) -> Field:
    """Gaussian random field of mean 0 and standard deviation about 1 that varies over ``scale_zyx_mm``.

    Cubic B-splines on a lattice fixed in space, so a seed gives the same field on every grid.
    """
    nodes = [np.arange(*span, scale) for span, scale in zip(_LATTICE_SPAN_MM, scale_zyx_mm, strict=True)]
    lattice = rng.standard_normal([len(n) for n in nodes], dtype=np.float32)
    z, y, x = (_spline_weights(axis, node) for axis, node in zip((axes.z_mm, axes.y_mm, axes.x_mm), nodes, strict=True))
    return Field(np.tensordot(z, lattice, axes=1), y, x)


def smooth_minimum(levels: Sequence[NDArray[np.floating]], rounding: float) -> Array:
    """Minimum of several level functions with corners rounded over about ``rounding`` (same unit)."""
    lowest = np.minimum.reduce([np.asarray(level, np.float32) for level in np.broadcast_arrays(*levels)])
    total = np.zeros(lowest.shape, np.float32)
    for level in levels:
        total += np.exp(np.maximum((lowest - level) / rounding, -20.0))
    return lowest - np.float32(rounding) * np.log(total)


def _linear_weights(positions: NDArray[np.float64], nodes: NDArray[np.float64]) -> Array:
    index = np.interp(positions, nodes, np.arange(len(nodes)))
    return np.clip(1.0 - np.abs(index[:, None] - np.arange(len(nodes))), 0.0, None).astype(np.float32)


def _spline_weights(positions: NDArray[np.float64], nodes: NDArray[np.float64]) -> Array:
    distance = np.abs(positions[:, None] - nodes[None, :]) / (nodes[1] - nodes[0])
    near = 2.0 / 3.0 - distance**2 + distance**3 / 2.0
    far = np.clip(2.0 - distance, 0.0, None) ** 3 / 6.0
    # 151/315 is the integral of the squared spline: it brings the standard deviation to 1.
    return (np.where(distance < 1.0, near, far) / np.sqrt(151.0 / 315.0)).astype(np.float32)

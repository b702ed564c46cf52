"""Where the voxels of an image lie, without origin and direction: millimetres from the outer corner of the array."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Frame:
    """A grid of voxels that fills a box; two frames of one image share its corner and its extent.

    A point is given in mm from the outer corner of the first voxel along the array's axes, so that voxel ``j`` of an
    axis has its centre at ``(j + 0.5) * spacing``. Images of one patient at several resolutions have one coordinate
    system, images of two patients have two, which only a `warp.Warp` relates.

    Attributes
    ----------
    shape : tuple of int
        Voxels along each axis of the array, (z, y, x) or (y, x).
    spacing_mm : tuple of float
        Spacing along the same axes.
    """

    shape: tuple[int, ...]
    spacing_mm: tuple[float, ...]

    @property
    def extent_mm(self) -> tuple[float, ...]:
        """Size of the box along each axis, mm."""
        return tuple(count * step for count, step in zip(self.shape, self.spacing_mm, strict=True))

    @property
    def voxel(self) -> float:
        """Size of a voxel, mm³ (mm² in 2-D)."""
        return math.prod(self.spacing_mm)


def coarser(frame: Frame, spacing_mm: float, *, most_voxels: float = math.inf) -> Frame:
    """Return the frame of the same box whose spacing is about ``spacing_mm``, and on no axis finer than the image's.

    The spacing grows until at most ``most_voxels`` are left, so that a fine axis pays first for a long one.
    """
    while True:
        steps = (max(1, round(extent / spacing_mm)) for extent in frame.extent_mm)
        shape = tuple(min(step, count) for step, count in zip(steps, frame.shape, strict=True))
        if math.prod(shape) <= most_voxels:
            spacing = tuple(extent / count for extent, count in zip(frame.extent_mm, shape, strict=True))
            return Frame(shape, spacing)
        spacing_mm *= 1.03


def shrink(image: NDArray[np.generic], target: Frame) -> Matrix:
    """Return an image of the same box at the coarser resolution of ``target``: means over its voxels, float32.

    One slice of the first axis is read at a time, so an integer image of any size needs little memory beside itself.
    """
    rows = [averaging(count, fewer) for count, fewer in zip(image.shape, target.shape, strict=True)]
    if image.ndim == 2:
        return _shrunk_plane(image, rows[0], rows[1])
    result = np.zeros(target.shape, np.float32)
    for index, plane in enumerate(image):
        small = _shrunk_plane(plane, rows[1], rows[2])
        for slab in np.flatnonzero(rows[0][:, index]):
            result[slab] += rows[0][slab, index] * small
    return result


def averaging(count: int, fewer: int) -> Matrix:
    """Return the matrix (fewer, count) that averages ``count`` cells of a length over ``fewer`` cells of it."""
    fine, coarse = np.arange(count + 1) / count, np.arange(fewer + 1) / fewer
    low = np.maximum(fine[None, :-1], coarse[:-1, None])
    high = np.minimum(fine[None, 1:], coarse[1:, None])
    share: Matrix = (np.clip(high - low, 0.0, None) * fewer).astype(np.float32)
    return share


def interpolating(count: int, more: int) -> Matrix:
    """Return the matrix (more, count) that interpolates ``count`` cells of a length linearly at ``more`` centres."""
    position = np.clip((np.arange(more) + 0.5) * count / more - 0.5, 0, count - 1)
    lower = np.minimum(position.astype(int), max(count - 2, 0))
    share = (position - lower).astype(np.float32)
    matrix = np.zeros((more, count), np.float32)
    matrix[np.arange(more), lower] = 1.0 - share
    matrix[np.arange(more), np.minimum(lower + 1, count - 1)] += share
    return matrix


def spline(count: int, more: int) -> Matrix:
    """Return the matrix (more, count) of cubic B-splines: ``count`` coefficients evaluated at ``more`` cell centres.

    Cells tile one length; the splines beyond its ends are those of the nearest cell, so that rows sum to one.
    """
    position = (np.arange(more) + 0.5) * count / more - 0.5
    matrix = np.zeros((more, count), np.float32)
    for index, place in enumerate(position):
        for knot in range(math.floor(place) - 1, math.floor(place) + 3):
            matrix[index, min(max(knot, 0), count - 1)] += _cubic(abs(place - knot))
    return matrix


def apply_axes(field: NDArray[np.float32], matrices: Sequence[Matrix]) -> NDArray[np.float32]:
    """Return an array whose last axes have each been multiplied by a matrix."""
    for axis, matrix in enumerate(matrices, start=field.ndim - len(matrices)):
        field = np.moveaxis(np.tensordot(field, matrix, axes=(axis, 1)), -1, axis)
    return np.ascontiguousarray(field)


def _shrunk_plane(plane: NDArray[np.generic], rows: Matrix, columns: Matrix) -> Matrix:
    small: Matrix = rows @ plane.astype(np.float32) @ columns.T
    return small


def _cubic(distance: float) -> float:
    if distance < 1.0:
        return 2.0 / 3.0 - distance**2 + distance**3 / 2.0
    return max(0.0, 2.0 - distance) ** 3 / 6.0

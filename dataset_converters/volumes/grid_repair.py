"""Grids with axes that every program reads alike (orthonormal, right-handed), and exact turns of one into another."""

from dataclasses import dataclass

import numpy as np

from dataset_converters.volumes.grid import DISPLACEMENT_TOLERANCE, ORTHONORMAL_TOLERANCE, Grid

REPAIR_TOLERANCE = 1e-3
"""Largest entry of axes' products off the unit matrix that is repaired: 0.06 degrees, 0.2 mm at 200 mm."""


@dataclass(frozen=True)
class Turn:
    """How the voxels of one grid lie on another: axes exchanged, reversed, and shifted by whole voxels.

    Attributes
    ----------
    axes : tuple of int
        Source axis (0 x, 1 y, 2 z) that runs along each target axis x, y, z.
    reversed_axes : tuple of bool
        Whether it runs backwards along that target axis.
    start : tuple of int
        Lowest target index (x, y, z) that the source covers.
    """

    axes: tuple[int, int, int]
    reversed_axes: tuple[bool, bool, bool]
    start: tuple[int, int, int]

    def apply(self, voxels_zyx: np.ndarray) -> np.ndarray:
        """Return the voxels in the target's axis order (z, y, x), a view; the shift is not applied."""
        turned = voxels_zyx.transpose([2 - self.axes[2 - position] for position in range(3)])
        return turned[tuple(slice(None, None, -1 if back else 1) for back in reversed(self.reversed_axes))]


def repair_grid(grid: Grid) -> tuple[Grid, float]:
    """Return the grid with the nearest orthonormal axes, and how far its axes were from orthonormal.

    Nearest in the least-squares sense (polar decomposition); spacing and the middle of the volume stay. Axes within
    `ORTHONORMAL_TOLERANCE` are kept as they are.

    Raises
    ------
    ValueError
        Not finite, a spacing of 0, or further from orthonormal than `REPAIR_TOLERANCE`.
    """
    spacing_mm = grid.spacing_mm
    if not np.all(np.isfinite(grid.affine_lps)) or not np.all((spacing_mm > 1e-6) & (spacing_mm < 1e4)):
        raise ValueError("axes or origin that are not finite, or spacings that are not above 0 mm")
    error = float(np.abs(grid.direction.T @ grid.direction - np.eye(3)).max())
    if error <= ORTHONORMAL_TOLERANCE:
        return grid, error
    if not error <= REPAIR_TOLERANCE:
        raise ValueError(f"axes that are {error:.2g} from orthonormal (at most {REPAIR_TOLERANCE:g} is repaired)")
    left, _, right = np.linalg.svd(grid.direction)
    affine = grid.affine_lps.copy()
    affine[:3, :3] = (left @ right) * spacing_mm
    middle = (np.array(grid.size_xyz) - 1) / 2
    affine[:3, 3] += (grid.affine_lps[:3, :3] - affine[:3, :3]) @ middle
    return Grid(grid.size_xyz, affine), error


def is_left_handed(grid: Grid) -> bool:
    """Return whether x, y, z of the grid form a mirrored system."""
    return bool(np.linalg.det(grid.direction) < 0)


def reverse_slices(grid: Grid) -> Grid:
    """Return the grid of the same voxels counted from the other end of the slice axis."""
    affine = grid.affine_lps.copy()
    affine[:3, 3] += affine[:3, 2] * (grid.size_xyz[2] - 1)
    affine[:3, 2] *= -1
    return Grid(grid.size_xyz, affine)


def find_turn(source: Grid, target: Grid, *, tolerance: float = DISPLACEMENT_TOLERANCE) -> Turn | None:
    """Return how the source's voxels lie on the target's, None if they do not coincide.

    They coincide if every source voxel is within ``tolerance`` (a part of the target's smallest spacing) of a voxel
    of the target's lattice; the source may reach beyond the target.
    """
    to_target = np.linalg.inv(target.affine_lps) @ source.affine_lps
    steps = np.round(to_target[:3, :3])
    if not np.all(np.isfinite(to_target)) or not _is_signed_permutation(steps):
        return None
    origin = np.round(to_target[:3, 3])
    corners = np.array(np.meshgrid(*((0, size - 1) for size in source.size_xyz))).reshape(3, -1)
    away = (to_target[:3, :3] - steps) @ corners + (to_target[:3, 3] - origin)[:, None]
    away_mm = np.linalg.norm(target.affine_lps[:3, :3] @ away, axis=0)
    if not away_mm.max() <= tolerance * target.spacing_mm.min():
        return None
    axes = tuple(int(axis) for axis in np.abs(steps).argmax(axis=1))
    backwards = tuple(bool(steps[axis].sum() < 0) for axis in range(3))
    lows = [origin[axis] - (source.size_xyz[axes[axis]] - 1 if backwards[axis] else 0) for axis in range(3)]
    return Turn((axes[0], axes[1], axes[2]), (backwards[0], backwards[1], backwards[2]), _whole(lows))


def _is_signed_permutation(steps: np.ndarray) -> bool:
    return bool(np.isin(np.abs(steps), (0, 1)).all() and (np.abs(steps).sum(0) == 1).all()) and bool(
        (np.abs(steps).sum(1) == 1).all()
    )


def _whole(values: list[float]) -> tuple[int, int, int]:
    return int(values[0]), int(values[1]), int(values[2])

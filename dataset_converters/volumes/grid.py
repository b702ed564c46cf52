"""Where the voxels of a volume lie: size, and the affine from voxel index to patient millimetres."""

import itertools
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

ORTHONORMAL_TOLERANCE = 1e-4
DISPLACEMENT_TOLERANCE = 0.01
"""Largest distance between corresponding voxels, as a part of the smallest spacing, on grids called equal."""


@dataclass(frozen=True)
class Grid:
    """The grid of a 3-D volume.

    Attributes
    ----------
    size_xyz : tuple of int
        Number of voxels along x, y, z.
    affine_lps : numpy.ndarray
        (4, 4) float64; maps voxel index (x, y, z, 1) to millimetres left, posterior, superior.
    """

    size_xyz: tuple[int, int, int]
    affine_lps: np.ndarray

    @property
    def spacing_mm(self) -> np.ndarray:
        """Distance of neighbouring voxels along x, y, z in mm, shape (3,)."""
        return np.linalg.norm(self.affine_lps[:3, :3], axis=0)

    @property
    def direction(self) -> np.ndarray:
        """Unit vectors of the x, y, z axes as columns, shape (3, 3)."""
        return self.affine_lps[:3, :3] / self.spacing_mm

    def __str__(self) -> str:
        origin = ", ".join(f"{value:.3f}" for value in self.affine_lps[:3, 3])
        spacing = " x ".join(f"{value:.4g}" for value in self.spacing_mm)
        axes = "; ".join(" ".join(f"{value:.3g}" for value in axis) for axis in (self.direction + 0.0).T)
        size = " x ".join(str(value) for value in self.size_xyz)
        return f"size {size} (x, y, z), spacing {spacing} mm, origin ({origin}) mm, axes ({axes})"


def grid_of(image: sitk.Image) -> Grid:
    """Return the grid of a 3-D SimpleITK image."""
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.asarray(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    width, height, depth = image.GetSize()
    return Grid((width, height, depth), affine)


def grid_fault(grid: Grid) -> tuple[str, str] | None:
    """Return what is wrong with a grid as (found, wanted), None if nothing is."""
    if not np.all(np.isfinite(grid.affine_lps)) or not np.all(grid.spacing_mm > 0):
        return str(grid), "finite origin and spacings above 0 mm"
    error = float(np.abs(grid.direction.T @ grid.direction - np.eye(3)).max())
    if error > ORTHONORMAL_TOLERANCE:
        return f"axes that are {error:.2g} from orthonormal ({grid})", f"orthonormal axes to {ORTHONORMAL_TOLERANCE:g}"
    if np.linalg.det(grid.direction) < 0:
        return f"left-handed axes ({grid})", "right-handed axes"
    return None


def grid_difference(reference: Grid, other: Grid) -> tuple[str, str] | None:
    """Return how a grid differs from the wanted one as (found, wanted), None if they are equal.

    Grids are equal if they have one size and no corner voxel is displaced by more than 1 % of the smallest
    spacing: one bound on shift, scale and rotation together, in millimetres on the object.
    """
    if reference.size_xyz != other.size_xyz:
        return str(other), str(reference)
    displacement_mm = largest_displacement_mm(reference, other)
    bound_mm = DISPLACEMENT_TOLERANCE * float(reference.spacing_mm.min())
    if displacement_mm <= bound_mm:
        return None
    return f"{other}: voxels up to {displacement_mm:.4g} mm away", f"{reference} to {bound_mm:.2g} mm"


def largest_displacement_mm(reference: Grid, other: Grid) -> float:
    """Return how far a voxel of one grid lies from the same voxel of another of its size, at most."""
    corners = np.array([(*corner, 1) for corner in itertools.product(*((0, size - 1) for size in reference.size_xyz))])
    return float(np.linalg.norm((corners @ (reference.affine_lps - other.affine_lps).T)[:, :3], axis=1).max())

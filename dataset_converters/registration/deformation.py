"""What a backend finds: displacements there and back, on the working frame of the fixed image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]


@dataclass(frozen=True)
class Deformation:
    """Displacements in mm, (D, *shape), components in the order of the array's axes.

    Attributes
    ----------
    forward : array
        The fixed point x shows what lies at ``x + forward(x)`` in the affinely aligned moving image.
    inverse : array
        A point y of that image goes to ``y + inverse(y)`` of the fixed one.
    """

    forward: Field
    inverse: Field


def jacobian_determinant(forward: Field, spacing_mm: tuple[float, ...]) -> Field:
    """Return the factor by which ``x + forward(x)`` changes volume at each voxel; 0 or less is a fold.

    Central differences, one-sided at the border; an axis of one voxel counts as undeformed.
    """
    dimension = len(spacing_mm)
    matrix = np.zeros((*forward.shape[1:], dimension, dimension), np.float32)
    for row in range(dimension):
        for column, step in enumerate(spacing_mm):
            if forward.shape[1 + column] > 1:
                matrix[..., row, column] = np.gradient(forward[row], step, axis=column)
            matrix[..., row, column] += row == column
    determinant: Field = np.linalg.det(matrix)
    return determinant


def folding_share(forward: Field, spacing_mm: tuple[float, ...]) -> float:
    """Return the share of voxels (0..1) at which a deformation folds: a determinant of 0 or less."""
    return float(np.mean(jacobian_determinant(forward, spacing_mm) <= 0.0))

"""In which order the surroundings of a surface element are searched, nearest first."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from analysis.surface.surface_distances import Values

RADIUS = 12.0
"""How far is searched, in units of the smallest spacing; what is farther away goes to a KD-tree."""


@dataclass(frozen=True)
class Shell:
    """Rows at one distance from an element, each a step in planes and columns.

    Attributes
    ----------
    lower : int
        Rank of the distance to the rows: no element in them is nearer.
    steps : tuple of (int, int)
        Planes and columns to each row.
    ranks : uint16 array (gaps,)
        Rank of the distance to an element that lies so many corners along the row.
    """

    lower: int
    steps: tuple[tuple[int, int], ...]
    ranks: npt.NDArray[np.uint16]


@dataclass(frozen=True)
class SearchOrder:
    """The search around a surface element.

    Attributes
    ----------
    distances_mm : float64 array (ranks,)
        Every distance within the search radius, ascending; a rank is an index into it.
    shells : tuple of Shell
        Nearest first.
    planes, rows, columns : int
        Farthest step along each axis; ``rows + 1`` stands for anything beyond.
    """

    distances_mm: Values
    shells: tuple[Shell, ...]
    planes: int
    rows: int
    columns: int

    @property
    def beyond(self) -> int:
        """The rank of everything outside the search radius."""
        return len(self.distances_mm)


@lru_cache(maxsize=64)
def search_order(spacing_mm: tuple[float, ...]) -> SearchOrder:
    """Return the search order for a voxel spacing, (z, y, x) or (y, x)."""
    sizes = spacing_mm if len(spacing_mm) == 3 else (np.inf, *spacing_mm)
    radius = RADIUS * min(sizes)
    planes, rows, columns = (int(radius // size) for size in sizes)
    # Squares are summed in the order of the axes, as scipy's distance transform does: the same rounding.
    z, y, x = (
        (np.arange(n + 1) * (size if n else 1.0)) ** 2 for n, size in zip((planes, rows, columns), sizes, strict=True)
    )
    squares = z[:, None, None] + y[None, :, None] + x[None, None, :]
    inside = squares <= radius**2
    distances, rank = np.unique(np.sqrt(squares[inside]), return_inverse=True)
    ranks = np.full((planes + 1, rows + 2, columns + 1), len(distances), dtype=np.uint16)
    ranks[:, :-1][inside] = rank
    return SearchOrder(distances, _shells(ranks, len(distances)), planes, rows, columns)


def _shells(ranks: npt.NDArray[np.uint16], beyond: int) -> tuple[Shell, ...]:
    steps = [step for step in np.ndindex(ranks.shape[0], ranks.shape[2]) if ranks[step[0], 0, step[1]] < beyond]
    steps.sort(key=lambda step: (int(ranks[step[0], 0, step[1]]), step))
    return tuple(
        Shell(int(ranks[z, 0, x]), tuple(sorted({(a, b) for a in (z, -z) for b in (x, -x)})), ranks[z, :, x].copy())
        for z, x in steps
    )

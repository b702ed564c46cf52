"""From every element of one surface to the nearest of another: ordered search close by, a KD-tree for the rest."""

import numpy as np
import numpy.typing as npt

from analysis.surface.corner_grid import CornerGrid
from analysis.surface.search_order import SearchOrder
from analysis.surface.surface_distances import Values
from analysis.surface.surface_elements import SurfaceElements

_CHUNK = 1 << 16
"""Elements searched at once: few enough to stay in the processor's cache."""


def nearest_ranks(
    source: SurfaceElements, target: SurfaceElements, *, grid: CornerGrid, order: SearchOrder
) -> npt.NDArray[np.uint16]:
    """Return the rank of the distance from each source element to the nearest target element.

    Every row of corners first gets the distance, in corners, from each of its corners to the nearest target element
    in the row. An element then asks the rows around it, nearest first, until no row can hold anything nearer.

    Returns
    -------
    uint16 array (elements,)
        Index into ``order.distances_mm``; ``order.beyond`` where the nearest is outside the search radius.
    """
    field = _distance_along_rows(target, grid, order.rows + 1)
    ranks = np.empty(len(source.index), dtype=np.uint16)
    for start in range(0, len(ranks), _CHUNK):
        index = source.index[start : start + _CHUNK].astype(np.intp)
        ranks[start : start + _CHUNK] = _searched(index, field, grid=grid, order=order)
    return ranks


def far_distances(
    source: npt.NDArray[np.signedinteger],
    target: npt.NDArray[np.signedinteger],
    *,
    grid: CornerGrid,
    spacing_mm: Values,
) -> Values:
    """Return the distance in mm from each source corner to the nearest target corner, both given by flat index.

    The KD-tree says which one is nearest; the distance is computed from the integer difference, since the tree's own
    is a difference of products and loses the last bits.
    """
    from scipy.spatial import KDTree

    tree = KDTree(_corners(target, grid) * spacing_mm, balanced_tree=False, compact_nodes=False)
    asked = _corners(source, grid)
    nearest = tree.query(asked * spacing_mm)[1]
    squares = ((asked - _corners(target[nearest], grid)) * spacing_mm) ** 2
    return np.sqrt((squares[:, 0] + squares[:, 1]) + squares[:, 2])


def _corners(index: npt.NDArray[np.signedinteger], grid: CornerGrid) -> npt.NDArray[np.int32]:
    """Return plane, row and column of corners, one row each."""
    corners = np.empty((len(index), 3), dtype=np.int32)
    rest, corners[:, 2] = np.divmod(index, grid.width)
    corners[:, 0], corners[:, 1] = np.divmod(rest, grid.rows)
    return corners


def _distance_along_rows(target: SurfaceElements, grid: CornerGrid, limit: int) -> npt.NDArray[np.uint8]:
    """Return the flat corner grid with its margin: corners to the nearest element along the second axis, or limit."""
    field = np.full(grid.size + 2 * grid.start, limit, dtype=np.uint8)
    inner = field[grid.start : grid.start + grid.size]
    inner[target.index] = 0
    planes = inner.reshape(grid.shape)
    step = np.empty((grid.planes, grid.width), dtype=np.uint8)
    for row in range(1, grid.rows):
        np.add(planes[:, row - 1], 1, out=step)
        np.minimum(planes[:, row], step, out=planes[:, row])
    for row in range(grid.rows - 2, -1, -1):
        np.add(planes[:, row + 1], 1, out=step)
        np.minimum(planes[:, row], step, out=planes[:, row])
    return field


def _searched(
    index: npt.NDArray[np.intp], field: npt.NDArray[np.uint8], *, grid: CornerGrid, order: SearchOrder
) -> npt.NDArray[np.uint16]:
    found = np.full(len(index), order.beyond, dtype=np.uint16)
    best, place = found.copy(), np.arange(len(index))
    for shell in order.shells:
        going = best > shell.lower
        if not going.all():
            found[place] = best
            index, best, place = index[going], best[going], place[going]
        if not len(index):
            return found
        for planes, columns in shell.steps:
            row = field[grid.start + grid.step(planes, columns) :].take(index)
            np.minimum(best, shell.ranks.take(row), out=best)
    found[place] = best
    return found

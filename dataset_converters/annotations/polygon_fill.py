"""Fill polygons on a pixel grid by the even-odd rule."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

INDEX_DECIMALS = 6
"""Vertices are rounded to this many decimals of a pixel, so that a vertex meant to lie on a pixel centre does."""
_EDGES_AT_ONCE = 4096  # bounds the memory that a crafted zigzag over all rows can take


def fill_even_odd(polygons_xy: Iterable[NDArray[np.float64]], size_yx: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels whose centre lies inside an odd number of the polygons (so a contour inside another is a hole).

    Pixel (row ``r``, column ``c``) has its centre at ``x = c``, ``y = r``. A centre exactly on an edge belongs to the
    polygon if the inside lies on its right (greater x), or, for a horizontal edge, below (greater y): of two polygons
    that share an edge exactly one takes it. Bridges that are walked both ways (keyholes) cancel out.

    Parameters
    ----------
    polygons_xy : iterable of array (points, 2)
        Closed polygons in pixel coordinates; the last point connects to the first. They may leave the grid.
    size_yx : tuple of int
        Rows and columns.

    Returns
    -------
    array of bool (rows, columns)
    """
    rows, columns = size_yx
    crossings = np.zeros((rows, columns + 1), np.int32)
    for polygon in polygons_xy:
        rounded = np.round(polygon, INDEX_DECIMALS)
        edges = np.stack([rounded, np.roll(rounded, -1, axis=0)], axis=1)
        for first in range(0, len(edges), _EDGES_AT_ONCE):
            row, x = _row_crossings(edges[first : first + _EDGES_AT_ONCE], rows)
            np.add.at(crossings, (row, np.clip(np.ceil(x), 0, columns).astype(np.intp)), 1)
    inside: NDArray[np.bool_] = np.cumsum(crossings[:, :columns], axis=1) % 2 == 1
    return inside


def _row_crossings(ends: NDArray[np.float64], rows: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Row and x of every crossing of an edge (edges, ends, x y) with a row of pixel centres (low end in, high out)."""
    # low end first, ties by x: both directions of an edge must give the same x to the last bit
    swapped = (ends[:, 0, 1] > ends[:, 1, 1]) | ((ends[:, 0, 1] == ends[:, 1, 1]) & (ends[:, 0, 0] > ends[:, 1, 0]))
    ends[swapped] = ends[swapped, ::-1]
    (low_x, low_y), (high_x, high_y) = ends[:, 0].T, ends[:, 1].T
    first = np.clip(np.ceil(low_y), 0, rows).astype(np.intp)
    counts = np.clip(np.ceil(high_y), 0, rows).astype(np.intp) - first
    edge = np.repeat(np.arange(len(counts)), counts)
    row = first[edge] + np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    share = (row - low_y[edge]) / (high_y[edge] - low_y[edge])
    return row, low_x[edge] + share * (high_x[edge] - low_x[edge])

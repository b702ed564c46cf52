"""Where the surface of a mask passes: corners whose surrounding voxels are partly inside."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.mask_pair import Mask
from analysis.surface.corner_grid import CornerGrid

_SLAB_CELLS = 1 << 20
"""Corners coded at once: few enough to stay in the processor's cache."""


@dataclass(frozen=True)
class SurfaceElements:
    """The surface elements of one mask, in the order of their flat index.

    Attributes
    ----------
    index : int32 or int64 array (elements,)
        Flat index in the corner grid, without its margin.
    code : uint8 array (elements,)
        Neighbour code (``element_areas``).
    """

    index: npt.NDArray[np.signedinteger]
    code: npt.NDArray[np.uint8]


def find_surface_elements(mask: Mask, grid: CornerGrid) -> SurfaceElements:
    """Return the corners at which a mask and its surroundings meet; outside the array is background.

    Parameters
    ----------
    mask : bool array (z, y, x) or (y, x)
        Cropped to the box of the grid.
    """
    index_type = np.int32 if grid.size < 2**31 else np.int64
    depth = max(1, _SLAB_CELLS // (grid.rows * grid.width))
    indices, codes = [], []
    for plane in range(0, grid.planes, depth):
        slab = _neighbour_codes(mask, grid, range(plane, min(plane + depth, grid.planes)))
        where = _neither_none_nor_all(slab, 1 << 2**mask.ndim)
        codes.append(slab[where])
        where += plane * grid.rows * grid.width
        indices.append(where.astype(index_type))
    return SurfaceElements(np.concatenate(indices), np.concatenate(codes))


def _neighbour_codes(mask: Mask, grid: CornerGrid, planes: range) -> npt.NDArray[np.uint8]:
    """Return the codes of some planes of corners, flat.

    Voxels are laid out like corners, so the last row and column are empty and stand in for what comes before the
    first: one pass over the flat array for each axis. Multiplying is vectorised for bytes, shifting is not.
    """
    width, plane = grid.width, grid.rows * grid.width
    before = int(mask.ndim == 3)
    voxels = np.zeros(width + 1 + (len(planes) + before) * plane, dtype=np.uint8)
    volume = voxels[width + 1 :].reshape(-1, grid.rows, width)
    source = mask.view(np.uint8).reshape(-1, *mask.shape[-2:])
    first, last = max(planes.start - before, 0), min(planes.stop, len(source))
    inside = slice(first - planes.start + before, last - planes.start + before)
    volume[inside, :-1, : grid.columns - 1] = source[first:last]
    codes = voxels[:-1] * np.uint8(2) | voxels[1:]
    codes = codes[:-width] * np.uint8(4) | codes[width:]
    return codes[:-plane] * np.uint8(16) | codes[plane:] if mask.ndim == 3 else codes


def _neither_none_nor_all(codes: npt.NDArray[np.uint8], count: int) -> npt.NDArray[np.intp]:
    """Return where a code is neither the first nor the last of all; adding one makes that a single comparison."""
    shifted = codes + np.uint8(1)
    if count < 256:
        shifted &= np.uint8(count - 1)
    return np.flatnonzero(shifted > 1)

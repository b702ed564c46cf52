"""Label maps between two slices by interpolating shapes (Raya and Udupa 1990) instead of repeating a slice."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Labels = NDArray[np.uint8]
Distances = NDArray[np.float32]

_MARGIN = 2  # pixels round the structures, so that distances are right where they change sign


def shape_labels(below: Labels, above: Labels, share: float, place_xy: NDArray[np.float64]) -> Labels:
    """Return the labels at a height between two parallel slices.

    Every structure is turned into its signed distance to the outline in each slice (positive inside), which is
    interpolated linearly between the slices and within them (Raya SP, Udupa JK, IEEE Trans Med Imaging 1990;9:32-42).
    A voxel belongs to a structure where the distance to the outline of all structures together is positive; of
    several, to the one with the greatest distance, on a tie to the one with the lowest value.

    Where we differ: a connected part that overlaps nothing of its structure in the other slice is not shrunk away, but
    reaches halfway to that slice, as the voxel it was drawn on does. Distances are in pixels, not mm.

    Parameters
    ----------
    below, above : array (y, x)
        Labels of the two slices; 0 is background.
    share : float
        Height from ``below`` (0) to ``above`` (1).
    place_xy : array (2, rows, columns)
        Where to look: x and y index in the slices; beyond their edge the edge counts.

    Returns
    -------
    array (rows, columns)
        uint8 labels among those of the two slices.
    """
    values = np.union1d(np.unique(below), np.unique(above))
    values = values[values > 0]
    result = np.zeros(place_xy.shape[1:], np.uint8)
    if not values.size:
        return result
    box = _box((below > 0) | (above > 0))
    below, above = below[box], above[box]
    place_yx = np.stack([place_xy[1] - box[0].start, place_xy[0] - box[1].start])
    inside = _score(below > 0, above > 0, share, place_yx) > 0
    scores = np.stack([_score(below == value, above == value, share, place_yx) for value in values])
    result[inside] = values[np.argmax(scores, axis=0)][inside]
    return result


def _box(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return tuple(  # type: ignore[return-value]
        slice(max(int(found[0]) - _MARGIN, 0), int(found[-1]) + 1 + _MARGIN) for found in (rows, columns)
    )


def _score(
    below: NDArray[np.bool_], above: NDArray[np.bool_], share: float, place_yx: NDArray[np.float64]
) -> Distances:
    """Distance to the outline at the height; parts without a counterpart count as far as halfway."""
    shared_below, shared_above = _overlapping(below, above), _overlapping(above, below)
    near, near_shared = (below, shared_below) if share < 0.5 else (above, shared_above)
    between = (1 - share) * _distance(shared_below) + share * _distance(shared_above)
    if share in (0, 1):
        between = _distance(near)
    elif (near & ~near_shared).any():
        between = np.maximum(between, _distance(near & ~near_shared))
    sampled: Distances = ndimage.map_coordinates(between, place_yx, order=1, mode="nearest")
    return sampled


def _overlapping(mask: NDArray[np.bool_], other: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The connected parts (by edge or corner) of a mask that overlap another mask."""
    parts, count = ndimage.label(mask, structure=np.ones((3, 3)))
    kept = np.zeros(count + 1, bool)
    kept[np.unique(parts[mask & other])] = True
    kept[0] = False
    return kept[parts]


def _distance(mask: NDArray[np.bool_]) -> Distances:
    """Signed distance in pixels to the outline, half a pixel beyond the centres; very negative if the mask is empty."""
    if not mask.any():
        return np.full(mask.shape, -float(sum(mask.shape)), np.float32)
    padded = np.pad(mask, 1)
    inside = ndimage.distance_transform_edt(padded)
    outside = ndimage.distance_transform_edt(~padded)
    centres = inside - outside
    distance: Distances = (centres - 0.5 * np.sign(centres))[1:-1, 1:-1].astype(np.float32)
    return distance

"""One label map from several of one case: a vote of the networks of all templates."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

REGIONS: Mapping[int, tuple[int, ...]] = {1: (1, 2), 2: (2,)}
"""Of a map with lung 1 and disease 2: the region of 1 is lung or disease, that of 2 is disease."""


def majority_vote(
    label_maps: Sequence[NDArray[np.integer]], *, regions: Mapping[int, Sequence[int]] = REGIONS
) -> NDArray[np.integer]:
    """Return the label map whose every region is where more than half of the maps have it (Chassagnon 2020).

    Each region is voted on by itself: diseased lung is lung for the vote on lung. Later regions are painted over
    earlier ones. A tie (three of six) is no majority, so the voxel is not in the region: the paper names "simple
    majority" and no rule for ties, and 0.5 of a small structure's networks is no evidence for it.

    Parameters
    ----------
    label_maps : integer arrays of one shape
        On the case's grid.
    regions : mapping
        Label painted where the region won, to the labels that belong to the region, outer region first. For labels
        that exclude each other, ``{1: (1,), 2: (2,)}``: at most one of them can have more than half.

    Raises
    ------
    ValueError
        No map, different shapes, or a label that belongs to no region.
    """
    if not label_maps or len({labels.shape for labels in label_maps}) != 1:
        raise ValueError(f"found {len(label_maps)} label maps of different or no shape; wanted one shape")
    known = {0, *(label for members in regions.values() for label in members)}
    found = {int(label) for labels in label_maps for label in np.unique(labels)}
    if found - known:
        raise ValueError(f"found labels {sorted(found - known)}; wanted labels of the regions: {sorted(known)}")
    result = np.zeros_like(label_maps[0])
    for painted, members in regions.items():
        votes = np.zeros(result.shape, np.uint16)
        for labels in label_maps:
            votes += np.isin(labels, members)
        result[2 * votes.astype(np.int32) > len(label_maps)] = painted
    return result

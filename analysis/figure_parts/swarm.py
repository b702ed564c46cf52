"""Where the points of a swarm lie: beside each other where they would cover each other."""

import numpy as np
import numpy.typing as npt


def swarm_offsets(heights: npt.ArrayLike, *, diameter: float, half_width: float) -> npt.NDArray[np.float64]:
    """Return the sideways offset of each point, in the unit of ``diameter``.

    The lowest point comes first (equal heights in the order given); each takes the place nearest to the middle where
    it touches none before it. Where the width is full, it takes the place farthest from the others and covers some.

    Parameters
    ----------
    heights : float array (n,)
        Height of each point on paper, finite.
    diameter, half_width : float
        Of a point, and how far from the middle a point may lie.
    """
    heights = np.asarray(heights, dtype=np.float64)
    places = _places(diameter, half_width)
    offsets = np.zeros(len(heights))
    placed: list[int] = []
    for index in np.argsort(heights, kind="stable"):
        near = [other for other in placed if heights[index] - heights[other] < diameter]
        offsets[index] = _place(places, offsets[near], heights[index] - heights[near], diameter=diameter)
        placed.append(int(index))
    return offsets


def _places(diameter: float, half_width: float) -> npt.NDArray[np.float64]:
    """Return candidate offsets, the middle first, then right and left in turn."""
    steps = np.arange(1, int(half_width / (diameter / 4)) + 1) * diameter / 4
    return np.concatenate([[0.0], np.stack([steps, -steps], axis=1).ravel()])


def _place(
    places: npt.NDArray[np.float64],
    others: npt.NDArray[np.float64],
    rises: npt.NDArray[np.float64],
    *,
    diameter: float,
) -> float:
    if not len(others):
        return 0.0
    distances = np.hypot(places[:, None] - others[None, :], rises[None, :]).min(axis=1)
    free = np.nonzero(distances >= diameter * (1 - 1e-9))[0]
    return float(places[free[0]] if len(free) else places[int(np.argmax(distances))])

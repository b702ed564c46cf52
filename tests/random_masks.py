"""Random pairs of small masks of every awkward kind, for tests that compare two ways to one number."""

from collections.abc import Iterator

import numpy as np
from scipy.ndimage import gaussian_filter

CT_SPACINGS = (0.5, 0.7, 0.9765625, 1.0, 1.25, 5.0)
KINDS = ("noise", "voxel", "full", "sheet", "blob", "box_at_border", "two_blobs")


def random_pairs(seed: int, count: int, *, axes: int = 3) -> Iterator[tuple[np.ndarray, np.ndarray, tuple[float, ...]]]:
    """Yield reference, prediction (neither empty) and spacing; every second spacing is one that scanners use."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        shape = tuple(int(length) for length in rng.integers(1, 13, axes))
        reference, prediction = (random_mask(rng, shape, str(rng.choice(KINDS))) for _ in range(2))
        if rng.random() < 0.15:  # apart, so that the nearest element is far away
            gap = np.zeros((int(rng.integers(1, 40)), *shape[1:]), dtype=bool)
            nothing = np.zeros(shape, dtype=bool)
            reference = np.concatenate((reference, gap, nothing))
            prediction = np.concatenate((nothing, gap, prediction))
        if number % 2:
            spacing = tuple(float(size) for size in rng.uniform(0.3, 5.0, axes))
        else:
            slices, in_plane = rng.choice(CT_SPACINGS, 2)
            spacing = (float(slices), float(in_plane), float(in_plane))[-axes:]
        yield reference, prediction, spacing


def random_mask(rng: np.random.Generator, shape: tuple[int, ...], kind: str) -> np.ndarray:
    """Return a mask with at least one voxel."""
    mask = np.zeros(shape, dtype=bool)
    if kind == "noise":
        mask = rng.random(shape) < rng.random()
    elif kind == "full":
        mask[:] = True
    elif kind == "sheet":
        axis = int(rng.integers(len(shape)))
        np.moveaxis(mask, axis, 0)[rng.integers(shape[axis])] = True
    elif kind == "box_at_border":
        mask[tuple(slice(0, int(rng.integers(1, length + 1))) for length in shape)] = True
        mask = mask[tuple(slice(None, None, int(rng.choice((-1, 1)))) for _ in shape)]
    elif kind in ("blob", "two_blobs"):
        field = gaussian_filter(rng.random(shape), 1.5 if kind == "blob" else 0.8)
        mask = field > np.quantile(field, rng.uniform(0.3, 0.95))
    if not mask.any():
        mask = mask.copy()
        mask[tuple(int(rng.integers(length)) for length in shape)] = True
    return mask

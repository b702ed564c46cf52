"""By how much a mask would have to be moved to cover another best."""

import numpy as np
from scipy import fft

from dataset_converters.anatomy.body_regions import Mask

REACH = 10
"""Farthest shift tried along an axis, in voxels."""


def best_shift(mask: Mask, target: Mask, *, along_z: bool) -> tuple[tuple[int, int, int], int]:
    """Return the shift (z, y, x) of a mask that covers most of the target, in voxels, and how many voxels it covers.

    All shifts within `REACH` are tried at once: the circular cross-correlation by FFT, over axes lengthened by `REACH`
    zeros so that nothing moved out of the image comes back in. Ties go to the first shift of the table.

    Parameters
    ----------
    mask, target : numpy.ndarray
        (z, y, x) of one shape.
    along_z : bool
        False: slices stay where they are, as slices far apart must.
    """
    axes = (0, 1, 2) if along_z else (1, 2)
    lengths = [fft.next_fast_len(mask.shape[axis] + REACH, real=True) for axis in axes]
    moved, fixed = (fft.rfftn(part.astype(np.float32), lengths, axes) for part in (mask, target))
    covered = fft.irfftn(np.conj(moved) * fixed, lengths, axes)
    if not along_z:
        covered = covered.sum(axis=0, keepdims=True)
    reach = [min(REACH, size - 1) if axis in axes else 0 for axis, size in enumerate(mask.shape)]
    shifts = [np.arange(-far, far + 1) for far in reach]
    table = np.rint(covered[np.ix_(*shifts)]).astype(np.int64)
    z, y, x = (
        int(steps[place]) for steps, place in zip(shifts, np.unravel_index(table.argmax(), table.shape), strict=True)
    )
    return (z, y, x), int(table.max())

"""Consensus of several masks: majority vote and STAPLE."""

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk

from analysis.mask_pair import Mask


def majority_vote(masks: Sequence[Mask]) -> Mask:
    """Return the voxels that more than half of the masks (z, y, x) mark; a tie is not marked."""
    votes = np.sum(masks, axis=0, dtype=np.uint16)
    return np.asarray(2 * votes > len(masks))


def staple(masks: Sequence[Mask]) -> Mask:
    """Return the voxels that STAPLE holds for marked with a probability above one half.

    The prior is the share of marked voxels among all voxels given, so the result depends on how much background the
    scored slices show; nothing is cropped away. Masks that are all equal are returned as they are.

    Parameters
    ----------
    masks : sequence of bool arrays (z, y, x)
        One per reader.

    Notes
    -----
    Warfield SK, Zou KH, Wells WM. Simultaneous truth and performance level estimation (STAPLE). IEEE Trans Med Imaging
    2004;23:903-921; the filter of SimpleITK, which starts from the same numbers every time.
    """
    if all(np.array_equal(masks[0], mask) for mask in masks[1:]):
        return masks[0].copy()
    images = [sitk.GetImageFromArray(mask.astype(np.uint8)) for mask in masks]
    return np.asarray(sitk.GetArrayFromImage(sitk.STAPLE(images, 1.0)) > 0.5)

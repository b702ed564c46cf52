"""Dice similarity coefficient (DSC) of two masks."""

import numpy as np

from analysis.metric import Mask, Metric


def dice(reference: Mask, prediction: Mask, spacing_zyx_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> float:
    """Return twice the shared voxels over the sum of both, pooled over all voxels given.

    Parameters
    ----------
    reference, prediction : bool array (z, y, x)
        Only the scored slices of an examination.
    spacing_zyx_mm : tuple of float
        Not used: all voxels of one image have the same volume.

    Returns
    -------
    float
        0 to 1; NaN if both masks are empty, 0 if exactly one is.

    Notes
    -----
    Dice LR. Measures of the amount of ecologic association between species. Ecology 1945;26:297-302.
    """
    size = np.count_nonzero(reference) + np.count_nonzero(prediction)
    if size == 0:
        return float("nan")
    return 2.0 * np.count_nonzero(reference & prediction) / size


METRIC = Metric(
    name="DSC",
    label="Dice similarity coefficient",
    unit="1",
    direction="higher",
    range=(0.0, 1.0),
    needs_spacing=False,
    dimension="3d",
    definition="voxels pooled over the scored slices",
    backend="numpy",
    compute=dice,
)

"""Dice similarity coefficient (DSC) of two masks."""

from analysis.mask_pair import MaskPair
from analysis.metric import Metric


def dice(pair: MaskPair) -> float:
    """Return twice the shared voxels over the sum of both, pooled over all voxels given.

    Returns
    -------
    float
        0 to 1; NaN if both masks are empty, 0 if exactly one is.

    Notes
    -----
    Dice LR. Measures of the amount of ecologic association between species. Ecology 1945;26:297-302.
    """
    size = pair.reference_size + pair.prediction_size
    return 2.0 * pair.shared_size / size if size else float("nan")


METRIC = Metric(
    name="DSC",
    label="Dice similarity coefficient",
    unit="1",
    direction="higher",
    range=(0.0, 1.0),
    needs_spacing=False,
    definition="voxels pooled over the scored slices",
    compute=dice,
    symmetric=True,
)

"""Jaccard index (intersection over union) of two masks."""

from analysis.mask_pair import MaskPair
from analysis.metric import Metric


def jaccard(pair: MaskPair) -> float:
    """Return the shared voxels over those in either mask, pooled over all voxels given.

    Returns
    -------
    float
        0 to 1; NaN if both masks are empty, 0 if exactly one is.

    Notes
    -----
    Jaccard P. The distribution of the flora in the alpine zone. New Phytol 1912;11:37-50. Equals DSC / (2 - DSC).
    """
    size = pair.reference_size + pair.prediction_size - pair.shared_size
    return pair.shared_size / size if size else float("nan")


METRIC = Metric(
    name="Jaccard",
    label="Jaccard index",
    unit="1",
    direction="higher",
    range=(0.0, 1.0),
    needs_spacing=False,
    definition="intersection over union, voxels pooled over the scored slices",
    compute=jaccard,
    symmetric=True,
)

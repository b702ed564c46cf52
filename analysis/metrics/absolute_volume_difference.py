"""Absolute difference of volumes."""

from analysis.mask_pair import MaskPair
from analysis.metric import Metric


def absolute_volume_difference(pair: MaskPair) -> float:
    """Return how far the volumes of prediction and reference are apart, in ml; an empty mask has volume 0.

    Notes
    -----
    Lee 2023, Table 3, absolute liver volume difference.
    """
    return abs(pair.prediction_size - pair.reference_size) * pair.voxel_ml


METRIC = Metric(
    name="absolute_volume_difference",
    label="absolute volume difference",
    unit="ml",
    direction="lower",
    range=(0.0, float("inf")),
    needs_spacing=True,
    definition="absolute value of prediction minus reference",
    compute=absolute_volume_difference,
    symmetric=True,
)

"""Signed difference of volumes."""

from analysis.mask_pair import MaskPair
from analysis.metric import Metric


def volume_difference(pair: MaskPair) -> float:
    """Return the volume of the prediction minus that of the reference in ml; an empty mask has volume 0."""
    return (pair.prediction_size - pair.reference_size) * pair.voxel_ml


METRIC = Metric(
    name="volume_difference",
    label="volume difference",
    unit="ml",
    direction="none",
    range=(float("-inf"), float("inf")),
    needs_spacing=True,
    definition="prediction minus reference",
    compute=volume_difference,
)

"""Volume of the prediction."""

from analysis.mask_pair import MaskPair
from analysis.metric import Metric


def volume(pair: MaskPair) -> float:
    """Return the volume of the prediction in ml; 0 if it is empty."""
    return pair.prediction_size * pair.voxel_ml


METRIC = Metric(
    name="volume",
    label="volume",
    unit="ml",
    direction="none",
    range=(0.0, float("inf")),
    needs_spacing=True,
    definition="predicted voxels times voxel volume",
    compute=volume,
    uses=("prediction", "prediction"),
)

"""Predicted disease outside the lung of the reference."""

from analysis.mask_pair import MaskPair
from analysis.metric import Metric


def false_positives_outside_lung(pair: MaskPair) -> float:
    """Return the volume in ml of predicted disease (the pair's prediction) outside the reference lung (its reference).

    Returns
    -------
    float
        0 if no disease is predicted; all of the predicted disease if the reference shows no lung.
    """
    return (pair.prediction_size - pair.shared_size) * pair.voxel_ml


METRIC = Metric(
    name="false_positives_outside_lung",
    label="predicted disease outside the lung",
    unit="ml",
    direction="lower",
    range=(0.0, float("inf")),
    needs_spacing=True,
    definition="volume of predicted disease outside the reference lung",
    compute=false_positives_outside_lung,
    uses=("reference_lung", "prediction"),
    applies_to="disease",
)

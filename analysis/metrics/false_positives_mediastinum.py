"""Predicted disease outside the lung of the reference: in the mediastinum."""

from analysis.mask_pair import MaskPair
from analysis.metric import Metric


def false_positives_mediastinum(pair: MaskPair) -> float:
    """Return the volume in ml of predicted disease (the pair's prediction) in the mediastinum.

    The region is that of ``lung_surroundings``; the volumes of all regions add up to ``false_positives_outside_lung``.

    Returns
    -------
    float
        0 if no disease is predicted there.
    """
    return pair.outside_ml["mediastinum"]


METRIC = Metric(
    name="false_positives_mediastinum",
    label="predicted disease in the mediastinum",
    unit="ml",
    direction="lower",
    range=(0.0, float("inf")),
    needs_spacing=True,
    definition="volume of predicted disease in the body between the lungs, air left out",
    compute=false_positives_mediastinum,
    uses=("reference_lung", "prediction"),
    applies_to="disease",
    surroundings=True,
)

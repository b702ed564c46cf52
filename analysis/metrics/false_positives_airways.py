"""Predicted disease outside the lung of the reference: in air between or above the lungs."""

from analysis.mask_pair import MaskPair
from analysis.metric import Metric


def false_positives_airways(pair: MaskPair) -> float:
    """Return the volume in ml of predicted disease (the pair's prediction) in air between or above the lungs.

    The region is that of ``lung_surroundings``; the volumes of all regions add up to ``false_positives_outside_lung``.

    Returns
    -------
    float
        0 if no disease is predicted there.
    """
    return pair.outside_ml["airways"]


METRIC = Metric(
    name="false_positives_airways",
    label="predicted disease in air between or above the lungs",
    unit="ml",
    direction="lower",
    range=(0.0, float("inf")),
    needs_spacing=True,
    definition="volume of predicted disease in air of the body between or above the lungs",
    compute=false_positives_airways,
    uses=("reference_lung", "prediction"),
    applies_to="disease",
    surroundings=True,
)

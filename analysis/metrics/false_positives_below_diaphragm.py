"""Predicted disease outside the lung of the reference: below the diaphragm."""

from analysis.mask_pair import MaskPair
from analysis.metric import Metric


def false_positives_below_diaphragm(pair: MaskPair) -> float:
    """Return the volume in ml of predicted disease (the pair's prediction) below the diaphragm.

    The region is that of ``lung_surroundings``; the volumes of all regions add up to ``false_positives_outside_lung``.

    Returns
    -------
    float
        0 if no disease is predicted there.
    """
    return pair.outside_ml["below_diaphragm"]


METRIC = Metric(
    name="false_positives_below_diaphragm",
    label="predicted disease below the diaphragm",
    unit="ml",
    direction="lower",
    range=(0.0, float("inf")),
    needs_spacing=True,
    definition="volume of predicted disease in the body below the lowest lung of its column or the nearest column",
    compute=false_positives_below_diaphragm,
    uses=("reference_lung", "prediction"),
    applies_to="disease",
    surroundings=True,
)

"""Predicted disease outside the lung of the reference: outside the body."""

from analysis.mask_pair import MaskPair
from analysis.metric import Metric


def false_positives_outside_body(pair: MaskPair) -> float:
    """Return the volume in ml of predicted disease (the pair's prediction) outside the body.

    The region is that of ``lung_surroundings``; the volumes of all regions add up to ``false_positives_outside_lung``.

    Returns
    -------
    float
        0 if no disease is predicted there.
    """
    return pair.outside_ml["outside_body"]


METRIC = Metric(
    name="false_positives_outside_body",
    label="predicted disease outside the body",
    unit="ml",
    direction="lower",
    range=(0.0, float("inf")),
    needs_spacing=True,
    definition="volume of predicted disease outside the body",
    compute=false_positives_outside_body,
    uses=("reference_lung", "prediction"),
    applies_to="disease",
    surroundings=True,
)

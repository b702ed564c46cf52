"""Predicted disease outside the lung of the reference: at the edge of the lung."""

from analysis.mask_pair import MaskPair
from analysis.metric import Metric


def false_positives_lung_border(pair: MaskPair) -> float:
    """Return the volume in ml of predicted disease (the pair's prediction) at the edge of the lung.

    The region is that of ``lung_surroundings``; the volumes of all regions add up to ``false_positives_outside_lung``.

    Returns
    -------
    float
        0 if no disease is predicted there.
    """
    return pair.outside_ml["lung_border"]


METRIC = Metric(
    name="false_positives_lung_border",
    label="predicted disease at the edge of the lung",
    unit="ml",
    direction="lower",
    range=(0.0, float("inf")),
    needs_spacing=True,
    definition="volume of predicted disease at most 3 mm or one pixel from the reference lung in the slice",
    compute=false_positives_lung_border,
    uses=("reference_lung", "prediction"),
    applies_to="disease",
    surroundings=True,
)

"""Predicted disease outside the lung of the reference: in chest wall and neck."""

from analysis.mask_pair import MaskPair
from analysis.metric import Metric


def false_positives_chest_wall(pair: MaskPair) -> float:
    """Return the volume in ml of predicted disease (the pair's prediction) in chest wall and neck.

    The region is that of ``lung_surroundings``; the volumes of all regions add up to ``false_positives_outside_lung``.

    Returns
    -------
    float
        0 if no disease is predicted there.
    """
    return pair.outside_ml["chest_wall"]


METRIC = Metric(
    name="false_positives_chest_wall",
    label="predicted disease in chest wall and neck",
    unit="ml",
    direction="lower",
    range=(0.0, float("inf")),
    needs_spacing=True,
    definition="volume of predicted disease elsewhere in the body outside the reference lung",
    compute=false_positives_chest_wall,
    uses=("reference_lung", "prediction"),
    applies_to="disease",
    surroundings=True,
)

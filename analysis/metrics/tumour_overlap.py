"""Tumour overlap: how much of the tumour the lung mask covers."""

from analysis.mask_pair import MaskPair
from analysis.metric import Metric


def tumour_overlap(pair: MaskPair) -> float:
    """Return the share of the tumour (the pair's reference) that the lung (its prediction) covers.

    Returns
    -------
    float
        0 to 1; 0 if the lung is empty, NaN if there is no tumour.

    Notes
    -----
    Hofmanninger 2020, equation 6 and Table V.
    """
    return pair.shared_size / pair.reference_size if pair.reference_size else float("nan")


METRIC = Metric(
    name="tumour_overlap",
    label="tumour overlap",
    unit="1",
    direction="higher",
    range=(0.0, 1.0),
    needs_spacing=False,
    definition="share of the reference tumour covered by the predicted lung",
    compute=tumour_overlap,
    uses=("reference_tumour", "prediction_lung"),
    applies_to="lung",
)

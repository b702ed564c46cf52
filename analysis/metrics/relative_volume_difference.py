"""Signed difference of volumes in percent of the reference."""

from analysis.mask_pair import MaskPair
from analysis.metric import Metric


def relative_volume_difference(pair: MaskPair) -> float:
    """Return 100 x (prediction - reference) / reference, in percent.

    Returns
    -------
    float
        -100 if only the prediction is empty, NaN if the reference is: a signed value has no worst end.

    Notes
    -----
    Lee 2023, Figures 4 and 5 (Bland-Altman). Its Table 3 prints the absolute value.
    """
    if not pair.reference_size:
        return float("nan")
    return 100.0 * (pair.prediction_size - pair.reference_size) / pair.reference_size


METRIC = Metric(
    name="relative_volume_difference",
    label="relative volume difference",
    unit="%",
    direction="none",
    range=(-100.0, float("inf")),
    needs_spacing=False,
    definition="100 x (prediction - reference) / reference",
    compute=relative_volume_difference,
)

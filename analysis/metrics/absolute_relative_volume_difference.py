"""Absolute difference of volumes in percent of the reference."""

from analysis.mask_pair import MaskPair
from analysis.metric import Metric


def absolute_relative_volume_difference(pair: MaskPair) -> float:
    """Return 100 x |prediction - reference| / reference, in percent.

    Returns
    -------
    float
        100 if only the prediction is empty, inf if only the reference is, NaN if both are.

    Notes
    -----
    Lee 2023, Table 3, difference ratio of liver volume.
    """
    if not pair.reference_size:
        return float("inf") if pair.prediction_size else float("nan")
    return 100.0 * abs(pair.prediction_size - pair.reference_size) / pair.reference_size


METRIC = Metric(
    name="absolute_relative_volume_difference",
    label="absolute relative volume difference",
    unit="%",
    direction="lower",
    range=(0.0, float("inf")),
    needs_spacing=False,
    definition="100 x |prediction - reference| / reference",
    compute=absolute_relative_volume_difference,
)

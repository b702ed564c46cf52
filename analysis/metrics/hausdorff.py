"""Hausdorff distance (HD) of two surfaces."""

from analysis.mask_pair import MaskPair
from analysis.metric import Metric


def hausdorff(pair: MaskPair) -> float:
    """Return the largest distance in mm from any element of one surface to the nearest of the other, both directions.

    Returns
    -------
    float
        NaN if both masks are empty, inf if exactly one is.
    """
    found = pair.distances
    if found.both_empty:
        return float("nan")
    if found.one_empty:
        return float("inf")
    return float(max(found.reference_to_prediction_mm[-1], found.prediction_to_reference_mm[-1]))


METRIC = Metric(
    name="HD",
    label="Hausdorff distance",
    unit="mm",
    direction="lower",
    range=(0.0, float("inf")),
    needs_spacing=True,
    definition="largest distance between surface elements (on voxel corners), greater of the two directions",
    compute=hausdorff,
    symmetric=True,
    on_surface=True,
)

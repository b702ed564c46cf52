"""Average symmetric surface distance (ASSD): both directions pooled."""

import numpy as np

from analysis.mask_pair import MaskPair
from analysis.metric import Metric


def average_symmetric_surface_distance(pair: MaskPair) -> float:
    """Return the mean of the distances of all elements of both surfaces in mm, weighted by element area.

    Other tools call the mean of the two directed means by the same name; it differs where the surfaces do in area.

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
    forth = np.sum(found.reference_to_prediction_mm * found.reference_areas_mm2)
    back = np.sum(found.prediction_to_reference_mm * found.prediction_areas_mm2)
    return float((forth + back) / (np.sum(found.reference_areas_mm2) + np.sum(found.prediction_areas_mm2)))


METRIC = Metric(
    name="ASSD",
    label="average symmetric surface distance",
    unit="mm",
    direction="lower",
    range=(0.0, float("inf")),
    needs_spacing=True,
    definition="mean of surface distances of both directions pooled, weighted by element area",
    compute=average_symmetric_surface_distance,
    symmetric=True,
    on_surface=True,
)

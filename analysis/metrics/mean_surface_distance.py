"""Mean surface distance (MSD): the greater of the two directed means."""

import numpy as np

from analysis.mask_pair import MaskPair
from analysis.metric import Metric


def directed_means_mm(pair: MaskPair) -> tuple[float, float]:
    """Return the area-weighted mean distance from reference to prediction and from prediction to reference.

    Both masks must have a surface. As in surface-distance's ``compute_average_surface_distance``.
    """
    found = pair.distances
    forth = np.sum(found.reference_to_prediction_mm * found.reference_areas_mm2) / np.sum(found.reference_areas_mm2)
    back = np.sum(found.prediction_to_reference_mm * found.prediction_areas_mm2) / np.sum(found.prediction_areas_mm2)
    return float(forth), float(back)


def mean_surface_distance(pair: MaskPair) -> float:
    """Return the greater of the two directed mean surface distances in mm, weighted by element area.

    Returns
    -------
    float
        NaN if both masks are empty, inf if exactly one is.

    Notes
    -----
    Hofmanninger 2020, section II-D, equations 4 and 5. ``ASSD`` pools both directions instead and is never greater.
    """
    if pair.distances.both_empty:
        return float("nan")
    if pair.distances.one_empty:
        return float("inf")
    return max(directed_means_mm(pair))


METRIC = Metric(
    name="MSD",
    label="mean surface distance",
    unit="mm",
    direction="lower",
    range=(0.0, float("inf")),
    needs_spacing=True,
    definition="mean of surface distances weighted by element area, greater of the two directions",
    compute=mean_surface_distance,
    symmetric=True,
    on_surface=True,
)

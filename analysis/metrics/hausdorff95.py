"""Robust Hausdorff distance (HD95) of two surfaces."""

import numpy as np

from analysis.mask_pair import MaskPair
from analysis.metric import Metric
from analysis.surface.surface_distances import Values

SHARE = 0.95


def hausdorff95(pair: MaskPair) -> float:
    """Return the greater of the two directed 95th percentiles of surface distances in mm.

    The percentile is weighted by the area of the surface elements: the distance at which the elements up to it, nearest
    first, first make up 95% of the surface.

    Returns
    -------
    float
        NaN if both masks are empty (surface-distance 0.1: inf), inf if exactly one is.

    Notes
    -----
    Hofmanninger 2020, section II-D, equations 2 and 3, computed as in surface-distance's ``compute_robust_hausdorff``.
    """
    found = pair.distances
    if found.both_empty:
        return float("nan")
    if found.one_empty:
        return float("inf")
    forth = _percentile(found.reference_to_prediction_mm, found.reference_areas_mm2)
    back = _percentile(found.prediction_to_reference_mm, found.prediction_areas_mm2)
    return max(forth, back)


def _percentile(distances_mm: Values, areas_mm2: Values) -> float:
    shares = np.cumsum(areas_mm2) / np.sum(areas_mm2)
    # Rounding can leave the last share below the one asked for.
    place = min(int(np.searchsorted(shares, SHARE)), len(distances_mm) - 1)
    return float(distances_mm[place])


METRIC = Metric(
    name="HD95",
    label="95th percentile Hausdorff distance",
    unit="mm",
    direction="lower",
    range=(0.0, float("inf")),
    needs_spacing=True,
    definition="95th percentile of surface distances weighted by element area, greater of the two directions",
    compute=hausdorff95,
    symmetric=True,
    on_surface=True,
)

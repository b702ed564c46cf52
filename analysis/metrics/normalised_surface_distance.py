"""Normalised surface distance (NSD), also called surface Dice at a tolerance."""

import numpy as np

from analysis.mask_pair import MaskPair
from analysis.metric import Metric


def normalised_surface_distance(pair: MaskPair) -> float:
    """Return the share of both surfaces, by area, that lies within the pair's tolerance of the other surface.

    Returns
    -------
    float
        0 to 1; NaN if both masks are empty, 0 if exactly one is.

    Notes
    -----
    Nikolov S, et al. J Med Internet Res 2021;23:e26151, as surface-distance's ``compute_surface_dice_at_tolerance``.
    """
    found = pair.distances
    if found.both_empty:
        return float("nan")
    forth = np.sum(found.reference_areas_mm2[found.reference_to_prediction_mm <= pair.nsd_tolerance_mm])
    back = np.sum(found.prediction_areas_mm2[found.prediction_to_reference_mm <= pair.nsd_tolerance_mm])
    return float((forth + back) / (np.sum(found.reference_areas_mm2) + np.sum(found.prediction_areas_mm2)))


METRIC = Metric(
    name="NSD",
    label="normalised surface distance",
    unit="1",
    direction="higher",
    range=(0.0, 1.0),
    needs_spacing=True,
    definition="share of both surfaces, by area, at most {nsd_tolerance_mm:g} mm from the other",
    compute=normalised_surface_distance,
    symmetric=True,
    on_surface=True,
)

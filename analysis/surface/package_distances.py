"""Surface distances by the surface-distance package (PyPI 0.1), kept from the masks it cannot take."""

import warnings

import numpy as np

from analysis.mask_pair import Mask
from analysis.surface.surface_distances import SurfaceDistances, Values


def package_distances(reference: Mask, prediction: Mask, spacing_mm: tuple[float, ...]) -> SurfaceDistances:
    """Return the distances between the surfaces of two masks, computed by the surface-distance package.

    Version 0.1 is the only release and fails under NumPy 2 if a mask is empty (``np.Inf`` is gone), so it is never
    given one: the areas of a mask whose partner is empty come from comparing it with itself.

    Parameters
    ----------
    reference, prediction : bool array (z, y, x) or (y, x)
        One shape. Empty masks: see ``SurfaceDistances``.
    spacing_mm : tuple of float
        Voxel spacing in the order of the array axes.
    """
    empty = np.empty(0)
    if reference.any() and prediction.any():
        return _compute(reference, prediction, spacing_mm)
    if reference.any():
        areas = _compute(reference, reference, spacing_mm).reference_areas_mm2
        return SurfaceDistances(_endless(areas), empty, areas, empty)
    if prediction.any():
        areas = _compute(prediction, prediction, spacing_mm).prediction_areas_mm2
        return SurfaceDistances(empty, _endless(areas), empty, areas)
    return SurfaceDistances(empty, empty, empty, empty)


def _compute(reference: Mask, prediction: Mask, spacing_mm: tuple[float, ...]) -> SurfaceDistances:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import surface_distance

        found = surface_distance.compute_surface_distances(reference, prediction, spacing_mm)
    return SurfaceDistances(
        reference_to_prediction_mm=found["distances_gt_to_pred"],
        prediction_to_reference_mm=found["distances_pred_to_gt"],
        reference_areas_mm2=found["surfel_areas_gt"],
        prediction_areas_mm2=found["surfel_areas_pred"],
    )


def _endless(areas: Values) -> Values:
    return np.full(len(areas), np.inf)

"""The ways to surface distances that are compared: ours, and each library as its documentation uses it."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from analysis.mask_pair import Mask, MaskPair

TOLERANCE_MM = 1.0
Spacing: TypeAlias = tuple[float, float, float]
Values: TypeAlias = dict[str, float]
"""HD95, ``forth`` (mean distance reference to prediction), ``back`` and NSD, as far as a library has them."""


@dataclass(frozen=True)
class Route:
    """One library.

    Attributes
    ----------
    name, modules, packages : str, tuples of str
        What tables print, what must be importable, and what to install.
    surface, hd95 : str
        Between what distances are measured, and how the 95th percentile is taken.
    repeats : int
        How often it is run; the fastest counts.
    compute : callable
        Reference, prediction, spacing (z, y, x) to values.
    """

    name: str
    modules: tuple[str, ...]
    packages: tuple[str, ...]
    surface: str
    hd95: str
    repeats: int
    compute: Callable[[Mask, Mask, Spacing], Values]


def ctshift(reference: Mask, prediction: Mask, spacing_mm: Spacing) -> Values:
    """Return the values of our own code."""
    return _by_backend(reference, prediction, spacing_mm, backend="ctshift")


def surface_distance(reference: Mask, prediction: Mask, spacing_mm: Spacing) -> Values:
    """Return the values of DeepMind's surface-distance, by its own functions."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import surface_distance as package

        found = package.compute_surface_distances(reference, prediction, spacing_mm)
    forth, back = package.compute_average_surface_distance(found)
    nsd = package.compute_surface_dice_at_tolerance(found, TOLERANCE_MM)
    return _values(package.compute_robust_hausdorff(found, 95), forth, back, nsd)


def monai(reference: Mask, prediction: Mask, spacing_mm: Spacing) -> Values:
    """Return the values of MONAI's metrics without NSD, whose definition is a route of its own."""
    from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance

    wanted, found = _tensors(reference, prediction)
    settings = {"include_background": True, "spacing": spacing_mm}
    hd95 = compute_hausdorff_distance(found, wanted, percentile=95, **settings)
    back = compute_average_surface_distance(found, wanted, **settings)
    forth = compute_average_surface_distance(wanted, found, **settings)
    return _values(float(hd95), float(forth), float(back), float("nan"))


def monai_nsd(reference: Mask, prediction: Mask, spacing_mm: Spacing) -> Values:
    """Return the NSD of MONAI with the definition of surface-distance."""
    from monai.metrics import compute_surface_dice

    wanted, found = _tensors(reference, prediction)
    nsd = compute_surface_dice(
        found, wanted, [TOLERANCE_MM], include_background=True, spacing=spacing_mm, use_subvoxels=True
    )
    return _values(float("nan"), float("nan"), float("nan"), float(nsd))


def simpleitk(reference: Mask, prediction: Mask, spacing_mm: Spacing) -> Values:
    """Return the values of the recipe of SimpleITK's notebook 34 (contour voxels on a Maurer distance map)."""
    import SimpleITK as sitk

    contours, fields = [], []
    for mask in (reference, prediction):
        image = sitk.GetImageFromArray(mask.astype(np.uint8))
        image.SetSpacing(spacing_mm[::-1])
        contours.append(sitk.GetArrayFromImage(sitk.LabelContour(image)) > 0)
        field = sitk.SignedMaurerDistanceMap(image, squaredDistance=False, useImageSpacing=True)
        fields.append(sitk.GetArrayFromImage(sitk.Abs(field)))
    forth, back = fields[1][contours[0]], fields[0][contours[1]]
    hd95 = np.percentile(np.concatenate((forth, back)), 95)
    return _values(float(hd95), float(forth.mean()), float(back.mean()), float("nan"))


def medpy(reference: Mask, prediction: Mask, spacing_mm: Spacing) -> Values:
    """Return the values of medpy's metrics."""
    from medpy.metric import binary

    hd95 = binary.hd95(prediction, reference, voxelspacing=spacing_mm)
    back = binary.asd(prediction, reference, voxelspacing=spacing_mm)
    forth = binary.asd(reference, prediction, voxelspacing=spacing_mm)
    return _values(float(hd95), float(forth), float(back), float("nan"))


def _by_backend(reference: Mask, prediction: Mask, spacing_mm: Spacing, *, backend: str) -> Values:
    from analysis.metrics.hausdorff95 import hausdorff95
    from analysis.metrics.mean_surface_distance import directed_means_mm
    from analysis.metrics.normalised_surface_distance import normalised_surface_distance

    pair = MaskPair(reference, prediction, spacing_mm, nsd_tolerance_mm=TOLERANCE_MM, backend=backend)
    return _values(hausdorff95(pair), *directed_means_mm(pair), normalised_surface_distance(pair))


def _tensors(reference: Mask, prediction: Mask) -> tuple[Any, Any]:
    import torch

    return torch.from_numpy(reference)[None, None], torch.from_numpy(prediction)[None, None]


def _values(hd95: float, forth: float, back: float, nsd: float) -> Values:
    return {"HD95": float(hd95), "forth": float(forth), "back": float(back), "NSD": float(nsd)}


_CORNERS = "voxel corners, weighted by area"
ROUTES = (
    Route("CTShift", (), ("ctshift",), _CORNERS, "greater of two directions", 3, ctshift),
    Route("surface-distance", ("surface_distance",), ("surface-distance",), _CORNERS, "greater of two directions", 3,
          surface_distance),
    Route("MONAI", ("monai", "torch"), ("monai",), "voxels left by erosion", "greater of two directions", 1, monai),
    Route("MONAI, subvoxel NSD", ("monai", "torch"), ("monai",), _CORNERS, "-", 1, monai_nsd),
    Route("SimpleITK", ("SimpleITK",), ("SimpleITK",), "contour voxels to region border", "directions pooled", 1,
          simpleitk),
    Route("medpy", ("medpy",), ("medpy",), "voxels left by erosion", "directions pooled", 1, medpy),
)  # fmt: skip
"""In the order of the table; the second is the one the others are compared with."""

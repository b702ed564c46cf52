"""Whether what a reconstruction kernel did can be measured in an image or undone: asked before both."""

from collections.abc import Mapping

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from dataset_converters.checking.hu_limits import range_fault
from dataset_converters.physics.emulation import HIGHEST_HU, LOWEST_HU

LARGEST_PIXEL_MM = 1.0
"""Above this the kernels' difference lies beyond the pixels' Nyquist frequency and has been folded back."""
AIR_HU, TISSUE_HU = -900, 200
METAL_HU = 2000
"""No bone of the trunk reaches this."""
_AXIAL_COSINE = 0.9
_TISSUE_EDGE_HU = -300
_FEW_CLIPPED, _FEW_VOXELS = 1e-3, 8


def geometry_fault(image: sitk.Image) -> tuple[str, str] | None:
    """Return what was found and wanted if the slices are not those that were reconstructed, or too coarse."""
    pixel_mm = max(image.GetSpacing()[:2])
    if pixel_mm > LARGEST_PIXEL_MM:
        return f"pixels of {pixel_mm:.3g} mm", f"at most {LARGEST_PIXEL_MM:g} mm, as reconstructed"
    if abs(np.reshape(image.GetDirection(), (3, 3))[2, 2]) < _AXIAL_COSINE:
        return "slices that are not axial", "slices as they were reconstructed"
    return None


def unit_fault(volume: NDArray[np.number]) -> tuple[str, str] | None:
    """Return what was found and wanted if the values are no HU: without rescale intercept, or of another unit."""
    low, high = float(volume.min()), float(volume.max())
    fault = range_fault(low, high)
    if fault is None or fault[0] != "error":
        return None
    return f"values from {low:g} to {high:g}, which are no HU", fault[1]


def cut_off_fault(volume: NDArray[np.number]) -> tuple[str, str] | None:
    """Return what was found and wanted if the values are no HU, or if a window has cut them off."""
    low, high = float(volume.min()), float(volume.max())
    if low > AIR_HU or high < TISSUE_HU:
        found = f"values from {low:g} to {high:g}"
        wanted = f"HU that were not cut off: air below {AIR_HU}, tissue above {TISSUE_HU}"
        return unit_fault(volume) or (found, wanted)
    return None


def image_doubts(image: sitk.Image, volume: NDArray[np.number], facts: Mapping[str, str]) -> dict[str, str]:
    """Return what makes a measurement or an emulation less certain, by the name of the fact that records it."""
    found = {}
    if np.allclose(image.GetSpacing(), 1.0, atol=1e-6):
        found["doubt_spacing"] = "1 x 1 x 1 mm, which is how a lost spacing reads"
    if "tilt_corrected_deg" in facts:
        found["doubt_tilt"] = "slices resampled to undo the tilt of the gantry"
    top = min(float(volume.max()), float(HIGHEST_HU))
    highest = volume >= top
    if top >= METAL_HU and highest.sum() > _FEW_VOXELS:  # scanners end between 2976 and 3095 HU
        found["doubt_metal"] = f"{int(highest.sum())} voxels clipped in metal ({top:g} HU)"
    elif _piled(highest):
        found["doubt_values_clipped"] = f"{highest.mean():.2%} of voxels at the highest value, {top:g} HU"
    inside = _between_tissue(volume)
    floor = max(float(volume.min()), float(LOWEST_HU))
    if inside.any() and _piled(lowest := volume[inside] <= floor):
        found["doubt_air_clipped"] = f"{lowest.mean():.2%} of the body clipped at {floor:g} HU"
    return found


def _piled(clipped: NDArray[np.bool_]) -> bool:
    return bool(clipped.sum() > _FEW_VOXELS and clipped.mean() > _FEW_CLIPPED)


def _between_tissue(volume: NDArray[np.number]) -> NDArray[np.bool_]:
    """Return the voxels that have tissue on both sides of them in their row."""
    tissue = volume > _TISSUE_EDGE_HU
    return np.logical_or.accumulate(tissue, axis=2) & np.logical_or.accumulate(tissue[:, :, ::-1], axis=2)[:, :, ::-1]

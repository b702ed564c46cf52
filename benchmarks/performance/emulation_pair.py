"""An emulated kernel beside the real one: a pair of reconstructions, fitted on one half, tried on the other."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dataset_converters.physics.conversion import Conversion
from dataset_converters.physics.emulation import emulate_kernel, slice_noise
from dataset_converters.physics.kernel_fit import fit_conversion
from dataset_converters.physics.noise_measure import noise_sd, soft_tissue
from dataset_converters.physics.transfer_ratio import TransferRatio, transfer_ratio

GAP_SLICES = 6
_BODY_HU, _LUNG_HU = -500, -500
_SIGMAS_MM = np.arange(0.5, 2.05, 0.1)
_FEWEST_LUNG_VOXELS = 20000


@dataclass(frozen=True)
class Trial:
    """One direction of the pair.

    Attributes
    ----------
    names : tuple of str
        Kernel emulated from, and to.
    conversion : Conversion
        Fitted on the first half.
    fitted, held_out : TransferRatio
        Of the two halves.
    source, target, emulated, blurred : numpy.ndarray
        The held-out half (Z, Y, X) in HU; ``blurred``: the source by the best Gaussian.
    figures : mapping
        Measure to its value.
    """

    names: tuple[str, str]
    conversion: Conversion
    fitted: TransferRatio
    held_out: TransferRatio
    source: NDArray[np.int16]
    target: NDArray[np.int16]
    emulated: NDArray[np.int16]
    blurred: NDArray[np.float32]
    figures: Mapping[str, float]


def try_pair(
    source: NDArray[np.int16],
    target: NDArray[np.int16],
    pixel_yx_mm: tuple[float, float],
    *,
    names: tuple[str, str],
    soft: NDArray[np.int16],
) -> Trial:
    """Fit on the lower half, emulate the upper half, a gap of six slices between: within-scan calibration.

    ``soft`` is whichever of the two is the softer: it decides what is body, lung and soft tissue.
    """
    middle = len(source) // 2
    low, high = slice(0, middle - GAP_SLICES // 2), slice(middle + GAP_SLICES // 2, None)
    conversion, fitted = fit_conversion(source[low], target[low], pixel_yx_mm, names=names)
    held_out = transfer_ratio(source[high], target[high], pixel_yx_mm)
    noise = slice_noise(source[high], pixel_yx_mm, every=4) if conversion.adds_noise else None
    emulated = emulate_kernel(source[high], pixel_yx_mm, conversion, seed=1, source_sd_hu=noise)
    blurred, sigma_mm = _best_gaussian(source[high], target[high], pixel_yx_mm, soft[high])
    figures = {
        "largest deviation of the transfer ratio in its band": _deviation(conversion, fitted, held_out),
        "RMSE in the body, nothing done (HU)": rmse(source[high], target[high], soft[high]),
        f"RMSE, best Gaussian ({sigma_mm:.1f} mm) (HU)": rmse(blurred, target[high], soft[high]),
        "RMSE, emulated (HU)": rmse(emulated, target[high], soft[high]),
    }
    return Trial(names, conversion, fitted, held_out, source[high], target[high], emulated, blurred, figures)


def rmse(first: NDArray[np.number], second: NDArray[np.number], soft: NDArray[np.int16]) -> float:
    """Return the root mean square difference (HU) over the body."""
    body = ndimage.binary_opening(soft > _BODY_HU, iterations=2)
    return float(np.sqrt(np.mean((first[body].astype(float) - second[body]) ** 2)))


def describe_volume(
    volume: NDArray[np.number], soft: NDArray[np.int16], pixel_yx_mm: tuple[float, float]
) -> dict[str, float]:
    """Return noise in soft tissue, and mean, SD, LAA-950, perc15 and HAA of the lung."""
    tissue = soft_tissue(soft, pixel_yx_mm)
    fine = [noise_sd(plane, inside) for plane, inside in zip(volume, tissue, strict=True)]
    lung = volume[lung_mask(soft)]
    return {
        "soft tissue SD (HU)": float(volume[tissue].std()),
        "soft tissue, finest detail SD (HU)": float(np.nanmedian(fine)),
        "lung mean (HU)": float(lung.mean()),
        "lung SD (HU)": float(lung.std()),
        "LAA-950 (%)": float(100 * (lung < -950).mean()),
        "perc15 (HU)": float(np.percentile(lung, 15)),
        "HAA -600 to -250 (%)": float(100 * ((lung > -600) & (lung < -250)).mean()),
    }


def lung_mask(soft: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Return aerated lung without its border: large regions below -500 HU that do not reach the image's sides."""
    labels, _ = ndimage.label(soft < _LUNG_HU)
    counts = np.bincount(labels.ravel())
    sides = np.concatenate(
        [labels[:, 0].ravel(), labels[:, -1].ravel(), labels[:, :, 0].ravel(), labels[:, :, -1].ravel()]
    )
    counts[np.unique(sides)] = 0
    counts[0] = 0
    inside = np.isin(labels, np.flatnonzero(counts > _FEWEST_LUNG_VOXELS))
    return ndimage.binary_erosion(inside, iterations=2)


def _deviation(conversion: Conversion, fitted: TransferRatio, held_out: TransferRatio) -> float:
    low, high = conversion.valid_per_mm
    band = (fitted.frequency_per_mm >= low) & (fitted.frequency_per_mm <= high)
    return float(np.abs(held_out.ratio / fitted.ratio - 1)[band].max())


def _best_gaussian(
    source: NDArray[np.int16], target: NDArray[np.int16], pixel_yx_mm: tuple[float, float], soft: NDArray[np.int16]
) -> tuple[NDArray[np.float32], float]:
    """Return the source blurred by the Gaussian that comes closest to the target here, and its sigma."""
    tried = {}
    for sigma_mm in _SIGMAS_MM:
        sigmas = (0.0, *(sigma_mm / mm for mm in pixel_yx_mm))
        blurred = ndimage.gaussian_filter(source.astype(np.float32), sigmas)
        tried[rmse(blurred, target, soft)] = (blurred, float(sigma_mm))
    return tried[min(tried)]

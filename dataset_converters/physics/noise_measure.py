"""How noisy a CT volume is, measured in its soft tissue without a phantom."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

SOFT_TISSUE_HU = (-50.0, 130.0)
_SMOOTHING_MM = 4.0
_EROSION_MM = 4.0
_FEWEST_PIXELS = 400
_MAD_TO_SD = 1.4826


def soft_tissue(volume_hu: NDArray[np.number], pixel_yx_mm: tuple[float, float]) -> NDArray[np.bool_]:
    """Return where a volume (Z, Y, X) in HU is soft tissue on every slice, at least 4 mm from anything else.

    The class is taken from slices smoothed by 4 mm, so that the noise of a sharp kernel does not decide it.
    """
    mask = np.zeros(volume_hu.shape, dtype=bool)
    sigma = [_SMOOTHING_MM / 2.355 / mm for mm in pixel_yx_mm]
    disc = _disc(_EROSION_MM, pixel_yx_mm)
    for index, plane in enumerate(volume_hu):
        smooth = ndimage.gaussian_filter(np.asarray(plane, np.float32), sigma)
        inside = (smooth > SOFT_TISSUE_HU[0]) & (smooth < SOFT_TISSUE_HU[1])
        mask[index] = ndimage.binary_erosion(inside, disc)
    return mask


def noise_sd(
    plane_hu: NDArray[np.floating], tissue: NDArray[np.bool_], *, level: NDArray[np.floating] | None = None
) -> float:
    """Return the robust standard deviation (HU) of a slice's finest detail over a mask, NaN below 400 pixels.

    The detail is the 3 x 3 Laplacian of Immerkaer 1996 (Comput Vis Image Underst 64:300), which constant and linear
    structure does not reach; 1.4826 times its median absolute deviation, scaled to 1 for white noise. With ``level``,
    the relative noise level of every pixel, the standard deviation where that is 1.
    """
    if tissue.sum() < _FEWEST_PIXELS:
        return float("nan")
    detail = detail_of(plane_hu)[tissue]
    if level is not None:
        detail = detail / level[tissue]
    return float(_MAD_TO_SD * np.median(np.abs(detail - np.median(detail))))


def detail_of(plane_hu: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the Laplacian detail of a slice (Y, X), mirrored at the border, scaled to keep white noise's SD."""
    second = np.array([1.0, -2.0, 1.0], np.float32)
    plane = ndimage.correlate1d(np.asarray(plane_hu, np.float32), second, axis=0, mode="reflect")
    return ndimage.correlate1d(plane, second, axis=1, mode="reflect") / np.float32(6.0)


def detail_response(shape_yx: tuple[int, int]) -> NDArray[np.float64]:
    """Return the factor of `detail_of` on every cosine coefficient of a slice, (Y, X)."""
    y, x = (2.0 - 2.0 * np.cos(np.pi * np.arange(n) / n) for n in shape_yx)
    return y[:, None] * x[None, :] / 6.0


def _disc(radius_mm: float, pixel_yx_mm: tuple[float, float]) -> NDArray[np.bool_]:
    reach = [int(radius_mm / mm) for mm in pixel_yx_mm]
    y, x = np.ogrid[-reach[0] : reach[0] + 1, -reach[1] : reach[1] + 1]
    return (y * pixel_yx_mm[0]) ** 2 + (x * pixel_yx_mm[1]) ** 2 <= radius_mm**2

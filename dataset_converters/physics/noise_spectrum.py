"""Noise power spectrum of a CT in its own soft tissue, whatever the tissue's shape."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

LAGS = 16
"""Longest lag of the autocovariance, in pixels."""
_BACKGROUND_MM = 4.0
_LEVELS = 4.0
_FEWEST_PAIRS = 2000


@dataclass(frozen=True)
class Autocovariance:
    """Sums over the pixel pairs of one slice or of many, so that slices can be added and resampled.

    Attributes
    ----------
    products : numpy.ndarray
        (..., 2 LAGS + 1, 2 LAGS + 1) sum of the products of noise at every lag (y, x).
    pairs : numpy.ndarray
        The number of pixel pairs of each, same shape.
    """

    products: NDArray[np.float64]
    pairs: NDArray[np.float64]


def slice_autocovariance(
    plane_hu: NDArray[np.number], tissue: NDArray[np.bool_], pixel_yx_mm: tuple[float, float]
) -> Autocovariance:
    """Return the autocovariance of a slice's noise over a mask of any shape.

    The noise is what a Gaussian of 4 mm full width (over the mask only) leaves; pixels beyond four robust standard
    deviations are vessels or fat, not noise, and are left out.
    """
    rows, columns = _box(tissue)
    mask = tissue[rows, columns]
    plane = np.where(mask, plane_hu[rows, columns], 0).astype(np.float64)
    sigma = [_BACKGROUND_MM / 2.355 / mm for mm in pixel_yx_mm]
    weight = ndimage.gaussian_filter(mask.astype(np.float64), sigma)
    background = ndimage.gaussian_filter(plane, sigma) / np.maximum(weight, 1e-6)
    noise = np.where(mask, plane - background, 0.0)
    if mask.any():
        spread = 1.4826 * np.median(np.abs(noise[mask]))
        mask = mask & (np.abs(noise) <= _LEVELS * max(spread, 1e-6))
        noise = np.where(mask, noise, 0.0)
    shape = [fft.next_fast_len(size + LAGS, real=True) for size in mask.shape]
    products, pairs = (_correlation(field, shape) for field in (noise, mask.astype(np.float64)))
    return Autocovariance(products, pairs)


def noise_spectrum(
    covariance: Autocovariance, pixel_yx_mm: tuple[float, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return ring frequencies (F,) in cycles/mm and the noise power (F,) in HU^2 mm^2, by a Hann lag window.

    Blackman and Tukey 1958; NaN if the mask had fewer than 2,000 pixel pairs at some lag.
    """
    if covariance.pairs.min() < _FEWEST_PAIRS:
        frequency = np.arange(1, LAGS + 1) / (2 * LAGS * max(pixel_yx_mm))
        return frequency, np.full(LAGS, np.nan)
    lag = np.arange(-LAGS, LAGS + 1)
    taper = 0.5 * (1.0 + np.cos(np.pi * np.minimum(np.hypot(lag[:, None], lag[None, :]) / LAGS, 1.0)))
    mean = covariance.products / covariance.pairs
    size = 4 * LAGS
    padded = np.zeros((size, size))
    padded[lag[:, None], lag[None, :]] = mean * taper
    power = np.fft.fft2(padded).real * pixel_yx_mm[0] * pixel_yx_mm[1]
    fy, fx = (np.fft.fftfreq(size, mm) for mm in pixel_yx_mm)
    step = 1.0 / (size * max(pixel_yx_mm))
    rings = np.rint(np.hypot(fy[:, None], fx[None, :]) / step).astype(int)
    count = int(0.5 / max(pixel_yx_mm) / step)
    sums = np.bincount(rings.ravel(), weights=power.ravel())[1 : count + 1]
    return step * np.arange(1.0, count + 1), sums / np.bincount(rings.ravel())[1 : count + 1]


def _box(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    found = ndimage.find_objects(mask.astype(np.uint8))
    return found[0] if found else (slice(0, LAGS + 1), slice(0, LAGS + 1))


def _correlation(field: NDArray[np.float64], shape: list[int]) -> NDArray[np.float64]:
    spectrum = fft.rfft2(field, s=shape)
    full = fft.irfft2(np.abs(spectrum) ** 2, s=shape)
    lag = np.arange(-LAGS, LAGS + 1)
    return full[lag[:, None], lag[None, :]]

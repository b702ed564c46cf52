"""How sharp an unknown CT is, without a phantom and without a kernel name."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataset_converters.physics.kernels import KERNELS, ramp_window
from dataset_converters.physics.noise_measure import soft_tissue
from dataset_converters.physics.noise_spectrum import Autocovariance, noise_spectrum, slice_autocovariance

BAND_PER_MM = (0.1, 0.5)
"""Frequencies that count: above anatomy, below the Nyquist frequency of 1 mm pixels."""
_FEWEST_PIXELS = 2000
_FEWEST_SLICES = 4
_RESAMPLES = 100
_LP_PER_CM = 10.0


@dataclass(frozen=True)
class Sharpness:
    """Sharpness of a volume.

    Attributes
    ----------
    index_lp_per_cm : float
        Mean frequency of the noise in soft tissue, in line pairs per cm; NaN if there is too little of it.
    standard_error : float
        Of the index, by resampling slices.
    nearest : str
        The fitted kernel of nearest index; empty if the index is NaN.
    slices : int
        Slices that had enough soft tissue.
    """

    index_lp_per_cm: float
    standard_error: float
    nearest: str
    slices: int


def sharpness_index(volume_hu: NDArray[np.number], pixel_yx_mm: tuple[float, float], *, every: int = 1) -> Sharpness:
    """Return the mean frequency of the noise, ``sum f P(f) 2 pi f / sum P(f) 2 pi f`` over 1 to 5 lp/cm.

    Mean and peak of the noise power spectrum tell kernels apart for every vendor (Solomon, Christianson and Samei
    2012, Med Phys 39:6048). The image must not have been resampled in the plane, and iterative reconstruction
    lowers the index.

    Parameters
    ----------
    volume_hu : array (Z, Y, X)
        HU.
    every : int
        Use each n-th slice.

    Raises
    ------
    ValueError
        Pixels so large that the band lies beyond their Nyquist frequency (above 1 mm).
    """
    if 0.5 / max(pixel_yx_mm) < BAND_PER_MM[1]:
        raise ValueError(f"found pixels of {max(pixel_yx_mm):.3g} mm; wanted at most {0.5 / BAND_PER_MM[1]:.3g} mm")
    parts = []
    for plane in volume_hu[::every]:
        tissue = soft_tissue(np.asarray(plane)[None], pixel_yx_mm)[0]
        if tissue.sum() >= _FEWEST_PIXELS:
            parts.append(slice_autocovariance(plane, tissue, pixel_yx_mm))
    if len(parts) < _FEWEST_SLICES:
        return Sharpness(float("nan"), float("nan"), "", len(parts))
    products, pairs = np.stack([p.products for p in parts]), np.stack([p.pairs for p in parts])
    rng = np.random.default_rng(0)
    resampled = []
    for _ in range(_RESAMPLES):
        chosen = rng.integers(0, len(parts), len(parts))
        resampled.append(_index(products[chosen].sum(axis=0), pairs[chosen].sum(axis=0), pixel_yx_mm))
    index = _index(products.sum(axis=0), pairs.sum(axis=0), pixel_yx_mm)
    return Sharpness(index, float(np.std(resampled)), _nearest(index), len(parts))


def kernel_index(name: str) -> float:
    """Return the index, lp/cm, that the noise of a fitted kernel has by its model."""
    f = np.arange(BAND_PER_MM[0], BAND_PER_MM[1], 0.001)
    return mean_frequency(f, f * ramp_window(KERNELS[name], f) ** 2)


def mean_frequency(frequency_per_mm: NDArray[np.float64], power: NDArray[np.float64]) -> float:
    """Return the mean frequency of a radial power spectrum over the band, in lp/cm; negative power counts as none."""
    band = (frequency_per_mm >= BAND_PER_MM[0]) & (frequency_per_mm <= BAND_PER_MM[1])
    f = frequency_per_mm[band]
    weight = np.maximum(power[band], 0.0) * f
    return float(_LP_PER_CM * (weight * f).sum() / weight.sum()) if weight.sum() > 0 else float("nan")


def _index(products: NDArray[np.float64], pairs: NDArray[np.float64], pixel_yx_mm: tuple[float, float]) -> float:
    return mean_frequency(*noise_spectrum(Autocovariance(products, pairs), pixel_yx_mm))


def _nearest(index: float) -> str:
    if not np.isfinite(index):
        return ""
    return min(KERNELS, key=lambda name: abs(kernel_index(name) - index))

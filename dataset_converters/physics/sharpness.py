"""How sharp an unknown CT is, without a phantom and without a kernel name.

The number is the mean frequency of the noise in soft tissue; the rise of edges stands beside it and is not mixed in.
Measured (``benchmarks/performance/emulation.md``): of 28 sarcoma patients the noise tells GE SOFT from STANDARD with an
AUC of 1.00, the rise of the skin with 0.62, because motion, clothes and the slope of the skin differ more between
patients than these kernels do. A weighted sum is no better (1.00 with a tenth of edge, 0.88 with half). Where kernels
lie further apart (Philips B and L) both tell them, each by many standard errors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from dataset_converters.physics.edge_response import BLOCKS, EdgeResponse, edge_responses
from dataset_converters.physics.kernels import KERNELS, ramp_window
from dataset_converters.physics.noise_measure import soft_tissue
from dataset_converters.physics.noise_spectrum import Autocovariance, noise_spectrum, slice_autocovariance

BAND_PER_MM = (0.1, 0.5)
"""Frequencies that count: above anatomy, below the Nyquist frequency of 1 mm pixels."""
MUCH_TISSUE, LITTLE_TISSUE, NO_TISSUE = "soft tissue", "little soft tissue", "none"
_FEWEST_PIXELS = {MUCH_TISSUE: 2000, LITTLE_TISSUE: 400}
_LITTLE_TISSUE_ERROR = 0.05
"""Root mean square change of the index, lp/cm, when 27 sarcoma patients were cut to 400-2000 pixels a slice."""
TYPICAL_INDEX = MappingProxyType({"B10f": 2.41, "B30f": 2.84, "B50f": 3.43, "B70f": 3.81})
"""Index (lp/cm) that images of each fitted kernel have in patients.

B30f: the mean of a Philips B and of GE SOFT (median of 14 patients); the others were emulated from that B; a Philips L
(3.73) lies with B70f. Lower by 0.3 to 0.5 than the kernels' own (`kernel_index`), because muscle and vessels add power
at low frequencies; a phantom without them reads higher.
"""
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
        Of the index, by resampling ten blocks of neighbouring slices, which differ in anatomy and dose; with little
        soft tissue also what its choice adds.
    nearest : str
        The fitted kernel of nearest `TYPICAL_INDEX`; empty if the index is NaN. Between two of them it may be the
        other one: neighbours lie 0.4 to 0.6 lp/cm apart, patients of one kernel as far from each other.
    slices : int
        Slices that had enough soft tissue.
    basis : str
        ``soft tissue``: at least four slices with 2000 pixels of it; ``little soft tissue``: with 400, less certain;
        ``none``.
    lung_edge, skin_edge : EdgeResponse
        Rise of the two borders, mm.
    """

    index_lp_per_cm: float
    standard_error: float
    nearest: str
    slices: int
    basis: str
    lung_edge: EdgeResponse
    skin_edge: EdgeResponse


def sharpness_index(volume_hu: NDArray[np.number], pixel_yx_mm: tuple[float, float], *, every: int = 1) -> Sharpness:
    """Return the mean frequency of the noise, ``sum f P(f) 2 pi f / sum P(f) 2 pi f`` over 1 to 5 lp/cm, and edges.

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
    basis, parts = _tissue_parts(volume_hu[::every], pixel_yx_mm)
    index, error = _resampled_index(parts, pixel_yx_mm) if parts else (float("nan"), float("nan"))
    if basis == LITTLE_TISSUE:
        error = float(np.hypot(error, _LITTLE_TISSUE_ERROR))
    if not np.isfinite(index):
        basis = NO_TISSUE
    edges = edge_responses(volume_hu, pixel_yx_mm, every=every)
    return Sharpness(index, error, _nearest(index), len(parts), basis, edges["lung"], edges["skin"])


def _tissue_parts(
    volume_hu: NDArray[np.number], pixel_yx_mm: tuple[float, float]
) -> tuple[str, Sequence[Autocovariance]]:
    """Return what the index rests on, and the noise of each slice that has enough tissue for it."""
    parts: list[Autocovariance] = []
    pixels: list[int] = []
    for plane in volume_hu:
        tissue = soft_tissue(np.asarray(plane)[None], pixel_yx_mm)[0]
        if tissue.sum() >= _FEWEST_PIXELS[LITTLE_TISSUE]:
            parts.append(slice_autocovariance(plane, tissue, pixel_yx_mm))
            pixels.append(int(tissue.sum()))
    for basis, fewest in _FEWEST_PIXELS.items():
        chosen = [part for part, count in zip(parts, pixels, strict=True) if count >= fewest]
        if len(chosen) >= _FEWEST_SLICES:
            return basis, chosen
    return NO_TISSUE, []


def _resampled_index(parts: Sequence[Autocovariance], pixel_yx_mm: tuple[float, float]) -> tuple[float, float]:
    """Return the index of all slices together, and its standard deviation over resampled blocks of slices."""
    blocks = np.array_split(np.arange(len(parts)), min(len(parts), BLOCKS))
    products = np.stack([sum(parts[index].products for index in block) for block in blocks])
    pairs = np.stack([sum(parts[index].pairs for index in block) for block in blocks])
    choices = np.random.default_rng(0).integers(0, len(blocks), (_RESAMPLES, len(blocks)))
    resampled = np.array([_index(products[c].sum(axis=0), pairs[c].sum(axis=0), pixel_yx_mm) for c in choices])
    known = resampled[np.isfinite(resampled)]
    index = _index(products.sum(axis=0), pairs.sum(axis=0), pixel_yx_mm)
    return index, float(np.std(known)) if known.size > 1 else float("nan")


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
    return min(TYPICAL_INDEX, key=lambda name: abs(TYPICAL_INDEX[name] - index))

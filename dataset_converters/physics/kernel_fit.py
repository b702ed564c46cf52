"""A conversion between two kernels, calibrated on two reconstructions of one acquisition."""

import numpy as np
from numpy.typing import NDArray

from dataset_converters.physics.conversion import Conversion
from dataset_converters.physics.noise_measure import soft_tissue
from dataset_converters.physics.transfer_ratio import COHERENCE, TransferRatio, transfer_ratio

FEWEST_TILES = 12
LOWEST_BAND_END_PER_MM = 0.2
"""Two kernels of one acquisition share detail far beyond this; shifted images and other acquisitions do not."""
_WANTED = "two kernels of one acquisition, not shifted, both in HU"
_HU_SCALE, _SAME_KERNEL = 1.25, 0.01


class FitError(Exception):
    """A pair is no basis for a conversion; ``found`` and ``wanted`` say why."""

    def __init__(self, *, found: str, wanted: str) -> None:
        super().__init__(f"found {found}; wanted {wanted}")
        self.found = found
        self.wanted = wanted


def fit_conversion(
    source_hu: NDArray[np.number],
    target_hu: NDArray[np.number],
    pixel_yx_mm: tuple[float, float],
    *,
    names: tuple[str, str] = ("source", "target"),
) -> tuple[Conversion, TransferRatio]:
    """Return the conversion from source to target, and the ratio with its coherence over all structure.

    The gain is the cross power over the source's power, which falls to 0 where the two images share nothing; the
    added noise is the target's power in soft tissue that the gain does not explain. Both rest on this pair's pixel
    size: the tables end at its Nyquist frequency.

    Parameters
    ----------
    source_hu, target_hu : array (Z, Y, X)
        One acquisition, two kernels, one grid; HU.

    Raises
    ------
    FitError
        Other shapes; two times one image, or one kernel; fewer than 12 tiles of 64 x 64 pixels of soft tissue; no
        coherence above 0.9 up to 2 lp/cm; HU of another scale.
    """
    if source_hu.shape != target_hu.shape or source_hu.ndim != 3:
        raise FitError(found=f"volumes of {source_hu.shape} and {target_hu.shape} voxels", wanted="one grid (z, y, x)")
    if np.array_equal(source_hu, target_hu):
        raise FitError(found="the same image twice", wanted="two kernels of one acquisition")
    ratio = transfer_ratio(source_hu, target_hu, pixel_yx_mm)
    band = valid_band(ratio)
    if band is None:
        raise FitError(found="images that share no detail", wanted=_WANTED)
    if fault := _pair_fault(ratio, band):
        raise FitError(found=fault, wanted=_WANTED)
    tissue = soft_tissue(_softer(source_hu, target_hu, ratio), pixel_yx_mm)
    noise = transfer_ratio(source_hu, target_hu, pixel_yx_mm, where=tissue)
    if noise.tiles < FEWEST_TILES:
        raise FitError(found=f"{noise.tiles} tiles of soft tissue", wanted=f"{FEWEST_TILES} at least: more slices")
    gain = np.nan_to_num(ratio.ratio)
    gain[0] = 1.0
    added = np.maximum(noise.target_power - gain**2 * noise.source_power, 0.0)
    frequency = ratio.frequency_per_mm
    return Conversion(*names, frequency, gain, noise.source_power, added, band, folded=True), ratio


def valid_band(ratio: TransferRatio) -> tuple[float, float] | None:
    """Return the frequencies (cycles/mm) between which coherence stays above 0.9, from the lowest on; None if none."""
    inside = ratio.coherence[1:] > COHERENCE
    if not inside[0]:
        return None
    last = len(inside) if inside.all() else int(np.argmin(inside))
    return float(ratio.frequency_per_mm[1]), float(ratio.frequency_per_mm[last])


def _pair_fault(ratio: TransferRatio, band: tuple[float, float]) -> str:
    """Return why two images are no pair of kernels; empty if they may be one."""
    if band[1] < LOWEST_BAND_END_PER_MM:
        return f"images that share detail from {10 * band[0]:.2f} to {10 * band[1]:.2f} lp/cm only"
    lowest = float(ratio.ratio[1])
    if not 1 / _HU_SCALE <= lowest <= _HU_SCALE:
        return f"a target of {lowest:.2f} times the source's contrast"
    inside = (ratio.frequency_per_mm >= band[0]) & (ratio.frequency_per_mm <= band[1])
    if np.abs(ratio.ratio[inside] - 1.0).max() < _SAME_KERNEL:
        return "two images of one kernel: no detail that differs"
    return ""


def _softer(source_hu: NDArray[np.number], target_hu: NDArray[np.number], ratio: TransferRatio) -> NDArray[np.number]:
    """Return the smoother of the two, whose noise decides less what is soft tissue."""
    middle = len(ratio.ratio) // 2
    return target_hu if ratio.ratio[middle] < 1.0 else source_hu

"""Other reconstruction kernels on the fly: training slices as another kernel would have shown them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dataset_converters.physics.conversion import conversion_between
from dataset_converters.physics.kernels import KERNELS as FITTED
from dataset_converters.physics.kernels import SMOOTHEST
from dataset_converters.physics.noise_measure import noise_sd, soft_tissue
from dataset_converters.physics.slice_filters import added_amplitude, filter_slice, gain_factors, noise_slice
from trainers.errors import TrainerError

KERNELS = "kernels.json"
"""File beside the plans: case to the fitted kernel it was reconstructed with."""
LARGEST_PIXEL_MM = 1.0
PROBABILITY = 0.5
_MUCH_TISSUE = 2000
_QUARTERS = ((0, 0), (0, 1), (1, 0), (1, 1))


@dataclass(frozen=True)
class KernelEmulation:
    """Half of the slices as one of the other fitted kernels, drawn anew each time.

    Attributes
    ----------
    kernels : mapping
        Case to its fitted kernel.
    pixel_yx_mm : tuple of float
        Of the slices trained on.
    mean_hu, std_hu : float
        What nnU-Net's normalisation subtracted from HU and divided by.
    """

    kernels: Mapping[str, str]
    pixel_yx_mm: tuple[float, float]
    mean_hu: float
    std_hu: float

    def emulate(self, plane: NDArray[np.float32], case: str) -> NDArray[np.float32]:
        """Return a normalised slice (Y, X), as it is in half of the draws, else of another kernel.

        Unlike ``physics.emulation`` the noise has one level all over the patch, and values outside the HU window
        of the study were cut off before. A patch with too little soft tissue to measure noise in stays as it is
        where noise would have to be added; from B10f, which keeps nothing above 4 lp/cm, nothing is emulated.
        """
        source = self.kernels[case]
        if source == SMOOTHEST or np.random.random() >= PROBABILITY:
            return plane
        target = str(np.random.choice([name for name in FITTED if name != source]))
        plane_hu = plane * np.float32(self.std_hu) + np.float32(self.mean_hu)
        filters = _filters(source, target, plane.shape, self.pixel_yx_mm)
        noise_hu: NDArray[np.float32] | float = 0.0
        if filters.amplitude is not None:
            sd_hu = patch_noise(plane_hu, self.pixel_yx_mm)
            if not np.isfinite(sd_hu):
                return plane
            rng = np.random.default_rng(np.random.randint(2**31))
            noise_hu = noise_slice(filters.amplitude, rng) * np.float32(sd_hu)
        emulated = filter_slice(plane_hu, filters.gain) + noise_hu
        emulated = np.clip(emulated, self.mean_hu, self.mean_hu + self.std_hu)
        return ((emulated - np.float32(self.mean_hu)) / np.float32(self.std_hu)).astype(np.float32)


def patch_noise(plane_hu: NDArray[np.float32], pixel_yx_mm: tuple[float, float]) -> float:
    """Return the noise (HU) of a patch's soft tissue as ``physics.noise_measure`` does, in half its time.

    The tissue is found on means of 2 x 2 pixels, and where there is much of it every fourth pixel is measured; on 77
    real slices the two agreed to 2.7 % (SD of their ratio, mean 1.001).
    """
    rows, columns = (size // 2 for size in plane_hu.shape)
    quarters = [plane_hu[y : 2 * rows : 2, x : 2 * columns : 2] for y, x in _QUARTERS]
    means = sum(quarters[1:], quarters[0]) / np.float32(4)
    coarse = soft_tissue(means[None], (2 * pixel_yx_mm[0], 2 * pixel_yx_mm[1]))[0]
    tissue = np.zeros(plane_hu.shape, dtype=bool)
    for y, x in _QUARTERS[: 1 if coarse.sum() >= _MUCH_TISSUE else 4]:
        tissue[y : 2 * rows : 2, x : 2 * columns : 2] = coarse
    return noise_sd(plane_hu, tissue)


@dataclass(frozen=True)
class _Filters:
    gain: NDArray[np.float32]
    amplitude: NDArray[np.float32] | None


def read_kernels(folder: Path, where: str) -> dict[str, str]:
    """Return the fitted kernel of every case of a preprocessed dataset.

    Raises
    ------
    TrainerError
        The file is not there or names kernels that are not fitted.
    """
    path = folder / KERNELS
    try:
        kernels: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        kernels = {}
    unknown = sorted({str(name) for name in kernels.values()} - set(FITTED))
    if not kernels or unknown:
        raise TrainerError(
            where,
            found=f"kernels {', '.join(unknown)} in {KERNELS}" if unknown else f"no {KERNELS} beside the plans",
            wanted=f"a table of every case to the kernel it is most like, of {', '.join(FITTED)}",
            action="prepare the run again, or write the file",
        )
    return kernels


def refuse_unfit(kernels: Mapping[str, str], cases: list[str], pixel_yx_mm: tuple[float, float], where: str) -> None:
    """Refuse pixels too large to show a kernel, and cases of unknown kernel.

    Raises
    ------
    TrainerError
        If either is so.
    """
    missing = sorted(set(cases) - set(kernels))
    if missing:
        raise TrainerError(
            where,
            found=f"no known kernel of {', '.join(missing[:5])}{', ...' if len(missing) > 5 else ''}",
            wanted="the kernel of every training case",
            action=f"class the kernel (option kernel_table), or name it in {KERNELS}",
        )
    if max(pixel_yx_mm) > LARGEST_PIXEL_MM:
        raise TrainerError(
            where,
            found=f"training at pixels of {max(pixel_yx_mm):.3g} mm",
            wanted=f"at most {LARGEST_PIXEL_MM:g} mm: larger ones do not show what a kernel does",
            action="give the budget a smaller spacing_mm",
        )


@lru_cache(maxsize=64)
def _filters(source: str, target: str, shape_yx: tuple[int, int], pixel_yx_mm: tuple[float, float]) -> _Filters:
    conversion = conversion_between(FITTED[source], FITTED[target])
    gain = gain_factors(conversion, shape_yx, pixel_yx_mm)
    return _Filters(gain, added_amplitude(conversion, shape_yx, pixel_yx_mm))

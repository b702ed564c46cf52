"""Reconstruction kernels as windows on the ramp filter, fitted to paired clinical reconstructions."""

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Kernel:
    """A reconstruction kernel: ``W(f) = exp(-(f/a)^n) (1 + b (1 - exp(-(f/c)^2)))``, ``f`` in cycles per mm.

    ``cutoff_per_mm`` (a) and ``steepness`` (n) shape the fall, ``enhancement`` (b) and
    ``enhancement_from_per_mm`` (c) the rise before it. ``W(0)`` is 1, so mean HU are kept.
    """

    name: str
    cutoff_per_mm: float
    steepness: float
    enhancement: float
    enhancement_from_per_mm: float


KERNELS = MappingProxyType(
    {
        "B10f": Kernel("B10f", 0.368, 2.78, 0.270, 0.100),
        "B30f": Kernel("B30f", 0.500, 3.04, 0.349, 0.117),
        "B50f": Kernel("B50f", 0.691, 5.75, 1.153, 0.275),
        "B70f": Kernel("B70f", 0.728, 6.39, 4.850, 0.519),
    }
)
"""Fits to two chest slices reconstructed by Siemens with B10f, B30f, B50f and B70f from the same raw data.

Fitted between 0.02 and 0.65 cycles/mm and an extrapolation above; ratios of two kernels are tight (about 1 % at
0.2-0.6 cycles/mm), the absolute height rests on noise power spectra of small regions and is good to about 15 %.
"""

CLASSES = MappingProxyType({"smooth": "B10f", "soft": "B30f", "medium-sharp": "B50f", "very-sharp": "B70f"})
"""Fitted kernel that stands for each class of kernels."""

SMOOTHEST = "B10f"
"""From this kernel nothing is emulated: it leaves nothing above 4 lp/cm to restore."""

APERTURE_PER_MM = 0.42
"""1/e frequency of the Gaussian aperture of focal spot, detector and gantry motion (1.26 mm full width at half
maximum): with it B30f reaches 50 % modulation near 0.34 cycles/mm, as soft kernels of clinical scanners do."""


def ramp_window(kernel: Kernel, frequency_per_mm: NDArray[np.floating]) -> NDArray[np.float64]:
    """Window that the kernel puts on the ramp filter, 1 at frequency 0; same shape as ``frequency_per_mm``.

    Noise passes through this window and the ramp; the object passes through it and the aperture.
    """
    f = np.asarray(frequency_per_mm, np.float64)
    fall = np.exp(-((f / kernel.cutoff_per_mm) ** kernel.steepness))
    return fall * (1.0 + kernel.enhancement * (1.0 - np.exp(-((f / kernel.enhancement_from_per_mm) ** 2))))


def system_mtf(kernel: Kernel, frequency_per_mm: NDArray[np.floating]) -> NDArray[np.float64]:
    """Modulation transfer of scanner and kernel, 1 at frequency 0 and above 1 where the kernel enhances edges."""
    f = np.asarray(frequency_per_mm, np.float64)
    return ramp_window(kernel, f) * np.exp(-((f / APERTURE_PER_MM) ** 2))


def noise_amplitude(kernel: Kernel, frequency_per_mm: NDArray[np.floating]) -> NDArray[np.float64]:
    """Amplitude spectrum of quantum noise after filtered backprojection, ``sqrt(f) W(f)``: power is ``f W(f)^2``.

    Relative units. Riederer, Pelc and Chesler 1978, Phys Med Biol 23:446.
    """
    f = np.asarray(frequency_per_mm, np.float64)
    return np.sqrt(f) * ramp_window(kernel, f)


def half_plane_frequencies(shape_yx: tuple[int, int], pitch_yx_mm: tuple[float, float]) -> NDArray[np.float64]:
    """Radial frequency (cycles/mm) of every coefficient of ``scipy.fft.rfft2`` of a slice: (Y, X // 2 + 1)."""
    fy = np.fft.fftfreq(shape_yx[0], pitch_yx_mm[0])[:, None]
    fx = np.fft.rfftfreq(shape_yx[1], pitch_yx_mm[1])[None, :]
    return np.hypot(fy, fx)

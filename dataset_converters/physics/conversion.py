"""What turns slices of one reconstruction kernel into slices of another: a gain, and the noise that is missing."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataset_converters.physics.kernels import Kernel, ramp_window
from dataset_converters.physics.mtf_curve import MtfCurve, curve_window

REGULARISATION = 0.03
"""Height of the source kernel's window (1 at frequency 0) below which the gain no longer divides by it fully."""
VALID_PER_MM = 0.62
"""Highest frequency the fitted kernels are trusted at; the gain fades out above it."""
_FIT_PER_MM = (0.02, 0.65)
_TAPER_PER_MM = 0.08
_STEP_PER_MM = 0.005
_HIGHEST_PER_MM = 3.0
NEGLIGIBLE_NOISE = 0.02
"""Share of the target's noise power below which nothing is added."""


@dataclass(frozen=True)
class Conversion:
    """Gain and noise powers as tables over radial frequency in the slice plane.

    Attributes
    ----------
    source, target : str
        Names of the kernels or curves.
    frequency_per_mm : numpy.ndarray
        (F,) cycles/mm, rising from 0.
    gain : numpy.ndarray
        (F,) factor on every frequency of the source image, 1 at frequency 0.
    source_noise, added_noise : numpy.ndarray
        (F,) noise power of the source image, and of the noise that the gain cannot restore, in one unit; only their
        ratio counts, the level is measured in each image.
    valid_per_mm : tuple of float
        Frequencies between which the tables were measured or fitted.
    folded : bool
        Whether the noise powers already hold what aliasing folds below the Nyquist frequency (measured tables do).
    """

    source: str
    target: str
    frequency_per_mm: NDArray[np.float64]
    gain: NDArray[np.float64]
    source_noise: NDArray[np.float64]
    added_noise: NDArray[np.float64]
    valid_per_mm: tuple[float, float]
    folded: bool = False

    @property
    def adds_noise(self) -> bool:
        """Whether more than a fiftieth of the target's noise power has to be added."""
        f = self.frequency_per_mm
        kept = (self.gain**2 * self.source_noise * f).sum()
        added = (self.added_noise * f).sum()
        return bool(added > NEGLIGIBLE_NOISE * (kept + added))


def conversion_between(source: Kernel | MtfCurve, target: Kernel | MtfCurve) -> Conversion:
    """Return the conversion between two kernels given as windows on the ramp filter, or as measured transfers.

    The gain is ``W_t W_s / (W_s^2 + eps^2)``, scaled to 1 at frequency 0 and faded out above ``VALID_PER_MM``, or
    below the frequency at which a measured transfer ends before it has fallen to nothing. The noise power of filtered
    backprojection is ``f W^2`` (Riederer, Pelc and Chesler 1978, Phys Med Biol 23:446); what is missing after the
    gain, ``f (W_t^2 - gain^2 W_s^2)``, is added where it is positive.
    """
    f = np.arange(0.0, _HIGHEST_PER_MM, _STEP_PER_MM)
    w_source, w_target = _window(source, f), _window(target, f)
    curves = [kernel for kernel in (source, target) if isinstance(kernel, MtfCurve)]
    known_to = min((curve.known_to_per_mm for curve in curves), default=_HIGHEST_PER_MM)
    gain = w_target * w_source / (w_source**2 + REGULARISATION**2)
    gain *= _fade(f, min(VALID_PER_MM, known_to - _TAPER_PER_MM)) / gain[0]
    added = np.maximum(f * (w_target**2 - (gain * w_source) ** 2), 0.0)
    band = (_FIT_PER_MM[0], min(_FIT_PER_MM[1], known_to))
    return Conversion(source.name, target.name, f, gain, f * w_source**2, added, band)


def _window(kernel: Kernel | MtfCurve, frequency_per_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    if isinstance(kernel, Kernel):
        return ramp_window(kernel, frequency_per_mm)
    return curve_window(kernel, frequency_per_mm)


def _fade(frequency_per_mm: NDArray[np.float64], highest_per_mm: float) -> NDArray[np.float64]:
    """Return 1 up to a frequency, then half a cosine down to 0."""
    beyond = np.clip((frequency_per_mm - highest_per_mm) / _TAPER_PER_MM, 0.0, 1.0)
    return 0.5 * (1.0 + np.cos(np.pi * beyond))

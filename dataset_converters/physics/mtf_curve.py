"""A measured modulation transfer function in place of a fitted kernel."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import interpolate

from dataset_converters.physics.kernels import APERTURE_PER_MM

NOTHING_LEFT = 0.02
"""Transfer below which a curve counts as having reached its end."""
_SMALLEST_APERTURE = 0.02


@dataclass(frozen=True, eq=False)
class MtfCurve:
    """Modulation transfer of a scanner with one kernel.

    Attributes
    ----------
    name : str
        What stands in provenance.
    frequency_per_mm : numpy.ndarray
        (F,) cycles/mm, rising from 0.
    mtf : numpy.ndarray
        (F,) 1 at frequency 0, above 1 where the kernel enhances edges.
    """

    name: str
    frequency_per_mm: NDArray[np.float64]
    mtf: NDArray[np.float64]

    @property
    def known_to_per_mm(self) -> float:
        """Highest frequency at which the transfer is known; infinite if the curve falls to 0.02 or less."""
        return float("inf") if self.mtf[-1] <= NOTHING_LEFT else float(self.frequency_per_mm[-1])


def curve_window(curve: MtfCurve, frequency_per_mm: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the window on the ramp filter that a measured transfer implies, 1 at frequency 0, 0 beyond its end.

    An object passes the window and the aperture of focal spot, detector and motion; noise passes the window and the
    ramp alone. So the window is the measured transfer over that of the aperture, for which that of ``physics.kernels``
    is taken. The ratio of two curves of one scanner, the gain, is the ratio of the windows whatever the aperture; only
    the spectrum of added noise rests on it. Where less than 2 % passes the aperture (above 0.83 cycles/mm) the
    division stops growing, so that it does not amplify the rounding of a curve. Between its points the curve is a
    monotone cubic (Fritsch and Carlson 1980, SIAM J Numer Anal 17:238).
    """
    f = np.asarray(frequency_per_mm, np.float64)
    measured = interpolate.PchipInterpolator(curve.frequency_per_mm, curve.mtf, extrapolate=False)(f)
    aperture = np.maximum(np.exp(-((f / APERTURE_PER_MM) ** 2)), _SMALLEST_APERTURE)
    return np.nan_to_num(measured) / aperture / curve.mtf[0]

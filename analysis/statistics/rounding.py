"""Removal of floating noise before ranking: it makes differences of what is a tie or a zero."""

import numpy as np

from analysis.statistics.samples import Floats

ROUND_DECIMALS = 12
"""Decimals kept of values below 10; larger values keep 13 significant digits of the largest."""


def without_noise(values: Floats, *, largest: float | None = None) -> Floats:
    """Return values rounded to `ROUND_DECIMALS` decimals, or fewer where the largest finite magnitude is 10 or more.

    Dice scores such as 0.1 + 0.2 and 0.3 become equal, and so do volumes of thousands of millilitres whose noise is
    larger. Infinite values stay. The same is needed in R (bug 19071) and SciPy (issue 26082).

    Parameters
    ----------
    values : float array, any shape
    largest : float, optional
        Largest finite magnitude of the values the noise comes from, where these are differences of larger values.
    """
    scale = largest_magnitude(values) if largest is None else largest
    digits = int(np.floor(np.log10(scale))) if scale >= 10 else 0
    return np.round(values, ROUND_DECIMALS - digits)


def largest_magnitude(*samples: Floats) -> float:
    """Return the largest finite absolute value of all samples; 0 if there is none."""
    finite = [np.abs(sample[np.isfinite(sample)]) for sample in samples]
    return max((float(values.max()) for values in finite if values.size), default=0.0)

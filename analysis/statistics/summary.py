"""Median, quartiles and range of patient values, and how the paper prints them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

QUARTILE_NOTE = "Quartiles are R's default, type 7 (linear between order statistics)."
NO_VALUE = "–"


@dataclass(frozen=True)
class Summary:
    """Distribution of one value per patient, unrounded; NaN without patients."""

    n: int
    mean: float
    median: float
    q1: float
    q3: float
    min: float
    max: float


def summarise(values: npt.ArrayLike) -> Summary:
    """Return the distribution of finite values; others are ignored, so count them before."""
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[~np.isnan(finite)]
    if len(finite) == 0:
        return Summary(0, *([float("nan")] * 6))
    q1, median, q3 = np.quantile(finite, [0.25, 0.5, 0.75], method="linear")
    return Summary(
        len(finite), float(finite.mean()), float(median), float(q1), float(q3), float(finite.min()), float(finite.max())
    )


def format_summary(summary: Summary, *, decimals: int = 2) -> str:
    """Return ``median (q1, q3) [min–max]``, for example ``0.62 (0.54, 0.69) [0.27–0.90]``."""
    if summary.n == 0:
        return NO_VALUE
    median, q1, q3, low, high = (
        f"{value:.{decimals}f}" for value in (summary.median, summary.q1, summary.q3, summary.min, summary.max)
    )
    return f"{median} ({q1}, {q3}) [{low}–{high}]"

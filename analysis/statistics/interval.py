"""Mean and median of one value per patient with their confidence intervals."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.statistics.samples import as_sample, not_finite

INTERVAL_NOTE = "95% confidence intervals of the mean difference: t distribution over patients."
MEDIAN_INTERVAL_NOTE = "95% confidence intervals of the median: order statistics over patients."
NAN = float("nan")


@dataclass(frozen=True)
class Interval:
    """An estimate from ``n`` patients with its confidence limits; what is not defined is NaN and has a ``reason``."""

    n: int
    estimate: float
    low: float
    high: float
    reason: str = ""


def mean_interval(values: npt.ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Return the mean of one value per patient with its t interval, as R's ``t.test``.

    Limits need two patients whose values are not all equal. With an infinite value there is no mean.

    Raises
    ------
    AnalysisError
        If values are NaN.
    """
    sample = as_sample(values, "mean")
    n = len(sample)
    if reason := ("no patients" if n == 0 else not_finite(sample)):
        return Interval(n, NAN, NAN, NAN, reason)
    mean = float(sample.mean())
    if n < 2:
        return Interval(n, mean, NAN, NAN, "1 patients, at least 2 needed")
    if np.ptp(sample) == 0:
        return Interval(n, mean, NAN, NAN, "all values are equal")
    from scipy import stats

    half = float(stats.t.ppf((1 + confidence) / 2, n - 1) * sample.std(ddof=1) / np.sqrt(n))
    return Interval(n, mean, mean - half, mean + half)


def median_interval(values: npt.ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Return the median of one value per patient with its distribution-free interval between two order statistics.

    The limits are the k-th smallest and k-th largest value with the largest k whose binomial coverage is at least
    ``confidence`` (Conover 1999, section 3.2): conservative, and right also for skewed values, where basic
    bootstrap intervals of the median fail. 95% needs 6 patients, not all equal.
    Infinite values are ordered like others.

    Raises
    ------
    AnalysisError
        If values are NaN.
    """
    sample = np.sort(as_sample(values, "median"))
    n = len(sample)
    if n == 0:
        return Interval(0, NAN, NAN, NAN, "no patients")
    from scipy import stats

    with np.errstate(invalid="ignore"):
        median = float(np.median(sample))
    if np.isnan(median):
        return Interval(n, NAN, NAN, NAN, "the two middle values are minus and plus infinite")
    if sample[0] == sample[-1]:
        return Interval(n, median, NAN, NAN, "all values are equal")
    k = int(stats.binom.ppf((1 - confidence) / 2, n, 0.5))
    if k == 0:
        return Interval(n, median, NAN, NAN, f"{n} patients are too few for a {confidence:.0%} interval")
    return Interval(n, median, float(sample[k - 1]), float(sample[n - k]))


def format_interval(interval: Interval, *, decimals: int) -> str:
    """Return ``estimate (low–high)`` as Lee et al. 2023, Table 4: ``0.955 (0.923–0.973)``, ``-0.006 (-0.046–0.035)``.

    Without limits only the estimate, without an estimate a dash.
    """
    if np.isnan(interval.estimate):
        return "–"
    estimate, low, high = (f"{value:.{decimals}f}" for value in (interval.estimate, interval.low, interval.high))
    return estimate if np.isnan(interval.low) else f"{estimate} ({low}–{high})"

"""Wilcoxon signed-rank and Mann-Whitney tests with the rules of R's ``wilcox.test``."""

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.statistics.rounding import largest_magnitude, without_noise
from analysis.statistics.samples import SMALLEST_SAMPLE, Floats, as_pairs, as_sample, too_few
from analysis.statistics.test_result import TestResult, not_defined

EXACT_BELOW = 50
Alternative: TypeAlias = Literal["two-sided", "greater", "less"]


def wilcoxon_signed_rank(
    first: npt.ArrayLike, second: npt.ArrayLike, *, alternative: Alternative = "two-sided"
) -> TestResult:
    """Test whether paired values differ, as R's ``wilcox.test(first, second, paired = TRUE)``; statistic V.

    Zero differences are dropped. The distribution is exact if fewer than 50 differences are left and there were
    neither zeros nor ties; otherwise normal with tie and continuity correction. SciPy chooses otherwise, so the choice
    is made here and SciPy computes.

    Parameters
    ----------
    first, second : float array (n,)
        One value per patient, in the same order. Infinite values (a missed surface distance) are values: two equal
        infinite values are a zero difference, a finite against an infinite value is a largest difference, and all
        such differences are tied.
    alternative : str
        ``greater``: first tends to exceed second.

    Raises
    ------
    AnalysisError
        If values are NaN or the lengths differ.
    """
    name = "Wilcoxon signed-rank"
    differences = paired_differences(first, second, name)
    if reason := too_few(len(differences)):
        return not_defined(name, reason)
    nonzero = differences[differences != 0]
    if len(nonzero) == 0:
        return not_defined(name, "all differences are zero")
    from scipy import stats

    ranks = stats.rankdata(np.abs(nonzero))
    statistic = float(ranks[nonzero > 0].sum())
    signed = np.sign(nonzero) * ranks
    if len(nonzero) < EXACT_BELOW and len(nonzero) == len(differences) and not _has_ties(ranks):
        result = stats.wilcoxon(signed, method="exact", alternative=alternative)
        return TestResult(f"{name}, exact", statistic, float(result.pvalue))
    result = stats.wilcoxon(signed, zero_method="wilcox", correction=True, method="asymptotic", alternative=alternative)
    return TestResult(f"{name}, asymptotic", statistic, float(result.pvalue))


def mann_whitney(first: npt.ArrayLike, second: npt.ArrayLike) -> TestResult:
    """Test whether two groups of different patients differ, two-sided, as R's ``wilcox.test(first, second)``.

    The statistic is W. The distribution is exact if both groups have fewer than 50 values and there are no ties;
    otherwise normal with tie and continuity correction. Infinite values rank highest and tie with each other.

    Raises
    ------
    AnalysisError
        If values are NaN.
    """
    name = "Mann-Whitney"
    x, y = as_sample(first, name), as_sample(second, name)
    if min(len(x), len(y)) < SMALLEST_SAMPLE:
        return not_defined(name, f"{len(x)} and {len(y)} patients, at least {SMALLEST_SAMPLE} each needed")
    from scipy import stats

    ranks = stats.rankdata(without_noise(np.concatenate([x, y])))
    if np.ptp(ranks) == 0:
        return not_defined(name, "all values are equal")
    exact = max(len(x), len(y)) < EXACT_BELOW and not _has_ties(ranks)
    method: Literal["exact", "asymptotic"] = "exact" if exact else "asymptotic"
    result = stats.mannwhitneyu(ranks[: len(x)], ranks[len(x) :], alternative="two-sided", method=method)
    return TestResult(f"{name}, {method}", float(result.statistic), float(result.pvalue))


def paired_differences(first: npt.ArrayLike, second: npt.ArrayLike, name: str) -> Floats:
    """Return first minus second without floating noise; two equal infinite values differ by zero."""
    x, y = as_pairs(first, second, name)
    differences = np.zeros(len(x))
    np.subtract(x, y, out=differences, where=x != y)
    return without_noise(differences, largest=largest_magnitude(x, y))


def _has_ties(values: Floats) -> bool:
    return len(np.unique(values)) < len(values)

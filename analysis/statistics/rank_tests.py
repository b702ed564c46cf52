"""Wilcoxon signed-rank and Mann-Whitney tests with the rules of R's ``wilcox.test``."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

ROUND_DECIMALS = 12
"""Values are rounded first: floating noise makes false differences of what is a tie or a zero."""
EXACT_BELOW = 50
SMALLEST_SAMPLE = 3


@dataclass(frozen=True)
class RankTest:
    """The result of one test; ``p`` is NaN and ``reason`` says why where the test is not defined.

    ``statistic`` is R's: V, the sum of the ranks of positive differences, or W, the Mann-Whitney count.
    """

    name: str
    statistic: float
    p: float
    reason: str = ""


def wilcoxon_signed_rank(first: npt.ArrayLike, second: npt.ArrayLike) -> RankTest:
    """Test whether paired values differ, two-sided, as R's ``wilcox.test(first, second, paired = TRUE)``.

    Zero differences are dropped. The distribution is exact if fewer than 50 differences are left and there were
    neither zeros nor ties; otherwise normal with tie and continuity correction.

    Parameters
    ----------
    first, second : float array (n,)
        One value per patient, in the same order, all finite.
    """
    differences = np.round(np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64), ROUND_DECIMALS)
    name = "Wilcoxon signed-rank"
    if len(differences) < SMALLEST_SAMPLE:
        return RankTest(name, np.nan, np.nan, f"{len(differences)} patients, at least {SMALLEST_SAMPLE} needed")
    nonzero = differences[differences != 0]
    if len(nonzero) == 0:
        return RankTest(name, np.nan, np.nan, "all differences are zero")
    from scipy import stats

    ranks = stats.rankdata(np.abs(nonzero))
    statistic = float(ranks[nonzero > 0].sum())
    exact = len(nonzero) < EXACT_BELOW and len(nonzero) == len(differences) and not _has_ties(np.abs(nonzero))
    if exact:
        p = stats.wilcoxon(nonzero, method="exact").pvalue
    else:
        p = stats.wilcoxon(nonzero, zero_method="wilcox", correction=True, method="asymptotic").pvalue
    return RankTest(f"{name}, {'exact' if exact else 'asymptotic'}", statistic, float(p))


def mann_whitney(first: npt.ArrayLike, second: npt.ArrayLike) -> RankTest:
    """Test whether two groups of different patients differ, two-sided, as R's ``wilcox.test(first, second)``.

    The distribution is exact if both groups have fewer than 50 values and there are no ties; otherwise normal with
    tie and continuity correction.
    """
    x = np.round(np.asarray(first, dtype=np.float64), ROUND_DECIMALS)
    y = np.round(np.asarray(second, dtype=np.float64), ROUND_DECIMALS)
    name = "Mann-Whitney"
    if min(len(x), len(y)) < SMALLEST_SAMPLE:
        return RankTest(name, np.nan, np.nan, f"{len(x)} and {len(y)} patients, at least {SMALLEST_SAMPLE} each needed")
    if np.ptp(np.concatenate([x, y])) == 0:
        return RankTest(name, np.nan, np.nan, "all values are equal")
    from scipy import stats

    exact = max(len(x), len(y)) < EXACT_BELOW and not _has_ties(np.concatenate([x, y]))
    result = stats.mannwhitneyu(x, y, alternative="two-sided", method="exact" if exact else "asymptotic")
    return RankTest(f"{name}, {'exact' if exact else 'asymptotic'}", float(result.statistic), float(result.pvalue))


def _has_ties(values: npt.NDArray[np.float64]) -> bool:
    return len(np.unique(values)) < len(values)

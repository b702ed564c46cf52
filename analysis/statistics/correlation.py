"""Spearman rank correlation with its interval, as of disease extent and lung function in Chassagnon et al. 2020."""

from dataclasses import dataclass
from math import factorial, prod

import numpy as np
import numpy.typing as npt

from analysis.statistics.rounding import without_noise
from analysis.statistics.samples import Floats, as_pairs, too_few

NAN = float("nan")
SPEARMAN_NOTE = (
    "Spearman's rho; P by the t distribution (SciPy; R's cor.test with exact = FALSE); "
    "95% interval by Fisher's z with the standard error of Bonett and Wright 2000."
)


@dataclass(frozen=True)
class Correlation:
    """A correlation of ``n`` patients with P value and interval; what is not defined is NaN and has a ``reason``."""

    n: int
    estimate: float
    p: float
    low: float
    high: float
    reason: str = ""


def spearman(x: npt.ArrayLike, y: npt.ArrayLike, *, confidence: float = 0.95) -> Correlation:
    """Return Spearman's rho of two values per patient.

    P is SciPy's, as in the paper: two-sided, from the t distribution with n - 2 degrees of freedom. R's ``cor.test``
    gives the same with ``exact = FALSE``; its default differs (exact or Edgeworth series without ties). Only where
    |rho| = 1 SciPy's P of 0 is impossible, so P is the exact share of permutations with |rho| = 1.

    The interval is Fisher's z with standard error sqrt((1 + rho²/2) / (n - 3)) (Bonett and Wright 2000, Psychometrika
    65:23-28); 1 / sqrt(n - 3), which pingouin takes, is for Pearson's r and too narrow for ranks. It needs 4 patients
    and |rho| below 1.

    Parameters
    ----------
    x, y : float array (n,)
        Two values per patient, in the same order. Infinite values are ranked highest and tie with each other.

    Raises
    ------
    AnalysisError
        If values are NaN or the lengths differ.
    """
    first, second = as_pairs(x, y, "Spearman")
    n = len(first)
    if reason := too_few(n):
        return Correlation(n, NAN, NAN, NAN, NAN, reason)
    from scipy import stats

    ranks = [stats.rankdata(without_noise(sample)) for sample in (first, second)]
    if min(np.ptp(rank) for rank in ranks) == 0:
        return Correlation(n, NAN, NAN, NAN, NAN, "all values of one variable are equal")
    if direction := _perfect(*ranks):
        reason = "perfect rank correlation: no interval"
        return Correlation(n, direction, _perfect_p(ranks[0]), NAN, NAN, reason)
    rho, p = (float(value) for value in stats.spearmanr(*ranks))
    if n < 4:
        return Correlation(n, rho, p, NAN, NAN, "an interval needs 4 patients")
    half = stats.norm.ppf((1 + confidence) / 2) * np.sqrt((1 + rho**2 / 2) / (n - 3))
    low, high = np.tanh([np.arctanh(rho) - half, np.arctanh(rho) + half])
    return Correlation(n, rho, p, float(low), float(high))


def _perfect(x: Floats, y: Floats) -> float:
    """Return 1 or -1 if the ranks agree or are exactly reversed, otherwise 0."""
    if np.array_equal(x, y):
        return 1.0
    return -1.0 if np.array_equal(x, len(y) + 1 - y) else 0.0


def _perfect_p(ranks: Floats) -> float:
    """Return the share of permutations with |rho| = 1; ties reach -1 only if their pattern is symmetric."""
    _, counts = np.unique(ranks, return_counts=True)
    same = prod(factorial(int(count)) for count in counts)
    both = 2 if np.array_equal(counts, counts[::-1]) else 1
    return min(1.0, both * same / factorial(len(ranks)))

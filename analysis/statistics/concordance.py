"""Lin's concordance correlation coefficient with its interval, as Lee et al. 2023 (Table 4)."""

import numpy as np
import numpy.typing as npt

from analysis.statistics.interval import NAN, Interval
from analysis.statistics.samples import as_pairs, not_finite, too_few

CONCORDANCE_NOTE = (
    "Concordance correlation coefficient (Lin 1989, variance as corrected in 2000): moments with 1/n, "
    "95% interval by Fisher's z."
)


def concordance_correlation(reference: npt.ArrayLike, measured: npt.ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Return Lin's CCC of a measurement with its reference, and its interval on the Fisher z scale.

    CCC = 2 s_xy / (s_x² + s_y² + (m_x - m_y)²) with variances and covariance divided by n, as Lin (Biometrics 1989;
    45:255-268, equation 3). Dividing by n - 1 moves it by at most 1 / (4 (n - 1)), and not at all where the means are
    equal. The standard error is Lin's asymptotic one, divided by n - 2, with the correction of Biometrics
    2000; 56:324-325. Estimate and limits equal ``epi.ccc`` of the R package epiR, whose moments are 1/n too.

    Parameters
    ----------
    reference, measured : float array (n,)
        Two values per patient in the same unit, in the same order.

    Returns
    -------
    Interval
        No limits (NaN, with the reason) where agreement is perfect or the two are exactly uncorrelated: there the
        asymptotic variance is not defined. Nothing if all values are equal, or with an infinite value.

    Raises
    ------
    AnalysisError
        If values are NaN or the lengths differ.
    """
    x, y = as_pairs(reference, measured, "concordance")
    n = len(x)
    if reason := too_few(n) or not_finite(x, y):
        return Interval(n, NAN, NAN, NAN, reason)
    var_x, var_y, shift = float(x.var()), float(y.var()), float(y.mean() - x.mean())
    covariance = float(((x - x.mean()) * (y - y.mean())).mean())
    spread = var_x + var_y + shift**2
    if spread == 0:
        return Interval(n, NAN, NAN, NAN, "all values are equal")
    ccc = 2 * covariance / spread
    if min(np.ptp(x), np.ptp(y)) == 0:
        return Interval(n, 0.0, NAN, NAN, "all values of one variable are equal: no interval")
    pearson = covariance / np.sqrt(var_x * var_y)
    if covariance == 0 or 1 - abs(ccc) < 1e-12:
        return Interval(n, ccc, NAN, NAN, "no interval where the correlation is 0 or the agreement perfect")
    error = _standard_error_of_z(ccc, pearson, shift**2 / np.sqrt(var_x * var_y), n=n)
    from scipy import stats

    half = stats.norm.ppf((1 + confidence) / 2) * error
    low, high = np.tanh([np.arctanh(ccc) - half, np.arctanh(ccc) + half])
    return Interval(n, ccc, float(low), float(high))


def _standard_error_of_z(ccc: float, pearson: float, shift2: float, *, n: int) -> float:
    """Return the standard error of atanh(ccc); ``shift2`` is u², the squared location shift over s_x s_y."""
    variance = (
        (1 - pearson**2) * ccc**2 / ((1 - ccc**2) * pearson**2)
        + 2 * ccc**3 * (1 - ccc) * shift2 / (pearson * (1 - ccc**2) ** 2)
        - ccc**4 * shift2**2 / (2 * pearson**2 * (1 - ccc**2) ** 2)
    )
    return float(np.sqrt(max(variance, 0.0) / (n - 2)))

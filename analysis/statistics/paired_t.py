"""Paired t test, as in Lee et al. 2023 (Statistical Analyses)."""

import numpy as np
import numpy.typing as npt

from analysis.statistics.samples import as_pairs, not_finite, too_few
from analysis.statistics.test_result import TestResult, not_defined


def paired_t(first: npt.ArrayLike, second: npt.ArrayLike) -> TestResult:
    """Test whether the mean of first minus second is zero, two-sided, as R's ``t.test(first, second, paired = TRUE)``.

    Parameters
    ----------
    first, second : float array (n,)
        One value per patient, in the same order. With an infinite value the test is not defined.

    Raises
    ------
    AnalysisError
        If values are NaN or the lengths differ.
    """
    name = "Paired t"
    x, y = as_pairs(first, second, name)
    if reason := too_few(len(x)) or not_finite(x, y):
        return not_defined(name, reason)
    differences = x - y
    mean, error = float(differences.mean()), float(differences.std(ddof=1) / np.sqrt(len(x)))
    noise = 10 * np.finfo(float).eps * max(float(np.abs(x).max()), float(np.abs(y).max()))
    if error <= noise:
        return not_defined(name, "all differences are zero" if abs(mean) <= noise else "all differences are equal")
    from scipy import stats

    result = stats.ttest_rel(x, y)
    return TestResult(name, float(result.statistic), float(result.pvalue), df=len(x) - 1)

"""Kruskal-Wallis and Friedman tests: do several groups, or several treatments of the same patients, differ at all."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from analysis.statistics.rounding import without_noise
from analysis.statistics.samples import SMALLEST_SAMPLE, as_sample, as_table, too_few
from analysis.statistics.test_result import TestResult, not_defined


def kruskal_wallis(groups: Sequence[npt.ArrayLike]) -> TestResult:
    """Test whether groups of different patients differ, as R's ``kruskal.test`` (tie-corrected chi-squared).

    Parameters
    ----------
    groups : sequence of float array (n_group,)
        At least 2 groups of at least 3 patients. Infinite values rank highest and tie with each other.

    Raises
    ------
    AnalysisError
        If values are NaN.
    """
    name = "Kruskal-Wallis"
    samples = [as_sample(group, name) for group in groups]
    sizes = [len(sample) for sample in samples]
    if len(samples) < 2:
        return not_defined(name, f"{len(samples)} groups, at least 2 needed")
    if min(sizes) < SMALLEST_SAMPLE:
        words = " and ".join(str(size) for size in sizes)
        return not_defined(name, f"{words} patients, at least {SMALLEST_SAMPLE} each needed")
    from scipy import stats

    ranks = stats.rankdata(without_noise(np.concatenate(samples)))
    if np.ptp(ranks) == 0:
        return not_defined(name, "all values are equal")
    result = stats.kruskal(*np.split(ranks, np.cumsum(sizes)[:-1]))
    return TestResult(name, float(result.statistic), float(result.pvalue), df=len(samples) - 1)


def friedman(values: npt.ArrayLike) -> TestResult:
    """Test whether several values of the same patients differ, as R's ``friedman.test`` (tie-corrected chi-squared).

    Parameters
    ----------
    values : float array (n_patients, k)
        At least 3 patients and 3 treatments (arms, kernels, readers). Infinite values rank highest within a patient.

    Raises
    ------
    AnalysisError
        If values are NaN: keep patients with all values, and count the others before.
    """
    name = "Friedman"
    table = as_table(values, name, axes="(n_patients, k)")
    n, k = table.shape
    if reason := too_few(n):
        return not_defined(name, reason)
    if k < 3:
        return not_defined(name, f"{k} values per patient, at least 3 needed; for 2 take Wilcoxon signed-rank")
    from scipy import stats

    ranks = stats.rankdata(without_noise(table), axis=1)
    if (np.ptp(ranks, axis=1) == 0).all():
        return not_defined(name, "all values of each patient are equal")
    result = stats.friedmanchisquare(*ranks.T)
    return TestResult(name, float(result.statistic), float(result.pvalue), df=k - 1)

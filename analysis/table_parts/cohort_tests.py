"""The tests between cohorts of Chassagnon et al. 2020: Kruskal-Wallis, Mann-Whitney and Fisher's exact test."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.statistics.fisher import fisher_exact
from analysis.statistics.omnibus import kruskal_wallis
from analysis.statistics.rank_tests import mann_whitney
from analysis.statistics.test_result import TestResult

TEST_NOTE = (
    "Quantities: Mann-Whitney between two cohorts, Kruskal-Wallis between more; numbers of patients: Fisher's exact "
    "test. Two-sided, not corrected for the number of characteristics. Cohorts without a value do not enter."
)
TOO_FEW = "fewer than 2 cohorts with a value"


def compare_cohorts(groups: Sequence[pd.Series], *, counts: bool) -> TestResult:
    """Test whether cohorts differ, over the patients with a value.

    Parameters
    ----------
    groups : sequence of Series
        One per cohort: numbers, or with ``counts`` whether a patient has the characteristic.
    """
    known = [group.dropna() for group in groups]
    known = [group for group in known if len(group)]
    if len(known) < 2:
        return TestResult("", np.nan, np.nan, TOO_FEW)
    if counts:
        return fisher_exact([[int(group.sum()), int((~group.astype(bool)).sum())] for group in known])
    if len(known) == 2:
        return mann_whitney(known[0], known[1])
    return kruskal_wallis([group.to_numpy(dtype=np.float64) for group in known])

"""The tests between cohorts of Chassagnon et al. 2020: Kruskal-Wallis, Mann-Whitney and Fisher's exact test."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.statistics.fisher import fisher_exact
from analysis.statistics.omnibus import kruskal_wallis
from analysis.statistics.rank_tests import mann_whitney
from analysis.statistics.test_result import TestResult

TEST_NOTE = (
    "Quantities: Mann-Whitney between two cohorts, Kruskal-Wallis between more; numbers of patients: Fisher's exact "
    "test. Two-sided, not corrected for the number of characteristics. Cohorts without a value do not enter."
)
TOO_FEW = "fewer than 2 cohorts with a value"


def refuse_shared_patients(cohorts: Mapping[str, pd.DataFrame]) -> None:
    """Refuse to compare cohorts that share patients: every test here takes the cohorts as independent.

    Parameters
    ----------
    cohorts : mapping
        Cohort to its patients, with the columns dataset and patient.

    Raises
    ------
    AnalysisError
        Naming two cohorts and how many patients are in both.
    """
    for (one, first), (other, second) in combinations(cohorts.items(), 2):
        keys = ["dataset", "patient"]
        shared = len(first[keys].drop_duplicates().merge(second[keys].drop_duplicates()))
        if shared:
            raise AnalysisError(
                f"cohorts {one} and {other}: {shared} patients are in both, wanted independent cohorts; give them "
                "other datasets or roles in [tables.cohorts], or leave one out"
            )


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

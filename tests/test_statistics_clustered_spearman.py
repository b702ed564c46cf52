"""Spearman's rho of repeated values: SciPy's estimate, and resamples that are those of repeated rows."""

import numpy as np
import pytest
from scipy import stats

from analysis.errors import AnalysisError
from analysis.statistics.clustered_spearman import _weighted_rho, clustered_spearman


def test_estimate_is_scipys_and_weights_are_repeated_rows() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 6, 30).astype(float), rng.normal(size=30)
    found = clustered_spearman(x, y, np.repeat(np.arange(10), 3))
    assert found.estimate == pytest.approx(stats.spearmanr(x, y).statistic)
    assert found.n == 10
    assert found.low < found.estimate < found.high
    weights = rng.integers(0, 4, 30)
    rows = np.repeat(np.arange(30), weights)
    wanted = stats.spearmanr(x[rows], y[rows]).statistic
    assert _weighted_rho([x, y], weights[None].astype(float))[0] == pytest.approx(wanted)


def test_rows_of_a_patient_are_no_fresh_evidence() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=12), rng.normal(size=12)
    once = clustered_spearman(x, y, np.arange(12))
    tenfold = clustered_spearman(np.tile(x, 10), np.tile(y, 10), np.tile(np.arange(12), 10))
    assert (tenfold.low, tenfold.high) == pytest.approx((once.low, once.high))
    alone = clustered_spearman(np.tile(x, 10), np.tile(y, 10), np.arange(120))
    assert alone.high - alone.low < 0.6 * (once.high - once.low)


def test_what_is_not_defined_has_a_reason() -> None:
    assert clustered_spearman([1, 2, 3], [1, 2, 3], ["a", "a", "b"]).reason.startswith("2 patients")
    assert clustered_spearman([1, 1, 1], [1, 2, 3], [1, 2, 3]).reason == "all values of one variable are equal"
    with pytest.raises(AnalysisError, match="NaN"):
        clustered_spearman([np.nan, 1, 1], [1, 2, 3], [1, 2, 3])

"""Intervals of means and medians, and the bootstrap of patients and of whole clusters."""

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import AnalysisError
from analysis.statistics.bootstrap import bootstrap_interval, cluster_bootstrap
from analysis.statistics.clusters import group_by_patient
from analysis.statistics.interval import Interval, mean_interval, median_interval

INF = float("inf")
RNG = np.random.default_rng(3)
VALUES = np.round(0.8 - 0.1 * RNG.exponential(size=12), 3)


def test_median_interval_by_order_statistics() -> None:
    interval = median_interval(np.arange(1.0, 11))  # P(X <= 1) = 11/1024 <= 0.025 < P(X <= 2) = 56/1024
    assert (interval.estimate, interval.low, interval.high) == (5.5, 2.0, 9.0)
    assert median_interval([5, 1, 4, 2, 3, 6]).low == 1
    assert median_interval([1, 2, 3, 4, 5]).reason == "5 patients are too few for a 95% interval"
    assert median_interval([1, 2, 3, 4, 5, INF, INF, INF]).high == INF
    assert median_interval([1, 2, INF, INF]).estimate == INF
    assert median_interval([-INF, INF]).reason == "the two middle values are minus and plus infinite"
    assert median_interval([]).reason == "no patients"
    assert median_interval([3] * 9).reason == "all values are equal"


@pytest.mark.parametrize("n", [6, 17, 40, 101])
def test_median_interval_has_its_binomial_coverage(n: int) -> None:
    low = int(median_interval(np.arange(1, n + 1)).low)
    outside = [2 * sum(comb(n, count) for count in range(k)) / 2**n for k in (low, low + 1)]
    assert outside[0] <= 0.05 < outside[1]


def test_mean_interval_that_is_not_defined() -> None:
    assert mean_interval([]).reason == "no patients"
    assert mean_interval([0.4]) == Interval(1, 0.4, *[mean_interval([0.4]).low] * 2, "1 patients, at least 2 needed")
    assert (mean_interval([2, 2, 2]).estimate, mean_interval([2, 2, 2]).reason) == (2.0, "all values are equal")
    assert mean_interval([1, INF, 2]).reason == "1 of 3 values are infinite: they have no mean"
    with pytest.raises(AnalysisError, match="mean: 1 of 2 values are NaN"):
        mean_interval([1, np.nan])


@pytest.mark.parametrize("statistic", ["mean", "median", np.std])
@pytest.mark.parametrize("method", ["bca", "percentile"])
def test_cluster_bootstrap_of_single_rows_is_scipys_bootstrap(statistic, method) -> None:  # type: ignore[no-untyped-def]
    clusters = cluster_bootstrap(VALUES, np.arange(12), statistic=statistic, method=method, resamples=20_000)
    scipys = bootstrap_interval(VALUES, statistic, method=method, resamples=20_000, seed=7)
    assert clusters.estimate == pytest.approx(scipys.estimate)
    width = scipys.high - scipys.low
    assert (clusters.low, clusters.high) == pytest.approx((scipys.low, scipys.high), abs=0.04 * width)


def test_studentised_interval_by_its_definition() -> None:
    drawn = np.random.default_rng(5).choice(VALUES, (40_000, 12))
    errors = drawn.std(axis=1, ddof=1) / np.sqrt(12)
    low, high = np.quantile((drawn.mean(axis=1) - VALUES.mean()) / errors, [0.025, 0.975])
    own = VALUES.std(ddof=1) / np.sqrt(12)
    interval = cluster_bootstrap(VALUES, np.arange(12), method="t", resamples=40_000)
    expected = (VALUES.mean() - high * own, VALUES.mean() - low * own)
    assert (interval.low, interval.high) == pytest.approx(expected, abs=0.05 * (expected[1] - expected[0]))


@given(st.randoms(use_true_random=False))
def test_rows_in_any_order_and_any_names(random) -> None:  # type: ignore[no-untyped-def]
    values, patients = [0.1, 0.5, 0.7, 0.4, 0.9, 0.2, 0.6], ["a", "a", "b", "c", "c", "c", "d"]
    order = list(range(7))
    random.shuffle(order)
    clusters = group_by_patient(np.array(values)[order], np.array(patients)[order], "test")
    assert sorted(clusters.means) == pytest.approx([0.3, 0.5, 0.6, 0.7])
    moved = cluster_bootstrap(np.array(values)[order], np.array(patients)[order], resamples=200)
    assert (moved.n, moved.estimate) == (4, pytest.approx(0.525))


def test_a_patient_with_more_rows_counts_more_only_over_rows() -> None:
    values, patients = np.array([0.0, 1.0, 1.0, 1.0, 0.5]), np.array([1, 2, 2, 2, 3])
    assert cluster_bootstrap(values, patients).estimate == pytest.approx(0.5)
    assert cluster_bootstrap(values, patients, over="rows").estimate == pytest.approx(0.7)
    assert cluster_bootstrap(values, patients, over="rows", method="t").estimate == pytest.approx(0.7)
    assert cluster_bootstrap(values, patients, statistic="median", over="rows").estimate == 1.0
    assert cluster_bootstrap(values, patients, statistic="median").estimate == 0.5


def test_repeated_rows_add_no_information() -> None:
    once = cluster_bootstrap(VALUES, np.arange(12))
    six_times = cluster_bootstrap(np.repeat(VALUES, 6), np.repeat(np.arange(12), 6))
    assert (six_times.low, six_times.high) == pytest.approx((once.low, once.high))
    naive = cluster_bootstrap(np.repeat(VALUES, 6), np.arange(72))
    assert naive.high - naive.low < 0.6 * (once.high - once.low)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), min_size=4, max_size=12))
def test_weighted_median_of_rows_is_the_median_of_repeated_rows(rows: list[tuple[int, int]]) -> None:
    values, patients = np.array([row[0] for row in rows], dtype=float), np.array([row[1] for row in rows])
    clusters = group_by_patient(values, patients, "test")
    weights = np.random.default_rng(0).multinomial(clusters.n, np.full(clusters.n, 1 / clusters.n), 8).astype(float)
    found = clusters.weighted_median(weights, over="rows")
    for weight, median in zip(weights, found, strict=True):
        assert median == np.median(np.repeat(values, weight[clusters.codes].astype(int)))


def test_the_seed_decides() -> None:
    first, again, other = (cluster_bootstrap(VALUES, np.arange(12), resamples=500, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_bootstrap_that_is_not_defined() -> None:
    assert cluster_bootstrap([1, 2, 3, 4], [1, 1, 2, 2]).reason == "2 patients, at least 3 needed"
    assert cluster_bootstrap([], []).reason == "0 patients, at least 3 needed"
    assert cluster_bootstrap([1, 3, 2, 2, 2], [1, 1, 2, 3, 4]).reason == "all values are equal"
    assert "infinite" in cluster_bootstrap([1, 2, INF], [1, 2, 3]).reason
    assert bootstrap_interval([1, 1, 1], "mean").reason == "all values are equal"
    assert bootstrap_interval([1, 2], "mean").reason == "2 patients, at least 3 needed"
    assert "infinite" in bootstrap_interval([1, 2, INF], "mean").reason
    stuck = bootstrap_interval([0.0] * 30 + [1.0], "median")
    assert (stuck.estimate, stuck.reason) == (0.0, "the statistic hardly varies between resamples")
    assert cluster_bootstrap([0.0] * 30 + [1.0], np.arange(31), statistic="median").reason == stuck.reason


def test_bad_bootstraps_are_errors() -> None:
    with pytest.raises(AnalysisError, match="3 values, but patients of shape"):
        cluster_bootstrap([1, 2, 3], [1, 2])
    with pytest.raises(AnalysisError, match="1 rows without a patient"):
        cluster_bootstrap([1, 2, 3], [1, 2, np.nan])
    with pytest.raises(AnalysisError, match="1 of 3 values are NaN"):
        cluster_bootstrap([1, 2, np.nan], [1, 2, 3])
    with pytest.raises(AnalysisError, match="method t is for the mean only"):
        cluster_bootstrap([1, 2, 3], [1, 2, 3], statistic="median", method="t")
    with pytest.raises(AnalysisError, match="needs over='patients'"):
        cluster_bootstrap([1, 2, 3], [1, 2, 3], statistic=np.std, over="rows")

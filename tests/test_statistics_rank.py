"""Laws of the rank tests and effect sizes: infinite values, symmetry, noise, what is not defined."""

from itertools import combinations_with_replacement
from statistics import median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import AnalysisError
from analysis.statistics.effects import hodges_lehmann, rank_biserial
from analysis.statistics.omnibus import friedman, kruskal_wallis
from analysis.statistics.rank_tests import mann_whitney, wilcoxon_signed_rank
from analysis.statistics.rounding import without_noise

INF = float("inf")
PAIRS = st.lists(st.tuples(*[st.integers(-20, 20)] * 2), min_size=3, max_size=15)


def test_infinite_values_rank_as_a_value_beyond_all_others() -> None:
    first = np.array([1.5, INF, 2.0, INF, 3.0, 4.0, 9.0])
    second = np.array([1.0, INF, INF, 5.0, 2.9, 4.7, 6.5])
    large = [np.where(np.isinf(values), 1000.0, values) for values in (first, second)]
    large[0][3] = 1003.0  # so that both infinite differences tie at 998, as they should
    infinite, finite = wilcoxon_signed_rank(first, second), wilcoxon_signed_rank(*large)
    assert infinite == finite
    assert infinite.statistic == 2 + 5.5 + 1 + 4  # of 0.5, one of two tied infinite, 0.1 and 2.5


def test_infinite_groups() -> None:
    x, y, z = [1.0, 2.0, INF, INF], [0.5, 1.5, 3.0, INF], [0.1, 0.2, 4.0]
    large = [np.where(np.isinf(values), 50.0, values) for values in (x, y, z)]
    assert mann_whitney(x, y) == mann_whitney(large[0], large[1])
    assert kruskal_wallis([x, y, z]) == kruskal_wallis(large)
    table = np.array([[1.0, INF, INF], [2.0, 1.0, 3.0], [INF, 5.0, 1.0], [1.0, 2.0, 3.0]])
    assert friedman(table) == friedman(np.where(np.isinf(table), 50.0, table))


def test_one_sided_p_values_complement() -> None:
    first, second = [0.9, 0.8, 0.7, 0.95], [0.5, 0.6, 0.75, 0.65]
    greater = wilcoxon_signed_rank(first, second, alternative="greater")
    less = wilcoxon_signed_rank(first, second, alternative="less")
    assert (greater.p, less.p) == (0.125, 0.9375)  # V = 9 of 10: P(V >= 9) = 2/16, P(V <= 9) = 15/16


@given(PAIRS)
def test_exchanging_the_samples(pairs: list[tuple[int, int]]) -> None:
    first, second = np.array(pairs, dtype=float).T / 10
    here, there = wilcoxon_signed_rank(first, second), wilcoxon_signed_rank(second, first)
    assert here.p == pytest.approx(there.p, nan_ok=True)
    assert rank_biserial(first, second) == pytest.approx(-rank_biserial(second, first), nan_ok=True)
    assert mann_whitney(first, second).p == pytest.approx(mann_whitney(second, first).p, nan_ok=True)
    unpaired = rank_biserial(first, second, paired=False)
    assert unpaired == pytest.approx(-rank_biserial(second, first, paired=False))
    shift, back = hodges_lehmann(first, second), hodges_lehmann(second, first)
    assert (shift.estimate, shift.low) == pytest.approx((-back.estimate, -back.high), nan_ok=True)


@given(PAIRS)
@settings(max_examples=50)
def test_hodges_lehmann_is_the_median_of_the_walsh_averages(pairs: list[tuple[int, int]]) -> None:
    differences = [a - b for a, b in pairs]
    interval = hodges_lehmann(*np.array(pairs, dtype=float).T)
    averages = sorted((a + b) / 2 for a, b in combinations_with_replacement(differences, 2))
    assert interval.estimate == median(averages)
    if interval.reason:
        assert np.isnan([interval.low, interval.high]).all()
    else:
        assert interval.low in averages
        assert interval.low <= interval.estimate <= interval.high


def test_hodges_lehmann_of_many_patients_is_near_rs_asymptotic_interval() -> None:
    differences = np.array([(index * 37 % 101) / 100 - 0.3 + index / 1e4 for index in range(60)])
    interval = hodges_lehmann(differences, np.zeros(60))
    # wilcox.test(d, conf.int = TRUE), R 4.2.2
    assert (interval.estimate, interval.low, interval.high) == pytest.approx(
        (0.1980203996, 0.1167436930, 0.2792726598), abs=7e-5
    )


def test_hodges_lehmann_of_missed_surfaces() -> None:
    interval = hodges_lehmann([1.0, 2.0, 3.0, 4.0, 5.0, INF], [0.0] * 6)
    assert (interval.estimate, interval.low, interval.high) == (3.5, 1.0, INF)  # the 11th, 1st and last of 21 averages
    assert hodges_lehmann([INF, 1.0, 2.0], [0.0, 0.0, INF]).reason == "infinite differences in both directions"


def test_effects_by_hand() -> None:
    assert rank_biserial([3, 1, 5, 2], [1, 2, 1, 2]) == pytest.approx((2 + 3 - 1) / 6)
    assert rank_biserial([3, 4], [1, 3, 2], paired=False) == pytest.approx(5 / 6)  # 5 of 6 pairs larger, one tied
    assert np.isnan(rank_biserial([1, 2], [1, 2]))
    assert np.isnan(rank_biserial([], [1.0], paired=False))


def test_floating_noise_is_removed_at_any_scale() -> None:
    volumes = np.array([0.1, 0.2, 0.3]) * 3 * 9000
    others = np.array([0.3, 0.6, 0.9]) * 9000
    assert (volumes != others).any()
    assert wilcoxon_signed_rank(volumes, others).reason == "all differences are zero"
    assert without_noise(np.array([1e-12, 4e-13, INF])).tolist() == [1e-12, 0.0, INF]


def test_what_is_not_defined_has_a_reason() -> None:
    assert kruskal_wallis([[1, 2, 3]]).reason == "1 groups, at least 2 needed"
    assert kruskal_wallis([[1, 2, 3], [1, 2]]).reason == "3 and 2 patients, at least 3 each needed"
    assert kruskal_wallis([[1, 1, 1], [1, 1, 1]]).reason == "all values are equal"
    assert friedman(np.empty((0, 3))).reason == "0 patients, at least 3 needed"
    assert friedman([[1, 2]] * 4).reason.startswith("2 values per patient")
    assert friedman([[1, 1, 1], [2, 2, 2], [3, 3, 3]]).reason == "all values of each patient are equal"
    assert hodges_lehmann([1, 2], [0, 0]).reason == "2 patients, at least 3 needed"
    assert hodges_lehmann([1, 2, 3, 4], [0] * 4).reason == "4 patients are too few for a 95% interval"
    constant = hodges_lehmann([1, 2, 3, 4, 5], [0, 1, 2, 3, 4])
    assert (constant.estimate, constant.reason) == (1.0, "all differences are equal")


def test_bad_input_is_an_error() -> None:
    with pytest.raises(AnalysisError, match="1 of 3 values are NaN"):
        wilcoxon_signed_rank([0.1, np.nan, 0.2], [0.1, 0.2, 0.3])
    with pytest.raises(AnalysisError, match="3 and 2 values, wanted pairs"):
        hodges_lehmann([0.1, 0.2, 0.3], [0.1, 0.2])
    with pytest.raises(AnalysisError, match=r"shape \(1, 3\)"):
        mann_whitney([[1, 2, 3]], [1, 2, 3])
    with pytest.raises(AnalysisError, match=r"wanted \(n_patients, k\)"):
        friedman([1, 2, 3])
    with pytest.raises(AnalysisError, match="Kruskal-Wallis: 1 of 3 values are NaN"):
        kruskal_wallis([[1, 2, 3], [1, np.nan, 3]])

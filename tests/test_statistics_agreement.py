"""Correlation, concordance, Bland-Altman and intraclass correlation against published and hand-worked examples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import AnalysisError
from analysis.statistics.bland_altman import bland_altman
from analysis.statistics.concordance import concordance_correlation
from analysis.statistics.correlation import spearman
from analysis.statistics.icc import KINDS, Kind, intraclass_correlation

# Bland and Altman 1986, Lancet 1:307-310, Table: peak flow by Wright and by mini meter (l/min), first measurements
WRIGHT = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
# Shrout and Fleiss 1979, Psychol Bull 86:420-428, Tables 2 and 4: six targets, four judges
JUDGES = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
SAMPLES = st.lists(st.tuples(st.integers(1, 1000), st.integers(1, 1000)), min_size=3, max_size=20)


def test_bland_altman_of_the_lancet() -> None:
    result = bland_altman(np.subtract(WRIGHT, MINI), np.add(WRIGHT, MINI) / 2)
    assert (result.n, round(result.bias, 1), round(result.sd, 1)) == (17, -2.1, 38.8)
    assert (result.lower, result.upper) == pytest.approx((-78.1, 73.9), abs=0.1)
    assert (result.bias_low, result.bias_high) == pytest.approx((-22.0, 17.8), abs=0.1)
    # there with the variance 3 SD² / n: -114.3 to -45.1 and 40.9 to 110.1 around limits of 2 SD
    half = 2.1199 * result.sd * np.sqrt(1 / 17 + 1.96**2 / 32)
    assert (result.lower_low, result.lower_high) == pytest.approx((result.lower - half, result.lower + half), abs=0.01)
    assert (result.upper_low, result.upper_high) == pytest.approx((result.upper - half, result.upper + half), abs=0.01)


def test_proportional_bias() -> None:
    sizes = np.array([100.0, 200.0, 300.0, 400.0])
    result = bland_altman([9.0, 21.0, 29.0, 41.0], sizes)
    assert result.slope == pytest.approx((1.5 * 16 + 0.5 * 4 - 0.5 * -4 + 1.5 * 16) / 5 / 100)
    assert 0 < result.slope_p < 0.05
    assert np.isnan(bland_altman([9.0, 21.0, 29.0, 41.0]).slope)
    constant = bland_altman([9.0, 21.0, 29.0], [5, 5, 5])
    assert constant.reason == "no slope: all sizes are equal"
    assert constant.bias == pytest.approx(59 / 3)
    assert "no slope: 1 of 3 values are infinite" in bland_altman([9.0, 21.0, 29.0], [5, 6, np.inf]).reason


def test_bland_altman_that_is_not_defined() -> None:
    assert bland_altman([]).reason == "0 patients, at least 3 needed"
    same = bland_altman([2.0, 2.0, 2.0])
    assert (same.bias, same.sd, same.reason) == (2.0, 0.0, "all differences are equal")
    assert "infinite" in bland_altman([1.0, 2.0, np.inf]).reason
    with pytest.raises(AnalysisError, match="wanted pairs"):
        bland_altman([1.0, 2.0, 3.0], [1.0, 2.0])


def test_concordance_by_lins_formulae() -> None:
    reference, measured = [1.0, 2.0, 3.0, 4.0], [1.5, 2.0, 4.0, 4.5]
    # means 2.5 and 3; moments with 1/n: 1.25, 1.625 and 1.375; 2 * 1.375 / (1.25 + 1.625 + 0.25)
    interval = concordance_correlation(reference, measured)
    assert interval.estimate == pytest.approx(2.75 / 3.125)
    rho2, u2, ccc = 1.375**2 / (1.25 * 1.625), 0.25 / np.sqrt(1.25 * 1.625), 0.88
    variance = (
        (1 - rho2) * ccc**2 * (1 - ccc**2) / rho2
        + 2 * ccc**3 * (1 - ccc) * u2 / np.sqrt(rho2)
        - ccc**4 * u2**2 / (2 * rho2)
    ) / 2
    half = 1.959964 * np.sqrt(variance) / (1 - ccc**2)
    assert (interval.low, interval.high) == pytest.approx(tuple(np.tanh(np.arctanh(ccc) + np.array([-half, half]))))


@given(SAMPLES)
def test_concordance_is_symmetric_and_free_of_units(pairs: list[tuple[int, int]]) -> None:
    x, y = np.array(pairs, dtype=float).T
    here, there, scaled = (concordance_correlation(*samples) for samples in ((x, y), (y, x), (3 * x + 50, 3 * y + 50)))
    assert here.estimate == pytest.approx(there.estimate, nan_ok=True)
    assert (here.estimate, here.low, here.high) == pytest.approx(
        (scaled.estimate, scaled.low, scaled.high), nan_ok=True, rel=1e-6, abs=1e-9
    )
    assert np.isnan(here.estimate) or abs(here.estimate) <= 1 + 1e-12


def test_concordance_without_interval_or_value() -> None:
    perfect = concordance_correlation([1, 2, 3], [1, 2, 3])
    assert perfect.estimate == pytest.approx(1)
    assert perfect.reason == "no interval where the correlation is 0 or the agreement perfect"
    assert concordance_correlation([1, 2, 3], [5, 5, 5]).reason == "all values of one variable are equal: no interval"
    assert concordance_correlation([1, 2, 1, 2], [1, 1, 2, 2]).estimate == 0
    assert concordance_correlation([5, 5, 5], [5, 5, 5]).reason == "all values are equal"
    assert concordance_correlation([1, 2], [1, 2]).reason == "2 patients, at least 3 needed"
    assert "infinite" in concordance_correlation([1, 2, 3], [1, 2, np.inf]).reason
    with pytest.raises(AnalysisError, match="are NaN"):
        concordance_correlation([1, 2, np.nan], [1, 2, 3])


def test_spearman_interval_by_hand() -> None:
    result = spearman([1, 2, 3, 4, 5], [2, 1, 4, 3, 5])  # rho = 1 - 6 * 4 / 120
    assert result.estimate == pytest.approx(0.8)
    half = 1.959964 * np.sqrt((1 + 0.32) / 2)
    assert (result.low, result.high) == pytest.approx(
        (np.tanh(np.arctanh(0.8) - half), np.tanh(np.arctanh(0.8) + half))
    )
    narrow = spearman([1, 2, 3, 4, 5], [2, 1, 4, 3, 5], confidence=0.5)
    assert result.low < narrow.low < narrow.high < result.high


def test_perfect_rank_correlation_has_an_exact_p() -> None:
    up = spearman([0.1, 0.5, 0.7, 0.9], [1, 5, 70, np.inf])
    assert (up.estimate, up.reason) == (1.0, "perfect rank correlation: no interval")
    assert up.p == pytest.approx(2 / 24)
    down = spearman([1, 2, 2, 3], [3, 2, 2, 1])
    assert (down.estimate, down.p) == pytest.approx((-1.0, 2 * 2 / 24))
    assert spearman([1, 1, 2], [3, 3, 5]).p == pytest.approx(2 / 6)  # reversed ranks cannot be reached


def test_spearman_that_is_not_defined() -> None:
    assert spearman([1, 2], [1, 2]).reason == "2 patients, at least 3 needed"
    assert spearman([1, 1, 1], [1, 2, 3]).reason == "all values of one variable are equal"
    three = spearman([1, 2, 3], [1, 3, 2])
    assert (three.estimate, three.reason) == (0.5, "an interval needs 4 patients")
    with pytest.raises(AnalysisError, match="wanted pairs"):
        spearman([1, 2, 3], [1, 2])


@pytest.mark.parametrize(("kind", "expected"), list(zip(KINDS, [0.17, 0.29, 0.71, 0.44, 0.62, 0.91], strict=True)))
def test_intraclass_correlation_of_shrout_and_fleiss(kind: Kind, expected: float) -> None:
    interval = intraclass_correlation(JUDGES, kind=kind)
    assert round(interval.estimate, 2) == expected
    assert interval.low < interval.estimate < interval.high
    assert interval.low != round(interval.low, 2)


def test_intraclass_correlation_leaves_pingouins_options_alone() -> None:
    import pingouin

    intraclass_correlation(JUDGES)
    assert pingouin.options["round.column.CI95"] == 2


def test_intraclass_correlation_that_is_not_defined() -> None:
    assert intraclass_correlation(JUDGES[:2]).reason == "2 patients, at least 3 needed"
    assert intraclass_correlation([[1], [2], [3]]).reason == "1 readers, at least 2 needed"
    assert intraclass_correlation([[1, 2], [2, 3], [3, 4]]).reason.startswith("readers differ by nothing but")
    assert intraclass_correlation([[1, 1], [1, 1], [1, 1]]).reason == "all values are equal"
    assert "infinite" in intraclass_correlation([[1, 2], [2, np.inf], [3, 4]]).reason
    with pytest.raises(AnalysisError, match="choose from"):
        intraclass_correlation(JUDGES, kind="ICC2")  # type: ignore[arg-type]
    with pytest.raises(AnalysisError, match="1 of 6 values are NaN"):
        intraclass_correlation([[1, 2], [2, np.nan], [3, 4]])

"""Summaries, corrections and the way the papers print numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import AnalysisError
from analysis.statistics.interval import Interval, format_interval
from analysis.statistics.p_values import adjust, bonferroni, format_p
from analysis.statistics.summary import (
    Summary,
    format_count,
    format_mean_sd,
    format_median_iqr,
    format_summary,
    summarise,
)

NAN, INF = float("nan"), float("inf")
AGE = Summary(171, 57.0, 58.0, 48.0, 67.0, 20.0, 80.0)
DICE = Summary(20, 0.7, 0.74, 0.65, 0.79, 0.4, 0.9)


def test_missed_surface_distances_count_in_quartiles_but_have_no_mean() -> None:
    summary = summarise([3.0, INF, 1.0, INF, 2.0, NAN])
    assert (summary.n, summary.infinite, summary.mean, summary.sd) == (5, 2, 2.0, 1.0)
    assert (summary.median, summary.q1, summary.q3, summary.min, summary.max) == (3.0, 2.0, INF, 1.0, INF)
    assert format_summary(summary) == "3.00 (2.00, inf) [1.00–inf]"
    only = summarise([INF, INF])
    assert (only.n, only.infinite, only.median, only.q1) == (2, 2, INF, INF)
    assert np.isnan([only.mean, only.sd]).all()


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_quartiles_are_numpys_type_7(values: list[float]) -> None:
    summary = summarise(values)
    expected = np.quantile(values, [0.25, 0.5, 0.75])
    assert (summary.q1, summary.median, summary.q3) == pytest.approx(tuple(expected), rel=1e-12, abs=1e-9)
    assert np.isnan(summary.sd) == (len(values) < 2)


def test_notation_of_chassagnon_2020() -> None:
    assert format_median_iqr(AGE, decimals=0) == "58 [48–67]"
    assert format_median_iqr(DICE, brackets="round") == "0.74 (0.65–0.79)"
    assert format_median_iqr(summarise([])) == "–"
    assert [format_count(137, 171), format_count(3, 171), format_count(0, 17), format_count(0, 0)] == [
        "137 (80)", "3 (2)", "0", "–",
    ]  # fmt: skip


def test_notation_of_lee_2023_and_hofmanninger_2020() -> None:
    assert format_mean_sd(96.744, 2.431) == "96.74 ± 2.43"
    assert format_mean_sd(949.72, 784.11, 1) == "949.7 ± 784.1"
    assert format_mean_sd(0.978, 0.0301, spaced=False) == "0.98±0.03"
    printed = [format_mean_sd(*pair, spaced=False, trimmed=True) for pair in ((3.14, 7.4), (16.8, 36.57), (9.41, 15.0))]
    assert printed == ["3.14±7.4", "16.8±36.57", "9.41±15.0"]
    assert format_mean_sd(100, 10, 0, trimmed=True) == "100 ± 10"
    assert format_mean_sd(0.5, NAN, trimmed=True) == "0.5 ± –"
    assert format_mean_sd(NAN, NAN) == "–"
    assert format_interval(Interval(43, 0.9551, 0.9229, 0.9731), decimals=3) == "0.955 (0.923–0.973)"
    assert format_interval(Interval(43, -0.0061, -0.0461, 0.0351), decimals=3) == "-0.006 (-0.046–0.035)"
    assert format_interval(Interval(1, 0.5, NAN, NAN, "few"), decimals=2) == "0.50"
    assert format_interval(Interval(0, NAN, NAN, NAN, "none"), decimals=2) == "–"


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.752, ".752"),
        (0.0172, ".017"),
        (0.0009, "<.001"),
        (0.991, ">.99"),
        (0.99, ".990"),
        (0.5, ".500"),
        (NAN, "not defined"),
    ],
)
def test_p_values_as_radiology_prints_them(p: float, text: str) -> None:
    assert format_p(p, "radiology") == text


def test_corrections_by_hand() -> None:
    p = [0.04, 0.01, NAN, 0.03]
    np.testing.assert_allclose(adjust(p, method="holm"), [0.09, 0.04, NAN, 0.09])  # of 4 planned tests
    np.testing.assert_allclose(adjust(p, method="holm", family=10), [0.32, 0.10, NAN, 0.27])
    np.testing.assert_allclose(adjust(p, method="bonferroni"), [0.16, 0.04, NAN, 0.12])
    np.testing.assert_allclose(adjust(p, method="none"), p)
    assert adjust([], method="holm").shape == (0,)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10), st.integers(0, 5))
def test_holm_lies_between_none_and_bonferroni(p: list[float], more: int) -> None:
    family = len(p) + more
    holm, all_tests = adjust(p, method="holm", family=family), adjust(p, method="bonferroni", family=family)
    assert (np.asarray(p) <= holm).all()
    assert (holm <= all_tests).all()
    assert all_tests.tolist() == [bonferroni(value, family) for value in p]
    order = np.argsort(p)
    assert (np.diff(holm[order]) >= 0).all()


def test_bad_corrections_are_errors() -> None:
    with pytest.raises(AnalysisError, match="a family of 1 planned tests, but 2 P values"):
        adjust([0.1, 0.2], method="holm", family=1)
    with pytest.raises(AnalysisError, match="wanted 0 to 1"):
        adjust([0.1, 1.2], method="holm")
    with pytest.raises(AnalysisError, match="choose none, bonferroni or holm"):
        adjust([0.1], method="fdr")  # type: ignore[arg-type]
    with pytest.raises(AnalysisError, match="wanted"):
        adjust([[0.1]], method="holm")

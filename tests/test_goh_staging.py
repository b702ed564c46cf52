"""The staging of Goh 2008 at its borders, and Cohen's kappa with its clustered interval."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import AnalysisError
from analysis.statistics.goh_staging import Staging, goh_stage
from analysis.statistics.kappa import clustered_kappa

NAN = float("nan")


@pytest.mark.parametrize(
    ("extent", "fvc", "stage", "rule"),
    [
        (0.0, 40.0, "limited", "extent"),
        (9.99, 40.0, "limited", "extent"),
        (10.0, 69.9, "extensive", "fvc"),
        (10.0, 70.0, "limited", "fvc"),
        (20.0, 69.9, "extensive", "fvc"),
        (30.0, 70.0, "limited", "fvc"),
        (30.01, 110.0, "extensive", "extent"),
        (130.0, NAN, "extensive", "extent"),
        (9.99, NAN, "limited", "extent"),
        (10.0, NAN, "limited", "20 % rule only"),
        (20.0, NAN, "limited", "20 % rule only"),
        (20.01, NAN, "extensive", "20 % rule only"),
        (30.0, NAN, "extensive", "20 % rule only"),
    ],
)
def test_stage_at_the_borders(extent: float, fvc: float, stage: str, rule: str) -> None:
    assert goh_stage(extent, fvc) == Staging(stage, rule)


@pytest.mark.parametrize("fvc", [50.0, NAN])
def test_no_extent_is_no_stage(fvc: float) -> None:
    assert goh_stage(NAN, fvc) == Staging("", "", "no disease extent")


@given(st.floats(0, 100), st.floats(0, 100), st.floats(20, 140) | st.just(NAN))
def test_more_disease_never_lowers_the_stage(one: float, other: float, fvc: float) -> None:
    low, high = sorted((one, other))
    assert goh_stage(low, fvc).stage == "limited" or goh_stage(high, fvc).stage == "extensive"


def test_kappa_by_hand() -> None:
    first = ["a"] * 25 + ["b"] * 25
    second = ["a"] * 20 + ["b"] * 5 + ["a"] * 10 + ["b"] * 15
    found = clustered_kappa(first, second, np.arange(50))
    assert found.n == 50
    assert found.estimate == pytest.approx((0.7 - 0.5) / (1 - 0.5))
    assert found.low < found.estimate < found.high


def test_rows_of_a_patient_are_not_independent() -> None:
    first, second = ["a", "b", "a", "b", "a", "b"], ["a", "b", "b", "b", "a", "a"]
    once = clustered_kappa(first * 6, second * 6, np.arange(36))
    repeated = clustered_kappa(first * 6, second * 6, np.tile(np.arange(6), 6))
    assert repeated.n == 6
    assert repeated.estimate == once.estimate
    assert repeated.high - repeated.low > once.high - once.low


def test_kappa_without_spread_or_patients_has_a_reason() -> None:
    assert clustered_kappa(["a"] * 4, ["a"] * 4, np.arange(4)).reason == "both give one category throughout"
    constant = clustered_kappa(["a"] * 4, ["a", "b", "a", "b"], np.arange(4))
    assert (constant.estimate, np.isnan(constant.low)) == (0, True)
    assert constant.reason.startswith("one gives one category")
    perfect = clustered_kappa(["a", "a", "b", "b"], ["a", "a", "b", "b"], np.arange(4))
    assert (perfect.estimate, perfect.reason) == (1, "perfect agreement: no interval")
    assert "2 patients" in clustered_kappa(["a", "b"], ["a", "b"], [1, 2]).reason
    assert "0 patients" in clustered_kappa([], [], []).reason
    with pytest.raises(AnalysisError, match="wanted pairs"):
        clustered_kappa(["a"], [], [1])

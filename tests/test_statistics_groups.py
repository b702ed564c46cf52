"""Fisher's exact test against enumeration, and the paired t test."""

from itertools import product
from math import factorial, prod

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import AnalysisError
from analysis.statistics import contingency_paths
from analysis.statistics.fisher import fisher_exact
from analysis.statistics.paired_t import paired_t
from analysis.statistics.test_result import TestResult

TABLES = st.tuples(st.integers(2, 3), st.integers(2, 3)).flatmap(
    lambda shape: st.lists(st.lists(st.integers(0, 4), min_size=shape[1], max_size=shape[1]), min_size=shape[0],
                           max_size=shape[0])
)  # fmt: skip


def enumerated(table: npt.NDArray[np.int64]) -> float:
    """Return P by listing every table with the margins."""
    rows, columns = table.sum(1), table.sum(0)
    free = [range(min(r, c) + 1) for r, c in product(rows[:-1], columns[:-1])]
    weights = []
    for counts in product(*free):
        inner = np.array(counts).reshape(len(rows) - 1, -1)
        right = np.column_stack([inner, rows[:-1] - inner.sum(1)])
        full = np.vstack([right, columns - right.sum(0)])
        if (full >= 0).all():
            weights.append(1 / prod(factorial(int(count)) for count in full.ravel()))
    observed = 1 / prod(factorial(int(count)) for count in table.ravel())
    return sum(weight for weight in weights if weight <= observed * (1 + 1e-7)) / sum(weights)


@given(TABLES)
@settings(max_examples=60, deadline=None)
def test_fisher_is_the_sum_over_all_tables(rows: list[list[int]]) -> None:
    table = np.array(rows)
    result = fisher_exact(table)
    if not table.sum(0).all() or not table.sum(1).all():
        assert "empty" in result.reason
        assert np.isnan(result.p)
    else:
        assert result.p == pytest.approx(enumerated(table), rel=1e-10)
        assert fisher_exact(table.T).p == pytest.approx(result.p, rel=1e-10)
        assert fisher_exact(table[::-1, ::-1]).p == pytest.approx(result.p, rel=1e-10)


def test_fisher_of_the_tea_taster() -> None:
    result = fisher_exact([[3, 1], [1, 3]])
    assert (result.p, result.statistic) == pytest.approx((34 / 70, 16 / 70))
    assert (result.name, np.isnan(result.standard_error)) == ("Fisher exact", True)


def test_fisher_of_a_published_table() -> None:
    """Chassagnon et al. 2020, Table 1: women and diffuse disease in the datasets of 17, 20, 171 and 31 patients."""
    assert round(fisher_exact([[14, 17, 137], [3, 3, 34]]).p, 3) == 0.942
    assert round(fisher_exact([[6, 13, 83], [11, 7, 88]]).p, 3) == 0.199
    assert round(fisher_exact([[137, 24], [34, 7]]).p, 3) == 0.808


def test_a_table_too_large_is_simulated_with_its_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    table = [[3, 1, 4], [2, 6, 1], [0, 3, 5]]
    exact = fisher_exact(table)
    monkeypatch.setattr(contingency_paths, "LARGEST_WORK", 5)
    simulated = fisher_exact(table)
    assert simulated.name.startswith("Fisher exact, Monte Carlo of 1,000,000 draws (standard error 0.000")
    assert simulated.standard_error == pytest.approx(np.sqrt(exact.p * (1 - exact.p) / 1e6), rel=0.02)
    assert abs(simulated.p - exact.p) < 4 * simulated.standard_error
    assert simulated == fisher_exact(table)  # the same seed


def test_fisher_of_what_is_no_table() -> None:
    assert fisher_exact([[1, 2, 3]]).reason == "a table of 1 x 3, at least 2 x 2 needed"
    assert fisher_exact([[1, 2], [0, 0]]).reason == "row 2 of the table is empty"
    assert fisher_exact([[0, 2], [0, 1]]).reason == "column 1 of the table is empty"
    for bad in ([[1.5, 2], [1, 1]], [[-1, 2], [1, 1]], [[np.inf, 2], [1, 1]], [1, 2], [[np.nan, 2], [1, 1]]):
        with pytest.raises(AnalysisError, match="Fisher exact"):
            fisher_exact(bad)


def test_paired_t_by_hand() -> None:
    result = paired_t([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])  # differences 1, 2, 3: t = 2 / (1 / sqrt 3)
    assert (result.statistic, result.df) == pytest.approx((2 * 3**0.5, 2))
    assert result.p == pytest.approx(0.0741799)
    assert paired_t([1.0, 2.0, 3.0], [2.0, 4.0, 6.0]).p == result.p


def test_paired_t_that_is_not_defined() -> None:
    assert paired_t([], []).reason == "0 patients, at least 3 needed"
    assert paired_t([1, 2, 3], [1, 2, 3]).reason == "all differences are zero"
    assert paired_t([1.1, 2.1, 3.1], [1, 2, 3]).reason == "all differences are equal"
    assert paired_t([1, 2, np.inf], [1, 2, 3]).reason == "1 of 6 values are infinite: they have no mean"
    with pytest.raises(AnalysisError, match="wanted pairs"):
        paired_t([1, 2, 3], [1, 2])
    assert isinstance(paired_t([], []), TestResult)

"""Tests, quartiles and intervals equal R's; expected values from R 4.2.2."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from analysis.statistics.interval import mean_interval
from analysis.statistics.p_values import bonferroni, format_p
from analysis.statistics.rank_tests import mann_whitney, wilcoxon_signed_rank
from analysis.statistics.summary import Summary, format_summary, summarise

N49 = np.arange(1, 50) / 100 * np.tile([1, 1, -1, 1, 1, 1, -1], 7)
SIGNED_RANK = {  # wilcox.test(differences): V, P
    "exact": ([0.011, 0.023, -0.031, 0.047, 0.052, -0.064, 0.078, 0.081, 0.099], 36, 0.12890625, "exact"),
    "ties": ([0.01, 0.02, -0.02, 0.04, 0.05, 0.05, 0.07], 25.5, 0.0620391766238497, "asymptotic"),
    "zeros": ([0, 0.02, -0.03, 0.04, 0.05, 0, 0.07], 13, 0.177529852412153, "asymptotic"),
    "ties and zeros": ([0, 0.02, -0.02, 0.04, 0.05, 0, 0.07, 0.07, -0.01], 24.5, 0.0898143439582954, "asymptotic"),
    "49": (N49, 861, 0.0127105252611415, "exact"),
    "50": ([*N49, 0.5], 911, 0.00840517847697293, "asymptotic"),
    "three": ([0.1, 0.2, 0.3], 6, 0.25, "exact"),
    "one not zero": ([0, 0, 0.3], 1, 1, "asymptotic"),
}
X50, Y20 = np.arange(1, 51) / 100 + 0.031, np.arange(1, 21) / 50 + 0.0105
GROUPS = {  # wilcox.test(x, y): W, P
    "exact": ([0.61, 0.72, 0.55, 0.80, 0.43], [0.52, 0.44, 0.66, 0.38, 0.31, 0.58], 23, 0.177489177489177, "exact"),
    "ties": ([0.61, 0.72, 0.55, 0.80, 0.44], [0.55, 0.44, 0.66, 0.38, 0.31, 0.58], 23, 0.168953785432466, "asymptotic"),
    "50": (X50, Y20, 639, 0.071769888491977, "asymptotic"),
    "49": (X50[:49], Y20, 619, 0.0893223278361895, "exact"),
}


@pytest.mark.parametrize("name", SIGNED_RANK)
def test_signed_rank_equals_r(name: str) -> None:
    differences, statistic, p, kind = SIGNED_RANK[name]
    result = wilcoxon_signed_rank(differences, np.zeros(len(differences)))
    assert result.statistic == statistic
    assert result.p == pytest.approx(p, rel=1e-9)
    assert result.name == f"Wilcoxon signed-rank, {kind}"


@pytest.mark.parametrize("name", GROUPS)
def test_mann_whitney_equals_r(name: str) -> None:
    x, y, statistic, p, kind = GROUPS[name]
    result = mann_whitney(x, y)
    assert result.statistic == statistic
    assert result.p == pytest.approx(p, rel=1e-9)
    assert result.name == f"Mann-Whitney, {kind}"


def test_random_samples_equal_r() -> None:
    """Each line: x; y; z; then V and P of wilcox.test(round(x - y, 12)), W and P of wilcox.test(x, z)."""
    lines = (Path(__file__).parent / "analysis_r_wilcoxon.csv").read_text().splitlines()
    for line in lines:
        x, y, z, (v, p, w, q) = (np.array(part.split(), dtype=float) for part in line.split(";"))
        paired, groups = wilcoxon_signed_rank(x, y), mann_whitney(x, z)
        assert (paired.statistic, groups.statistic) == (v, w)
        assert (paired.p, groups.p) == (pytest.approx(p, rel=1e-9), pytest.approx(q, rel=1e-9))
    assert len(lines) > 20


def test_exact_signed_rank_by_enumeration() -> None:
    differences = np.array([0.5, -0.1, 0.3, 0.45, -0.2])
    ranks = np.argsort(np.argsort(np.abs(differences))) + 1
    seen = ranks[differences > 0].sum()
    every = [sum(rank for rank, sign in zip(ranks, signs, strict=True) if sign) for signs in product((0, 1), repeat=5)]
    tail = min(np.mean([value >= seen for value in every]), np.mean([value <= seen for value in every]))
    assert wilcoxon_signed_rank(differences, np.zeros(5)).p == pytest.approx(min(1, 2 * tail))


def test_floating_noise_is_neither_difference_nor_order() -> None:
    first, second = np.array([0.1 + 0.2, 0.5, 0.7, 0.9]), np.array([0.3, 0.4, 0.5, 0.6])
    assert first[0] != second[0]
    assert wilcoxon_signed_rank(first, second).name.endswith("asymptotic")


def test_undefined_tests_say_why() -> None:
    same = wilcoxon_signed_rank([0.5, 0.6, 0.7], [0.5, 0.6, 0.7])
    assert np.isnan(same.p)
    assert same.reason == "all differences are zero"
    assert "2 patients" in wilcoxon_signed_rank([0.5, 0.6], [0.4, 0.3]).reason
    assert "0 patients" in wilcoxon_signed_rank([], []).reason
    assert "2 and 3 patients" in mann_whitney([0.5, 0.6], [0.4, 0.3, 0.2]).reason
    assert mann_whitney([0.5] * 3, [0.5] * 4).reason == "all values are equal"


def test_quartiles_are_type_7_and_undefined_values_are_ignored() -> None:
    summary = summarise([0.95, 0.3, np.nan, 0.5, 0.55, 0.7, 0.9])
    assert (summary.n, summary.min, summary.max) == (6, 0.3, 0.95)
    assert (summary.q1, summary.median, summary.q3) == pytest.approx((0.5125, 0.625, 0.85))
    assert format_summary(summary) == "0.62 (0.51, 0.85) [0.30–0.95]"
    assert summarise([]).n == 0
    assert format_summary(summarise([])) == "–"


def test_summary_is_printed_as_in_the_paper() -> None:
    assert format_summary(Summary(130, 0.61, 0.62, 0.54, 0.69, 0.27, 0.90)) == "0.62 (0.54, 0.69) [0.27–0.90]"


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.0009, "< 0.001"), (0.001, "0.001"), (0.006, "0.006"), (0.0496, "0.050"), (0.27, "0.27"), (0.99, "0.99"),
     (0.9901, "> 0.99"), (1.0, "> 0.99"), (float("nan"), "not defined")],
)  # fmt: skip
def test_p_values_are_printed_as_in_the_paper(p: float, text: str) -> None:
    assert format_p(p) == text


def test_bonferroni_counts_the_planned_family() -> None:
    assert bonferroni(0.01, 8) == pytest.approx(0.08)
    assert bonferroni(0.2, 8) == 1
    assert np.isnan(bonferroni(float("nan"), 8))


def test_t_interval_equals_r() -> None:
    interval = mean_interval([0.1, 0.2, -0.05, 0.3])
    assert (interval.n, interval.estimate, interval.low, interval.high) == pytest.approx(
        (4, 0.1375, -0.100075886999323, 0.375075886999323)
    )
    assert interval.reason == ""

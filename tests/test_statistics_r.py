"""Every statistic equals R's on the committed random data sets; R itself is not needed."""

from collections import Counter
from copy import deepcopy

import pytest

from benchmarks.performance.r_oracle import COMMITTED, Case, compare, main, read_committed

VERSION, CASES = read_committed()
COUNTS = Counter(case["kind"] for case in CASES)
QUICK = sorted(set(COUNTS) - {"icc", "mixed_model"})


def test_enough_cases_and_a_small_file() -> None:
    assert VERSION.startswith("R 4.2.2, lme4")
    assert sum(COUNTS.values()) >= 1000
    assert COUNTS["wilcoxon"] + COUNTS["hodges_lehmann"] >= 200
    assert COMMITTED.stat().st_size < 500_000


@pytest.mark.parametrize("kind", sorted(COUNTS))
def test_equal_to_r(kind: str) -> None:
    differences = compare([case for case in CASES if case["kind"] == kind])
    wrong = differences[~differences["agrees"]]
    assert wrong.empty, wrong.to_string()
    assert differences["r"].notna().mean() > 0.9


def test_cases_hold_ties_zeros_and_small_samples() -> None:
    pairs = [case["data"] for case in CASES if case["kind"] == "wilcoxon"]
    differences = [[round(a - b, 8) for a, b in zip(data["x"], data["y"], strict=True)] for data in pairs]
    assert sum(0 in values for values in differences) > 50
    assert sum(len({abs(value) for value in values}) < len(values) for values in differences) > 50
    assert sum(len(values) < 10 for values in differences) > 30
    assert sum(48 <= len(values) <= 52 for values in differences) > 30


@pytest.mark.parametrize("kind", QUICK)
def test_a_difference_of_a_millionth_would_be_noticed(kind: str) -> None:
    case: Case = deepcopy(next(case for case in CASES if case["kind"] == kind and "failed" not in case["expected"]))
    last = list(case["expected"])[-1]
    case["expected"][last] = case["expected"][last] * (1 + 1e-6) + 1e-9
    assert not compare([case])["agrees"].all()


def test_the_command_prints_the_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = [case for case in CASES if case["kind"] in ("adjust", "kruskal_wallis")]
    monkeypatch.setattr("benchmarks.performance.r_oracle.read_committed", lambda: (VERSION, chosen))
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert "140 data sets" in printed
    assert "largest_difference" in printed

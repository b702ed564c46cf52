"""Intervals of repeated values per patient cover the truth; the naive one does not."""

import pytest

from benchmarks.performance.coverage import Design, main, measure_coverage


def test_cluster_aware_intervals_cover_and_the_naive_one_does_not() -> None:
    table = measure_coverage(Design(resamples=999), simulations=200, seed=1).set_index("interval")
    naive = table.loc["naive t, rows as independent"]
    assert naive["coverage"] < 0.75  # about 0.60
    aware = table.drop(index=naive.name)
    assert len(aware) == 7
    assert aware["coverage"].between(0.89, 0.995).all(), aware.to_string()  # 0.95 and 4 standard errors
    assert aware["standard_error"].max() < 0.023


def test_the_command_prints_both_designs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--simulations", "3", "--patients", "10", "--variants", "3", "--resamples", "99"]) in (0, 1)
    printed = capsys.readouterr().out
    assert "10 patients x 3 variants, normal patient effects" in printed
    assert "skewed" in printed
    assert "mixed model, kernel effect" in printed

"""Intervals of repeated values per patient cover the truth; those that count rows as patients do not."""

from pathlib import Path

import pytest

from benchmarks.performance.coverage import Design, main, measure_coverage
from benchmarks.performance.coverage_arms import ArmDesign, measure_arm_errors

SMALL = ["--simulations", "3", "--patients", "12", "--variants", "3", "--resamples", "99"]


def test_cluster_aware_intervals_cover_and_the_naive_one_does_not() -> None:
    table = measure_coverage(Design(resamples=999), simulations=200, seed=1).set_index("interval")
    naive = table.loc["naive t, rows as independent"]
    assert naive["coverage"] < 0.75  # about 0.60
    aware = table.drop(index=naive.name)
    assert len(aware) == 7
    assert aware["coverage"].between(0.90, 0.99).all(), aware.to_string()  # 0.95 and 3 standard errors
    assert aware["standard_error"].max() < 0.022


def test_clustered_errors_cover_where_arms_differ_from_patient_to_patient() -> None:
    table = measure_arm_errors(ArmDesign(patients=40), simulations=200, seed=1).set_index("interval")
    clustered = table[table.index.str.startswith("clustered")]
    assert len(clustered) == 3
    assert clustered["coverage"].between(0.90, 0.99).all(), clustered.to_string()
    arm = table["type_1_error"]
    assert arm["clustered errors, arm effect"] < 0.10
    assert arm["model errors, arm effect"] > 0.15  # about 0.23


def test_both_errors_cover_where_only_intercepts_differ() -> None:
    table = measure_arm_errors(ArmDesign(patients=40, patient_arm_sd=0), simulations=200, seed=1)
    assert len(table) == 6
    assert table["coverage"].between(0.90, 0.99).all(), table.to_string()


def test_the_command_fails_unless_all_cover(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(SMALL) == 1  # of 3 simulations no share is between 0.93 and 0.97
    printed = capsys.readouterr().out
    assert "12 patients x 3 variants, normal patient effects" in printed
    assert "12 patients x 3 variants, skewed patient effects" in printed
    assert "10 patients x 3 arms x 4 variants, patient-by-arm effects" in printed
    assert "mixed model, kernel effect" in printed
    assert "Outside: 10 of 10." in printed
    monkeypatch.setattr("benchmarks.performance.coverage.WANTED", (0.0, 1.0))
    assert main(SMALL) == 0
    assert "Outside: 0 of 10." in capsys.readouterr().out


def test_the_document_names_command_versions_and_every_interval(tmp_path: Path) -> None:
    main([*SMALL, "--out", str(tmp_path / "coverage.md")])
    text = (tmp_path / "coverage.md").read_text(encoding="utf-8")
    told = "--simulations 3 --patients 12 --variants 3 --resamples 99 --seed 0 --out FILE.md"
    assert f"`python -m benchmarks.performance coverage {told}`" in text
    assert "numpy 2" in text
    assert text.count("| naive t, rows as independent |") == 2
    assert text.count("| clustered errors, arm effect |") == 2
    assert "cpu_seconds" not in text
    assert str(tmp_path) not in text

"""The whole workflow on a very small phantom study: run, run again, add an arm, kill, bad input."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from mini_run import run_study

from benchmarks.performance.chaos import Record, kill_often
from benchmarks.performance.chaos_processes import Command


def test_a_run_ends_with_table_1_and_where_the_figures_are(finished: tuple[Path, Path, str]) -> None:
    _, run, output = finished
    assert "Trained on lung kernel" in output
    assert f"{run}/figures" in output
    for name in ("kernel_table1.csv", "kernel_table1.md", "kernel_table1.tex", "kernel_table1.html"):
        assert (run / "tables" / name).stat().st_size > 100
    assert len(list((run / "figures").glob("*.png"))) >= 2


def test_every_test_image_reader_and_arm_is_a_score_row(finished: tuple[Path, Path, str]) -> None:
    scores = pd.read_csv(finished[1] / "scores.csv", keep_default_na=False)
    readers = scores["trainer"].eq("reader")
    assert len(scores[readers & scores["metric"].eq("DSC")]) == 3, "2 readers of 3 patients"
    dice = scores[scores["metric"].eq("DSC") & ~readers]
    assert len(dice) == 3 * 2 * 2 * 3, "3 patients x 2 kernels x 2 readers x 3 arms"
    assert set(dice["status"]) == {"ok"}
    assert set(dice["variant_kind"]) == {"simulated"}


def test_all_arms_train_the_same_number_of_iterations_on_the_same_patients(finished: tuple[Path, Path, str]) -> None:
    run = finished[1]
    matrix = json.loads((run / "matrix.json").read_text())
    patients = []
    for plan in matrix["plans"]:
        path = run / "nnUNet_preprocessed" / matrix["nnunet"] / f"{plan['plans_name']}.json"
        assert json.loads(path.read_text())["ctshift"]["iterations"] == 16
        patients.append({image.rsplit("-", 1)[0] for image in plan["splits"][0]["train"]})
    assert patients[0] == patients[1] == patients[2]


def test_no_step_leaves_temporary_files(finished: tuple[Path, Path, str]) -> None:
    left = [path for path in finished[1].rglob("*") if ".part" in path.name or path.name.endswith(".tmp")]
    assert left == []


def test_running_again_does_nothing_and_is_quick(finished: tuple[Path, Path, str]) -> None:
    study, run, _ = finished
    before = {path: path.stat().st_mtime_ns for path in (run / "done").iterdir()}
    started = os.times()
    answer = run_study(study, run)
    spent = os.times()
    assert answer.returncode == 0
    assert "nothing to do" in answer.stdout
    assert {path: path.stat().st_mtime_ns for path in (run / "done").iterdir()} == before
    cpu = spent.children_user + spent.children_system - started.children_user - started.children_system
    assert cpu < 5


def test_status_tells_every_job_is_done(finished: tuple[Path, Path, str]) -> None:
    command = [sys.executable, "-m", "benchmarks", "status", str(finished[1]), "--json"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert {entry["state"] for entry in json.loads(answer.stdout)} == {"done"}


def test_another_budget_needs_another_folder(finished: tuple[Path, Path, str], tmp_path: Path) -> None:
    study, run, _ = finished
    other = tmp_path / "mini.toml"
    other.write_text(study.read_text().replace("iterations = 16\n", "iterations = 20\n"))
    answer = run_study(other, run)
    assert answer.returncode == 2
    assert "was made with another [budgets]" in answer.stderr
    assert "give another --out" in answer.stderr


def test_a_foreign_folder_is_not_touched(finished: tuple[Path, Path, str], tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    answer = run_study(finished[0], tmp_path)
    assert answer.returncode == 2
    assert "not a run of ours" in answer.stderr
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_lost_prediction_is_predicted_again_and_scores_stay(finished: tuple[Path, Path, str]) -> None:
    study, run, _ = finished
    before = (run / "scores.csv").read_bytes()
    model = next(entry for entry in sorted((run / "predictions").iterdir()))
    next(iter(model.glob("*.nii.gz"))).unlink()
    answer = run_study(study, run)
    assert answer.returncode == 0, answer.stdout
    assert (run / "scores.csv").read_bytes() == before
    assert len(list(model.glob("*.nii.gz"))) == 6


@pytest.mark.slow
def test_runs_with_three_kills_give_the_scores_of_an_undisturbed_one(
    finished: tuple[Path, Path, str], tmp_path: Path
) -> None:
    """``python -m benchmarks.performance chaos`` does the same twenty times, and faults that are no kills."""
    study, whole, _ = finished
    record, scores = Record(undisturbed_s=30.0), (whole / "scores.csv").read_bytes()
    kinds = ("training", "runner", "prediction")
    kill_often(Command(study), tmp_path, record, scores, kills=3, seed=5, kinds=kinds)
    assert record.wrong == []
    assert [kind for kind, _ in record.kills] == list(kinds)

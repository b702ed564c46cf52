"""What a cluster is asked for: resources by kind and budget, the Snakefile that asks, profiles and their faults."""

import dataclasses
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.__main__ import main
from benchmarks.run import SNAKEFILE, _engine_command
from benchmarks.study_file import StudyError, load_study
from benchmarks.workflow import cluster
from benchmarks.workflow.cluster import open_cluster
from benchmarks.workflow.jobs import list_jobs
from benchmarks.workflow.resources import needed_cpus, needed_gpus, needed_memory_mb, needed_runtime_min
from dataset_converters.atomic import write_json

STUDIES = Path(__file__).resolve().parents[1] / "benchmarks" / "studies"
BUDGET = {"batch_size": 4, "patch_size": [100, 100], "width": 10, "iterations": 1000}
"""400,000 activations."""
PREPARE = {"name": "prepare", "kind": "prepare", "command": ["trainers.prepare", "."]}
ELLIPSOID = {"name": "predict-e", "kind": "predict", "command": ["trainers.predict.ellipsoid", ".", "e"]}


def _train(device: str) -> dict[str, Any]:
    return {"name": "train-a", "kind": "train", "command": ["trainers.train", ".", "a", "--device", device]}


def test_only_what_computes_on_a_gpu_asks_for_one() -> None:
    assert [needed_gpus(job, BUDGET) for job in (_train("cpu"), PREPARE, ELLIPSOID)] == [0, 0, 0]
    assert needed_gpus(_train("cuda"), BUDGET) == 1
    assert needed_gpus(_train("cuda"), BUDGET | {"gpus": 4}) == 4
    assert [needed_cpus(_train("cuda"), BUDGET | {"gpus": n}) for n in (1, 2)] == [6, 12]
    assert needed_cpus(_train("cpu"), BUDGET) == 1


def test_a_training_is_sized_by_its_budget_and_gets_more_memory_but_no_more_time_at_each_attempt() -> None:
    """1500 MB + 1.5 KB per activation; 30 min + 1000 steps of 400,000 activations of 8e-7 s: 30 + 5."""
    job = _train("cpu")
    assert [needed_memory_mb(job, BUDGET, attempt) for attempt in (1, 2)] == [2100, 4200]
    assert [needed_runtime_min(job, BUDGET, attempt) for attempt in (1, 2)] == [35, 35]
    assert needed_runtime_min(job, BUDGET | {"iterations": 10**9}, 1) == 1440, "a day at most"
    assert [needed_runtime_min(PREPARE, BUDGET, attempt) for attempt in (1, 2, 9)] == [480, 960, 1440]


def _dry_run(run: Path, *options: str) -> str:
    command = [*_engine_command(["--cores", "1", *options]), "--dry-run"]
    answer = subprocess.run(
        command, cwd=run, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONSAFEPATH": "1"}
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout + answer.stderr


def test_the_snakefile_has_a_rule_for_every_job_and_takes_a_kinds_resources(tmp_path: Path) -> None:
    study = load_study(STUDIES / "sts_kernels.toml")
    jobs = list_jobs(study, "cuda")
    entries = [dataclasses.asdict(job) for job in jobs]
    write_json(tmp_path / "workflow.json", {"budget": dataclasses.asdict(study.budgets["cuda"]), "jobs": entries})
    printed = _dry_run(tmp_path, "--set-resources", "train:mem_mb=777", "train:gpu=2")
    assert printed.count(", mem_mb=777") == printed.count("rule train:") == 12
    assert printed.count(", gpu=2,") == 12
    assert all(f"job={job.name}\n" in printed for job in jobs)


def test_a_thousand_jobs_are_planned_in_seconds(tmp_path: Path) -> None:
    """170 folds of three arms; CPU time, so that a busy machine does not matter."""
    study = load_study(STUDIES / "quickstart.toml")
    study = dataclasses.replace(study, split=dataclasses.replace(study.split, folds=170))
    jobs = [dataclasses.asdict(job) for job in list_jobs(study, "cpu")]
    assert len(jobs) > 1000
    write_json(tmp_path / "workflow.json", {"budget": dataclasses.asdict(study.budgets["cpu"]), "jobs": jobs})
    before = os.times()
    _dry_run(tmp_path, "--quiet")
    after = os.times()
    assert after.children_user + after.children_system - before.children_user - before.children_system < 10


def test_the_shipped_profile_keeps_to_what_was_proved() -> None:
    profile = yaml.safe_load((cluster.PROFILES / "slurm" / "config.yaml").read_text(encoding="utf-8"))
    assert profile["executor"] == "slurm"
    assert profile["retries"] > 0
    assert not {"slurm-array-jobs", "groups", "group-components"} & set(profile)
    assert "retries" not in SNAKEFILE.read_text(encoding="utf-8"), "there they multiply with the profile's"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "found no config.yaml there, wanted a folder with one, or: slurm"),
        ("jobs: 3", "names no executor"),
        ("executor: nowhere", "its executor is not installed; python -m pip install snakemake-executor-plugin-nowhere"),
        ("a: [", "not YAML"),
    ],
)
def test_a_faulty_profile_is_refused(text: str | None, message: str, tmp_path: Path) -> None:
    if text:
        (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(StudyError, match=message):
        open_cluster(str(tmp_path), None)


def test_cluster_jobs_without_a_cluster_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(STUDIES / "quickstart.toml"), "--out", str(tmp_path / "run"), "--jobs", "9"]) == 2
    assert "--cores says how many" in capsys.readouterr().err


def test_a_machine_without_sbatch_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("snakemake_executor_plugin_slurm")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(StudyError, match="found no sbatch here; run this on a login node"):
        open_cluster("slurm", None)


@pytest.mark.parametrize(("script", "wanted"), [("exit 0", "sacct"), ("exit 1", "squeue"), (None, "squeue")])
def test_sacct_is_used_only_where_it_answers(
    script: str | None, wanted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if script:
        (tmp_path / "sacct").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "sacct").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/nowhere")
    options = cluster.Cluster(tmp_path, {"executor": "slurm"}, 7).options()
    assert options == ["--profile", str(tmp_path), "--jobs", "7", "--slurm-status-command", wanted]
    chosen = cluster.Cluster(tmp_path, {"executor": "slurm", "slurm-status-command": "sacct"}, 7)
    assert "--slurm-status-command" not in chosen.options()

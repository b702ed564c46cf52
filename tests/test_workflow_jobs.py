"""The job list, freshness by content, and the wrapper around a job."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks.study_file import StudyError, load_study
from benchmarks.workflow import job as wrapper
from benchmarks.workflow.contents import read_record
from benchmarks.workflow.freshness import input_hashes, stale_jobs, why_stale
from benchmarks.workflow.jobs import PACKAGE_FILES, SCORING, Job, list_jobs
from dataset_converters.atomic import write_json

STUDIES = Path(__file__).resolve().parents[1] / "benchmarks" / "studies"


@pytest.fixture
def job(tmp_path: Path) -> Job:
    (tmp_path / "in.txt").write_text("one")
    return Job("copy", "assemble", (), ("x",), ("in.txt",), ("out.txt",))


@pytest.fixture
def copying(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Replace the command of every job by one that copies in.txt to out.txt; return what ran."""
    ran: list[int] = []

    def command(job: Job) -> list[str]:
        ran.append(1)
        code = "import shutil; shutil.copy('in.txt', 'out.txt'); print('copied')"
        return [sys.executable, "-c", code]

    monkeypatch.setattr(wrapper, "python_command", command)
    return ran


@pytest.mark.parametrize("name", ["quickstart", "sts_kernels", "kernel_2021", "phantom_papers"])
def test_jobs_come_after_what_they_need(name: str) -> None:
    jobs = list_jobs(load_study(STUDIES / f"{name}.toml"), "cpu")
    seen: set[str] = set()
    for entry in jobs:
        assert set(entry.needs) <= seen
        assert entry.name not in seen
        seen.add(entry.name)


def test_every_arm_trainer_fold_is_one_training() -> None:
    jobs = list_jobs(load_study(STUDIES / "sts_kernels.toml"), "cpu")
    assert sum(entry.kind == "train" for entry in jobs) == 4 * 3
    assert sum(entry.kind == "predict" for entry in jobs) == 5 * 3


def test_a_job_runs_once_and_again_only_when_its_input_changes(tmp_path: Path, job: Job, copying: list[int]) -> None:
    assert wrapper.run_job(tmp_path, job) == 0
    assert wrapper.run_job(tmp_path, job) == 0
    assert len(copying) == 1
    (tmp_path / "in.txt").write_text("three")
    assert stale_jobs(tmp_path, (job,)) == [job]
    assert wrapper.run_job(tmp_path, job) == 0
    assert len(copying) == 2
    assert (tmp_path / "out.txt").read_text() == "three"
    assert stale_jobs(tmp_path, (job,)) == []


def test_touching_an_input_makes_nothing_stale(tmp_path: Path, job: Job, copying: list[int]) -> None:
    wrapper.run_job(tmp_path, job)
    (tmp_path / "in.txt").touch()
    assert why_stale(tmp_path, job, read_record(tmp_path / "done" / "copy.json")) == ""


def test_a_lost_or_cut_output_makes_the_job_stale(tmp_path: Path, job: Job, copying: list[int]) -> None:
    wrapper.run_job(tmp_path, job)
    (tmp_path / "out.txt").write_text("o")
    assert stale_jobs(tmp_path, (job,)) == [job]
    (tmp_path / "out.txt").unlink()
    assert stale_jobs(tmp_path, (job,)) == [job]


def test_what_comes_after_a_stale_job_is_stale(tmp_path: Path, job: Job, copying: list[int]) -> None:
    after = Job("after", "assemble", ("copy",), ("x",), ("out.txt",), ("out.txt",))
    wrapper.run_job(tmp_path, job)
    wrapper.run_job(tmp_path, after)
    assert stale_jobs(tmp_path, (job, after)) == []
    (tmp_path / "in.txt").write_text("three")
    assert stale_jobs(tmp_path, (job, after)) == [job, after]


def test_a_record_tells_time_memory_versions(tmp_path: Path, job: Job, copying: list[int]) -> None:
    wrapper.run_job(tmp_path, job)
    record = json.loads((tmp_path / "done" / "copy.json").read_text())
    assert record["state"] == "done"
    assert record["peak_memory_mb"] > 1
    assert record["versions"]["nnunetv2"].startswith("2.8")
    assert "copied" in (tmp_path / "logs" / "copy.log").read_text()


def test_a_failed_job_leaves_no_done_record(tmp_path: Path, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrapper, "python_command", lambda job: [sys.executable, "-c", "raise SystemExit('broken')"])
    assert wrapper.run_job(tmp_path, job) == 1
    assert not (tmp_path / "done" / "copy.json").exists()
    assert read_record(tmp_path / "jobs" / "copy.json")["state"] == "failed"
    assert "broken" in (tmp_path / "logs" / "copy.log").read_text()


def test_a_job_that_leaves_no_output_failed(tmp_path: Path, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrapper, "python_command", lambda job: [sys.executable, "-c", "pass"])
    assert wrapper.run_job(tmp_path, job) == 1
    assert "ended without its outputs: out.txt" in (tmp_path / "logs" / "copy.log").read_text()


def test_a_missing_input_is_named(tmp_path: Path, job: Job) -> None:
    (tmp_path / "in.txt").unlink()
    with pytest.raises(StudyError, match=r"input missing: in.txt"):
        wrapper.run_job(tmp_path, job)


def test_a_training_from_other_inputs_is_refused_not_replaced(tmp_path: Path, copying: list[int]) -> None:
    (tmp_path / "in.txt").write_text("one")
    job = Job("train-a", "train", (), ("x",), ("in.txt",), ("out.txt",), "result")
    (tmp_path / "result").mkdir()
    wrapper.run_job(tmp_path, job)
    (tmp_path / "in.txt").write_text("three")
    with pytest.raises(StudyError, match=r"trained from other inputs \(changed: in.txt\)"):
        wrapper.run_job(tmp_path, job)
    assert (tmp_path / "result").exists()


def test_a_models_part_of_the_matrix_decides_not_the_rest(tmp_path: Path) -> None:
    job = Job("predict-a", "predict", (), ("x",), ("matrix.json#a",), ())
    matrix = {"images": {"i": {"path": "p"}}, "plans": [], "models": [{"model": "a", "test": ["i"]}]}
    record = {"state": "done", "command": ["x"], "outputs": {}, "inputs": {}}
    write_json(tmp_path / "matrix.json", matrix)
    record["inputs"] = wrapper.input_hashes(tmp_path, job)
    write_json(tmp_path / "matrix.json", matrix | {"models": [*matrix["models"], {"model": "b", "test": []}]})
    assert why_stale(tmp_path, job, record) == ""
    write_json(tmp_path / "matrix.json", matrix | {"images": {"i": {"path": "q"}}})
    assert why_stale(tmp_path, job, record) == "input matrix.json#a changed"


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ('label = "Applied on lung kernel"', 'label = "Lung kernel"', False),
        ("paired = true", "paired = false", False),
        ("[tables]", "[scoring]\nnsd_tolerance_mm = 2.0\n\n[tables]", True),
        ("[tables]", '[scoring]\nmetrics = ["DSC"]\n\n[tables]', True),
        ('label = "Applied on lung kernel"\nvariants = ["LK"]', 'variants = ["LK"]\narms = ["LK"]', True),
    ],
)
def test_scores_are_made_again_when_scoring_changes_not_when_words_do(
    tmp_path: Path, old: str, new: str, changes: bool
) -> None:
    text = (STUDIES / "quickstart.toml").read_text(encoding="utf-8")
    assert old in text
    study = tmp_path / "study.toml"
    study.write_text(text, encoding="utf-8")
    evaluate = next(job for job in list_jobs(load_study(study), "cpu") if job.kind == "evaluate")
    before = input_hashes(tmp_path, evaluate)[SCORING]
    study.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert (input_hashes(tmp_path, evaluate)[SCORING] != before) == changes


def test_a_table_added_later_is_made_for_a_finished_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.workflow import contents

    tables = next(job for job in list_jobs(load_study(STUDIES / "quickstart.toml"), "cpu") if job.kind == "tables")
    name = f"{PACKAGE_FILES}analysis/tables"
    assert name in tables.inputs
    monkeypatch.setattr(contents, "REPOSITORY", tmp_path)
    (tmp_path / "analysis" / "tables").mkdir(parents=True)
    before = input_hashes(tmp_path, tables)[name]
    assert before
    (tmp_path / "analysis" / "tables" / "new_table.py").write_text("")
    assert input_hashes(tmp_path, tables)[name] != before


def test_evaluation_leaves_scores_and_images_and_tables_an_index() -> None:
    jobs = {job.name: job for job in list_jobs(load_study(STUDIES / "quickstart.toml"), "cpu")}
    assert set(jobs["evaluate"].outputs) == {"scores.parquet", "scores.csv", "images.csv"}
    assert jobs["tables"].outputs == ("tables/index.md",)

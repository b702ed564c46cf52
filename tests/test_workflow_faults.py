"""A job whose wrapper fails is seen as failed; damaged records of a run are as if they were not there."""

import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.progress import failure_lines, read_progress
from benchmarks.run_folder import open_run
from benchmarks.status import show_status
from benchmarks.study_file import StudyError
from benchmarks.workflow import job as wrapper
from benchmarks.workflow.contents import Contents, read_record
from benchmarks.workflow.freshness import judge, stale_jobs
from benchmarks.workflow.jobs import Job, read_jobs
from benchmarks.workflow.processes import is_alive, process_start
from dataset_converters.atomic import write_json

QUICKSTART = Path(__file__).resolve().parents[1] / "benchmarks" / "studies" / "quickstart.toml"
JOB = Job("train-a", "train", (), ("x",), ("in.txt",), ("out.txt",), "result")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    code = "import shutil; shutil.copy('in.txt', 'out.txt')"
    monkeypatch.setattr(wrapper, "python_command", lambda job: [sys.executable, "-c", code])
    monkeypatch.setattr(wrapper, "end_with_parent", lambda: None)
    monkeypatch.setattr(wrapper.signal, "signal", lambda *args: None)
    write_json(tmp_path / "workflow.json", {"device": "cpu", "jobs": [vars(JOB)]})
    (tmp_path / "in.txt").write_text("one")
    return tmp_path


def _seen(run: Path) -> tuple[str, str]:
    (entry,) = read_progress(run, (JOB,))
    return entry.state, failure_lines(run, JOB)


def test_a_missing_input_is_a_failed_job_with_its_reason_in_the_log(run: Path) -> None:
    (run / "in.txt").unlink()
    assert wrapper.main([str(run), "train-a"]) == 1
    state, log = _seen(run)
    assert (state, log.endswith("train-a: input missing: in.txt; run the study again")) == ("failed", True)
    assert show_status(run) == 1


@pytest.mark.parametrize("error", [StudyError("no GPU"), RuntimeError("a fault"), PermissionError(13, "denied")])
def test_whatever_stops_the_wrapper_is_a_failed_job(
    run: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(count: int) -> None:
        raise error

    monkeypatch.setattr(wrapper, "leased_gpus", refuse)
    assert wrapper.main([str(run), "train-a"]) == 1
    state, log = _seen(run)
    assert (state, str(error) in log) == ("failed", True)


def test_a_refused_job_that_was_done_is_done_again_when_its_inputs_are_back(run: Path) -> None:
    assert wrapper.main([str(run), "train-a"]) == 0
    (run / "result").mkdir()
    (run / "in.txt").write_text("two")
    (run / "done" / "train-a.json").unlink()
    assert [wrapper.main([str(run), "train-a"]) for _ in range(2)] == [1, 1]
    assert "trained from other inputs" in _seen(run)[1]
    assert stale_jobs(run, (JOB,)) == [JOB]
    (run / "in.txt").write_text("one")
    assert stale_jobs(run, (JOB,)) == []
    assert _seen(run)[0] == "done"


def test_a_job_that_the_workflow_does_not_know_is_named(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert wrapper.main([str(run), "train-b"]) == 1
    assert "train-b: no such job in" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"jobs": 3}', '{"jobs": [{"name": "a"}]}', "\xff"])
def test_a_damaged_workflow_is_one_line_and_is_written_anew(tmp_path: Path, text: str) -> None:
    open_run(QUICKSTART, tmp_path / "run", data=None, device="cpu")
    workflow = tmp_path / "run" / "workflow.json"
    before = workflow.read_bytes()
    workflow.write_text(text, encoding="latin-1")
    with pytest.raises(StudyError, match=r"workflow.json: damaged; run the study again"):
        read_jobs(tmp_path / "run")
    open_run(QUICKSTART, tmp_path / "run", data=None, device="cpu")
    assert workflow.read_bytes() == before


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"models": 3}', '{"images": {}, "models": [{"model": "a", "test": ["i"]}], "plans": []}']
)
def test_a_damaged_matrix_is_as_if_it_were_not_there(tmp_path: Path, text: str) -> None:
    assemble = Job("assemble", "assemble", (), ("x",), (), ("matrix.json",))
    predict = Job("predict-a", "predict", ("assemble",), ("x",), ("matrix.json#a",), (), "predictions/a", "p/*")
    done = {"state": "done", "inputs": {}, "outputs": {"matrix.json": "0"}, "contents": ""}
    write_json(tmp_path / "done" / "assemble.json", done)
    write_json(tmp_path / "jobs" / "predict-a.json", {"state": "running", "started": 0.0, "host": "x", "pid": 1})
    (tmp_path / "matrix.json").write_text(text)
    assert judge(tmp_path, (assemble, predict))[0].reason == "output matrix.json changed"
    assert Contents(tmp_path, "predict-a").of("matrix.json#a") in ("", _hash_of_nothing(tmp_path))
    assert [entry.state for entry in read_progress(tmp_path, (assemble, predict))] == ["done", "running"]


def _hash_of_nothing(run: Path) -> str:
    """Return the part of a model that the matrix does not name."""
    return Contents(run, "predict-a").of("matrix.json#nobody")


@pytest.mark.parametrize("state", ["running", "failed", "done"])
@pytest.mark.parametrize(
    "odd", [{}, {"started": "x"}, {"pid": "x"}, {"pid": 10**30}, {"outputs": 3}, {"seconds": []}, {"recoveries": [1]}]
)
def test_odd_fields_of_a_record_end_nothing(run: Path, state: str, odd: dict[str, Any]) -> None:
    for folder in ("jobs", "done") if state == "done" else ("jobs",):
        write_json(run / folder / "train-a.json", {"state": state, **odd})
    assert show_status(run) in (0, 1, 3)
    assert stale_jobs(run, (JOB,)) == [JOB]


def test_a_reused_process_number_does_not_look_alive(run: Path) -> None:
    start = process_start(os.getpid())
    assert (is_alive(os.getpid(), start), is_alive(os.getpid(), "1")) == (True, False)
    record = {"state": "running", "pid": os.getpid(), "host": platform.node(), "started": time.time()}
    for began, state in ((start, "running"), ("1", "interrupted")):
        write_json(run / "jobs" / "train-a.json", record | {"process_start": began})
        assert _seen(run)[0] == state


def test_a_record_holds_when_its_process_started(run: Path) -> None:
    assert wrapper.main([str(run), "train-a"]) == 0
    assert json.loads((run / "jobs" / "train-a.json").read_text())["process_start"] == process_start(os.getpid())
    assert "process_start" in read_record(run / "done" / "train-a.json")

"""The progress display: states from files alone, time left, lines for people and JSON for scripts."""

import json
import os
import platform
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import head
from benchmarks.display import Display, minutes, progress_table, summary_line
from benchmarks.head import Slots, read_slots
from benchmarks.progress import JobProgress, as_json, failure_lines, read_progress, seconds_left
from benchmarks.workflow.jobs import Job
from dataset_converters.atomic import write_json

TRAIN = Job("train-a", "train", (), ("x",), (), (), "results/a")
PREDICT = Job("predict-a", "predict", ("train-a",), ("x",), (), (), "predictions/a")


def _running(run: Path, job: Job, pid: int) -> None:
    record = {"state": "running", "pid": pid, "host": platform.node(), "started": 0.0}
    write_json(run / "jobs" / f"{job.name}.json", record)


def test_a_job_nobody_started_waits(tmp_path: Path) -> None:
    assert [entry.state for entry in read_progress(tmp_path, (TRAIN, PREDICT))] == ["waiting", "waiting"]


def test_a_training_tells_its_epoch_and_loss(tmp_path: Path) -> None:
    _running(tmp_path, TRAIN, os.getpid())
    write_json(tmp_path / "results" / "a" / "progress.json", {"epoch": 3, "epochs": 12, "loss": 0.25})
    (entry,) = read_progress(tmp_path, (TRAIN,))
    assert (entry.state, entry.share, entry.note) == ("running", 0.25, "epoch 3/12, loss 0.250")


def test_a_prediction_counts_whole_images_only(tmp_path: Path) -> None:
    _running(tmp_path, PREDICT, os.getpid())
    write_json(tmp_path / "matrix.json", {"models": [{"model": "a", "test": ["i", "j", "k", "l"]}], "plans": []})
    folder = tmp_path / "predictions" / "a"
    folder.mkdir(parents=True)
    (folder / "i.nii.gz").touch()
    (folder / ".j.nii.gz.7.partial.nii.gz").touch()
    (entry,) = read_progress(tmp_path, (PREDICT,))
    assert (entry.share, entry.note) == (0.25, "1/4 images")


def test_a_killed_job_is_interrupted_not_running(tmp_path: Path) -> None:
    gone = 2**22 + 1  # above the largest process id Linux gives
    _running(tmp_path, TRAIN, gone)
    assert read_progress(tmp_path, (TRAIN,))[0].state == "interrupted"


def test_a_job_on_another_host_runs_while_its_owner_shows_a_sign_of_life(tmp_path: Path) -> None:
    write_json(tmp_path / "jobs" / "train-a.json", {"state": "running", "pid": 1, "host": "node7", "started": 0.0})
    os.utime(tmp_path / "jobs" / "train-a.json", (0, 0))
    assert read_progress(tmp_path, (TRAIN,))[0].state == "silent"
    write_json(tmp_path / "jobs" / "train-a.owner", {"token": "x", "host": "node7", "pid": 1, "beat": 0})
    assert read_progress(tmp_path, (TRAIN,))[0].state == "running"
    os.utime(tmp_path / "jobs" / "train-a.owner", (0, 0))
    assert read_progress(tmp_path, (TRAIN,))[0].state == "silent"


def test_a_failed_job_points_to_its_log(tmp_path: Path) -> None:
    write_json(tmp_path / "jobs" / "train-a.json", {"state": "failed", "seconds": 3.0})
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "train-a.log").write_text("\n".join(str(number) for number in range(40)))
    (entry,) = read_progress(tmp_path, (TRAIN,))
    assert (entry.state, entry.note) == ("failed", "see its log")
    assert failure_lines(tmp_path, TRAIN, lines=2) == "38\n39"


def test_gpus_limit_the_time_left_where_there_are_fewer_than_cores() -> None:
    on_gpu = replace(TRAIN, command=(*TRAIN.command, "--device", "cuda"))
    progress = [JobProgress(on_gpu, "done", 1.0, "", 100.0)]
    progress += [JobProgress(on_gpu, "waiting", 0.0, "", 0.0) for _ in range(6)]
    assert seconds_left(progress, Slots(16)) == 100.0
    assert seconds_left(progress, Slots(16, on_gpus=1)) == 600.0
    assert seconds_left(progress, Slots(16, on_gpus=2)) == 300.0
    assert seconds_left(progress, Slots(1, on_gpus=2)) == 600.0


def test_a_damaged_record_is_not_done(tmp_path: Path) -> None:
    write_json(tmp_path / "done" / "train-a.json", {"state": "done", "seconds": 1.0, "training_seconds": 40.0})
    (entry,) = read_progress(tmp_path, (TRAIN,))
    assert (entry.state, entry.seconds) == ("done", 40.0)  # of all its turns
    (tmp_path / "done" / "train-a.json").write_text("{")
    (entry,) = read_progress(tmp_path, (TRAIN,))
    assert (entry.state, entry.note) == ("waiting", "its record is damaged")


def test_a_head_is_alive_while_its_sign_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = [0.0]
    monkeypatch.setattr(head.time, "monotonic", lambda: moment[0])
    assert read_slots(tmp_path, 3) == Slots(3)
    with head.Head(tmp_path, Slots(4, 2)) as ours:
        ours.beat()
        watcher = head.HeadWatcher(tmp_path)
        for moment[0] in (5.0, 11.0, 59.0):
            assert watcher.is_alive()
        moment[0] = 61.0
        ours.beat()
        assert watcher.is_alive()
        moment[0] = 130.0  # no beat for more than a minute
        assert not watcher.is_alive()
        ours.beat()
        assert watcher.is_alive()
    assert not watcher.is_alive()
    assert read_slots(tmp_path, 3) == Slots(4, 2)
    (tmp_path / "head.json").write_text('{"jobs": "many", "on_gpus": 1}')
    assert read_slots(tmp_path, 3) == Slots(3)


@pytest.mark.parametrize(("cores", "wanted"), [(1, 150.0), (2, 100.0), (4, 100.0)])
def test_time_left_comes_from_jobs_of_the_same_kind(cores: int, wanted: float) -> None:
    def entry(state: str, share: float, seconds: float) -> JobProgress:
        return JobProgress(TRAIN, state, share, "", seconds)  # type: ignore[arg-type]

    progress = [entry("done", 1.0, 100.0), entry("running", 0.5, 50.0), entry("waiting", 0.0, 0.0)]
    assert seconds_left(progress, Slots(cores)) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (89, "89 s"), (95, "2 min"), (5399, "90 min"), (7500, "2 h 5 min")]
)
def test_durations_read_as_people_say_them(seconds: float, text: str) -> None:
    assert minutes(seconds) == text


def test_plain_output_has_a_line_for_each_change(tmp_path: Path) -> None:
    stream = StringIO()
    with Display(tmp_path, (TRAIN,), slots=Slots(1), console=Console(file=stream, width=100)) as display:
        _running(tmp_path, TRAIN, os.getpid())
        display.update()
        display.update()
        write_json(tmp_path / "done" / "train-a.json", {"state": "done", "seconds": 61.0})
    lines = [line.strip() for line in stream.getvalue().splitlines()]
    assert lines.count("running  train-a") == 1
    assert lines[-1] == "done  train-a in 61 s"


def test_table_shows_what_runs_and_the_summary_counts(tmp_path: Path) -> None:
    progress = [
        JobProgress(TRAIN, "running", 0.5, "epoch 1/2", 50.0),
        JobProgress(PREDICT, "waiting", 0.0, "", 0.0),
    ]
    assert progress_table(progress).row_count == 1
    assert progress_table(progress, everything=True).row_count == 2
    assert summary_line(progress, Slots(1)).plain == "0 of 2 jobs done; running: train-a (epoch 1/2); about 80 s left"
    assert [entry["state"] for entry in json.loads(as_json(tmp_path, progress))] == ["running", "waiting"]

"""``benchmarks status``: states on a cluster's shared folder, exit codes, a watch that ends, and 10 000 jobs."""

import json
import os
import platform
import time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from benchmarks import status
from benchmarks.__main__ import main
from benchmarks.cluster_queue import waiting_jobs
from benchmarks.display import overview, progress_table
from benchmarks.head import Slots
from benchmarks.performance.scale_study import scale_jobs
from benchmarks.progress import JobProgress, RunReader, count_states
from benchmarks.status import exit_code, is_at_work, show_status, watch_status
from benchmarks.training_log import epochs_of, read_training_logs
from benchmarks.workflow.jobs import Job
from dataset_converters.atomic import write_json

TRAIN = Job("train-a", "train", (), ("x",), (), (), "results/nnUNetTrainer_20epochs__plans__2d/fold_0")
TABLES = Job("tables", "tables", ("train-a",), ("x",), (), ())
LOG = "2026-11-29 19:50:33.119374: "


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(status, "read_queue", lambda run: {})
    return _write_run(tmp_path, (TRAIN, TABLES))


def _write_run(run: Path, jobs: tuple[Job, ...]) -> Path:
    write_json(run / "workflow.json", {"device": "cpu", "jobs": [vars(job) for job in jobs]})
    return run


def _start(run: Path, job: Job, host: str, ago_s: float, **changes: Any) -> None:
    record = {"state": "running", "pid": os.getpid(), "host": host, "started": time.time() - ago_s}
    _write_old(run / "jobs" / f"{job.name}.json", record | changes, ago_s)


def _write_old(path: Path, content: Any, ago_s: float) -> None:
    write_json(path, content)
    os.utime(path, (time.time() - ago_s,) * 2)


def _read(run: Path, job: Job = TRAIN) -> JobProgress:
    return next(entry for entry in RunReader(run, (TRAIN, TABLES)).read() if entry.job == job)


def test_a_job_of_another_host_that_writes_runs_and_one_that_does_not_is_silent(run: Path) -> None:
    _start(run, TRAIN, "node07", 4000.0)
    state = {"epoch": 5, "epochs": 20, "loss": 0.5, "seconds_per_epoch": 60.0}
    _write_old(run / TRAIN.folder / "progress.json", state, 100.0)
    entry = _read(run)
    assert (entry.state, entry.host, entry.epoch, entry.epochs, entry.loss) == ("running", "node07", 5, 20, 0.5)
    assert entry.left_s == 15 * 60.0
    assert entry.silent_s == pytest.approx(100, abs=5)
    _write_old(run / TRAIN.folder / "progress.json", state, 400.0)
    assert _read(run).state == "silent"


def test_slow_epochs_and_a_sign_of_life_are_no_silence(run: Path) -> None:
    _start(run, TRAIN, "node07", 4000.0)
    _write_old(run / TRAIN.folder / "progress.json", {"epoch": 1, "epochs": 9, "seconds_per_epoch": 200.0}, 500.0)
    assert _read(run).state == "running"  # three epochs of 200 s have not passed
    _start(run, TABLES, "node07", 4000.0)
    assert _read(run, TABLES).state == "silent"
    _write_old(run / "jobs" / "tables.owner", {}, 20.0)
    assert _read(run, TABLES).state == "running"


def test_a_job_here_is_judged_by_its_process_however_long_it_writes_nothing(run: Path) -> None:
    _start(run, TABLES, platform.node(), 9000.0)
    assert _read(run, TABLES).state == "running"
    assert _read(run, TABLES).silent_s == pytest.approx(9000, abs=5)


def test_squeue_tells_what_waits_of_this_run(tmp_path: Path) -> None:
    lines = [
        f"PENDING|(Resources)|{tmp_path}|rule_train_wildcards_train-a",
        f"RUNNING|node1|{tmp_path}|rule_train_wildcards_train-b",
        "PENDING|(Priority)|/another/run|rule_train_wildcards_train-c",
        f"PENDING|(Priority)|{tmp_path}|",
        "",
    ]
    assert waiting_jobs(lines, tmp_path) == {"train-a": "Resources"}
    entry, other = RunReader(tmp_path, (TRAIN, TABLES)).read({"train-a": "Resources"})
    assert (entry.state, entry.note, other.state) == ("queued", "Resources", "waiting")


def test_a_job_that_failed_and_was_sent_again_is_queued(run: Path) -> None:
    _start(run, TRAIN, "node07", 10.0, state="failed")
    assert RunReader(run, (TRAIN,)).read({"train-a": "Priority"})[0].state == "queued"
    assert RunReader(run, (TRAIN,)).read()[0].state == "failed"


def test_a_finished_record_that_is_taken_back_is_seen(run: Path) -> None:
    reader = RunReader(run, (TRAIN,))
    write_json(run / "done" / "train-a.json", {"state": "done", "seconds": 5.0})
    assert [(entry.state, entry.seconds) for entry in reader.read()] == [("done", 5.0)]
    (run / "done" / "train-a.json").unlink()
    assert reader.read()[0].state == "waiting"
    write_json(run / "done" / "train-a.json", {"state": "done", "seconds": 7.0})
    assert reader.read()[0].seconds == 7.0


def test_every_log_of_a_foreign_trainer_is_read(run: Path) -> None:
    folder = run / TRAIN.folder
    folder.mkdir(parents=True)
    epoch = f"{LOG}Epoch {{}} \n{LOG}train_loss {{}} \n{LOG}Epoch time: {{}} s \n"
    first, second = folder / "training_log_2026_9_30_19_50_32.txt", folder / "training_log_2026_10_1_08_00_00.txt"
    second.write_text(f"{epoch.format(2, '0.25', '8.0')}{LOG}Epoch 3 \n")
    first.write_text("".join(epoch.format(number, "-0.4", "6.5") for number in range(4)))
    state = read_training_logs(folder)
    assert state == {"epoch": 3, "epochs": 20, "loss": 0.25, "seconds_per_epoch": 8.0, "validated": 0}
    _start(run, TRAIN, "node07", 60.0)
    assert _read(run).note == "epoch 3/20, loss 0.250"
    second.write_text(f"{epoch.format(19, '0.1', '8.0')}{LOG}predicting case_1 \n{LOG}predicting case_2 \n")
    assert _read(run).note == "epoch 20/20, loss 0.100, 2 cases validated"


@pytest.mark.parametrize(
    ("trainer", "epochs"), [("nnUNetTrainer", 1000), ("nnUNetTrainer_5epochs", 5), ("nnUNetTrainer_1epoch", 1)]
)
def test_epochs_come_from_the_trainers_name(trainer: str, epochs: int) -> None:
    assert epochs_of(trainer) == epochs


def test_a_log_that_tells_nothing_is_a_start(tmp_path: Path) -> None:
    assert read_training_logs(tmp_path) == {}
    (tmp_path / "training_log_2026_9_30_19_50_32.txt").write_text("Please cite\n")
    assert read_training_logs(tmp_path)["epoch"] == 0


def test_exit_codes(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def code(*options: str) -> int:
        return main(["status", str(run), *options])

    assert code() == 3
    _start(run, TABLES, platform.node(), 5.0)
    assert code("--json") == 3
    _start(run, TRAIN, "node07", 60.0, state="failed")
    (run / "logs").mkdir()
    (run / "logs" / "train-a.log").write_text("first\n" * 5000 + "error: found NaN\n")
    capsys.readouterr()
    assert code("--json") == 1
    rows = json.loads(capsys.readouterr().out)
    assert rows[0]["log"].endswith("first\nerror: found NaN")
    assert len(rows[0]["log"].splitlines()) == 15
    assert code() == 1
    assert "error: found NaN" in capsys.readouterr().out
    for job in (TRAIN, TABLES):
        write_json(run / "done" / f"{job.name}.json", {"state": "done", "seconds": 1.0})
    assert code() == 0
    assert main(["status", str(run / "none")]) == 2
    with pytest.raises(SystemExit, match="0"):
        main(["status", "--help"])
    assert "3 not finished" in capsys.readouterr().out


def test_a_watch_ends_when_all_is_done_or_nothing_runs(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    naps: list[float] = []
    monkeypatch.setattr(status.time, "sleep", naps.append)
    stream = StringIO()
    assert watch_status(run, console=Console(file=stream, width=100)) == 3
    assert len(naps) == status.IDLE_LOOKS

    def finish(_: float) -> None:
        for job in (TRAIN, TABLES):
            write_json(run / "done" / f"{job.name}.json", {"state": "done", "seconds": 61.0})

    monkeypatch.setattr(status.time, "sleep", finish)
    _start(run, TRAIN, platform.node(), 60.0)
    stream = StringIO()
    assert watch_status(run, console=Console(file=stream, width=100, force_terminal=True)) == 0
    assert "2 of 2 jobs done" in stream.getvalue()


def test_a_run_that_holds_its_folder_is_at_work_between_two_jobs(run: Path) -> None:
    from benchmarks.run_folder import lock_run

    assert not is_at_work(run, [_read(run)])
    with lock_run(run):
        assert is_at_work(run, [_read(run)]) == status.LOCKS.exists()
    assert not is_at_work(run, [_read(run)])


def test_nothing_is_cut_off_in_a_terminal_of_80_columns(run: Path) -> None:
    name = "train-A0000-nnUNetTrainerWeightedCE2D-s4-f1"
    job = Job(name, "train", (), ("x",), (), ())
    entry = JobProgress(job, "interrupted", 0.25, "epoch 5/20, loss 0.362", 8040.0, "node", silent_s=360.0, left_s=90.0)
    console = Console(file=StringIO(), width=80, record=True)
    console.print(overview([entry], Slots(1), narrow=True))
    text = console.export_text()
    assert all(word in text for word in ("interrupted", "2 h 14 min", "6 min ago", "~2 min"))
    assert "…" not in text


def test_long_tables_are_cut_and_say_so() -> None:
    entries = [JobProgress(Job(f"train-{n}", "train", (), ("x",), (), ()), "running", 0.5, "", 5.0) for n in range(9)]
    assert progress_table(entries, rows=4).row_count == 5
    assert progress_table(entries, rows=4, everything=True).row_count == 9
    assert count_states(entries) == {"train": {"running": 9}}


def test_what_needs_a_hand_comes_first() -> None:
    entries = [JobProgress(TRAIN, state, 0.5, "", 5.0) for state in ("running", "done", "silent", "failed")]  # type: ignore[arg-type]
    assert [cell.plain for cell in progress_table(entries).columns[1].cells] == ["failed", "silent", "running"]  # type: ignore[union-attr]


def test_a_thousand_jobs_take_a_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = scale_jobs(500)
    run = _write_run(tmp_path, jobs)
    (run / "done").mkdir()
    for job in jobs[: len(jobs) // 2]:
        (run / "done" / f"{job.name}.json").write_text('{"state": "done", "seconds": 3.0}')
    monkeypatch.setattr(status, "read_queue", lambda run: {})
    before = time.process_time()
    assert show_status(run, console=Console(file=StringIO(), width=120)) == 3
    assert time.process_time() - before < 1.5  # 0.1 s on a core of 2025
    assert exit_code(RunReader(run, jobs).read()) == 3

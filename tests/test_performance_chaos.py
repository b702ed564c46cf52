"""What the chaos and preprocessing measurements conclude from what they see."""

import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.performance.chaos import Record, write_report
from benchmarks.performance.chaos_faults import FAULTS
from benchmarks.performance.chaos_processes import Command, kill_one, lost_epochs
from benchmarks.performance.mini_study import write_mini_study
from benchmarks.performance.preprocessing import reached
from benchmarks.study_file import load_study

STAMP = "2026-11-29 20:24:12.658084"


def log(run: Path, *sessions: list[int]) -> None:
    texts = [f"--- {STAMP} train-a\n" + "".join(f"{STAMP}: Epoch {n} \n{STAMP}: Epoch time: 1 s\n" for n in epochs)
             for epochs in sessions]  # fmt: skip
    (run / "logs").mkdir(exist_ok=True)
    (run / "logs" / "train-a.log").write_text("".join(texts), encoding="utf-8")


@pytest.mark.parametrize(
    ("sessions", "lost"),
    [([[0, 1], [1, 2], [], [2, 3]], 0), ([[0, 1, 2], [1, 2, 3]], 1), ([[0, 1], [0], [1]], 1), ([[]], 0)],
)
def test_an_epoch_begun_twice_is_no_loss_one_begun_before_the_last_is(
    tmp_path: Path, sessions: list[list[int]], lost: int
) -> None:
    log(tmp_path, *sessions)
    assert len(lost_epochs(tmp_path)) == lost


def test_other_scores_or_an_exit_code_are_wrong(tmp_path: Path) -> None:
    record = Record(kills=[("runner", 3.0)], runs=1)
    (tmp_path / "scores.csv").write_bytes(b"a")
    assert record.check("x", tmp_path, (0, ""), b"a") == "same scores"
    assert record.check("x", tmp_path, (1, "disk full"), b"a") == "WRONG"
    assert record.check("x", tmp_path, (0, ""), b"b") == "WRONG"
    report = write_report(record, Namespace(seed=1, profile=None))
    assert "- WRONG: x: exit code 1, same scores: disk full" in report
    assert "yes:" not in report


def test_faults_damage_every_checkpoint_of_a_name(tmp_path: Path) -> None:
    fold = tmp_path / "nnUNet_results" / "d" / "t" / "fold_0"
    fold.mkdir(parents=True)
    for name in ("latest", "previous"):
        (fold / f"checkpoint_{name}.pth").write_bytes(bytes(90))
    command = Command(tmp_path)
    assert FAULTS["latest flipped"](command, tmp_path) == "1 files"
    assert sum((fold / "checkpoint_latest.pth").read_bytes()) == 16
    assert FAULTS["every checkpoint truncated"](command, tmp_path) == "2 files"
    assert [path.stat().st_size for path in sorted(fold.iterdir())] == [60, 60]


def test_a_victim_is_killed_where_it_works(tmp_path: Path) -> None:
    code = "import time; time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code, "trainers.train"], cwd=tmp_path, text=True)
    started = time.monotonic()
    assert kill_one("training", process, tmp_path, 0.1) is not None
    assert process.wait() == -9
    assert time.monotonic() - started < 30
    assert kill_one("runner", process, tmp_path, 0.0) is None


def test_the_small_study_may_have_two_arms(tmp_path: Path) -> None:
    assert [arm.name for arm in load_study(write_mini_study(tmp_path)).arms] == ["LK", "MK", "LK+MK"]
    assert [arm.name for arm in load_study(write_mini_study(tmp_path, two_arms=True)).arms] == ["LK", "MK"]


@pytest.mark.parametrize(("cpu_s", "size", "wanted"), [(10.4, 100, True), (10.6, 100, False), (10.0, 106, False)])
def test_arms_may_cost_a_twentieth_more_than_their_images(cpu_s: float, size: int, wanted: bool) -> None:
    rows = [{"images": 9, "cpu_s": cpu_s, "bytes": size}, {"images": 9, "cpu_s": 10.0, "bytes": 100}]
    assert reached(pd.DataFrame(rows, index=["three arms", "once"])) == wanted

"""The plan past one machine: the graph has the size it says, and what is counted and tabulated is right."""

from pathlib import Path

import pandas as pd
import pytest

from benchmarks.performance import scale
from benchmarks.performance.scale_graph import calls_in, simulate_cluster
from benchmarks.performance.scale_scores import ScoresCost, repeat_scores
from benchmarks.performance.scale_study import scale_jobs
from benchmarks.performance.timed_process import Usage
from dataset_converters.atomic import write_json


def test_the_graph_has_a_training_and_a_prediction_of_each_model() -> None:
    kinds = [job.kind for job in scale_jobs(100)]
    assert (kinds.count("train"), kinds.count("predict"), len(kinds)) == (100, 100, 207)
    assert len({job.name for job in scale_jobs(100)}) == 207
    assert sum(job.kind == "train" for job in scale_jobs(51)) == 100  # whole arms of 5 folds x 10 seeds


def test_a_cluster_with_room_takes_one_training_and_a_slow_head_takes_its_time() -> None:
    fast = simulate_cluster(100, gpus=100, train_s=3600.0, predict_s=100.0, submit_s=0.0, start_s=0.0)
    # convert, check, assemble, prepare of 600 s each, then a training and its prediction
    assert fast.wall_s == pytest.approx(4 * 600 + 3700)
    assert fast.gpu_seconds == pytest.approx(100 * 3700)
    half = simulate_cluster(100, gpus=50, train_s=3600.0, predict_s=100.0, submit_s=0.0, start_s=0.0)
    assert half.wall_s == pytest.approx(4 * 600 + 2 * 3700)
    slow = simulate_cluster(100, gpus=100, train_s=1.0, predict_s=1.0, submit_s=10.0, start_s=0.0)
    assert slow.wall_s >= 200 * 10


def test_calls_on_the_run_folder_are_counted_and_others_are_not() -> None:
    lines = [
        'openat(AT_FDCWD, "jobs/a.json", O_RDONLY) = 3',
        '12 newfstatat(AT_FDCWD, "/run/done/a.json", {...}, 0) = 0',
        '[pid 99] rename("/run/jobs/.a", "/run/jobs/a") = 0',
        'openat(AT_FDCWD, "/usr/lib/python3/os.py", O_RDONLY) = 3',
        'newfstatat(3, "", {...}, AT_EMPTY_PATH) = 0',
        "+++ exited with 0 +++",
    ]
    assert calls_in(lines, Path("/run")) == {"openat": 1, "newfstatat": 1, "rename": 1}


def test_repeated_scores_differ_in_seed_and_value_only() -> None:
    scores = pd.DataFrame({"arm": ["a", "b"], "seed": [0, 0], "value": [0.5, float("nan")]})
    rows = repeat_scores(scores, 5)
    assert list(rows["seed"]) == [0, 0, 1, 1, 2, 2]
    assert list(rows["arm"]) == ["a", "b"] * 3
    assert rows["value"].isna().sum() == 3
    assert rows["value"].nunique() == 3


def test_tables_of_the_report(tmp_path: Path) -> None:
    write_json(tmp_path / "workflow.json", {"jobs": [vars(job) for job in scale_jobs(50)]})
    for number in (0, 1):
        record = {"seconds": 10.0 + number, "cpu_seconds": 9.0, "peak_memory_mb": 100.0, "outputs": {"a": 2_000_000}}
        write_json(tmp_path / "done" / f"train-A0000-nnUNetTrainerWeightedCE2D-s{number}-f0.json", record)
    assert scale.job_table(tmp_path)[2:] == ["| train | 2 | 10.5 | 9.0 | 100.0 | 2.0 |"]
    usage = Usage(2.0, 1.0, 50.0, 0)
    cost = ScoresCost(10**6, 1.0, 2 * 10**8, 0.5, 10**7, 0.25, 10**9, usage)
    assert scale.scores_table([cost])[-1].startswith("| 100000000 (extrapolated) | 100 | 20000 | 50 | 1000 | 25 |")
    assert scale.calls_table(None) == ["Not counted: strace is not installed."]
    assert len(scale.schedule_table(50, 10)) == 2 + len(scale.TRAIN_HOURS) * len(scale.SUBMIT_S)

"""Training: interrupted equals undisturbed, damaged is refused, and only annotated slices are drawn."""

import fcntl
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_run import NNUNET, TRAINER, write_tiny_run

from trainers.base import CTShiftTrainer
from trainers.checkpoint import load_checkpoint
from trainers.errors import TrainerError
from trainers.lock import only_one_in
from trainers.prepare import prepare
from trainers.progress import Attempts
from trainers.run_folder import open_run, point_nnunet_at
from trainers.train import train

pytestmark = pytest.mark.usefixtures("kept_environment")

MODEL = f"LK-{TRAINER}-s0-f0"
FOLD = Path("nnUNet_results") / NNUNET / f"{TRAINER}__tiny-LK-s0__2d" / "fold_0"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a prepared run of 4 epochs of 2 iterations, with geometric augmentation."""
    run = write_tiny_run(tmp_path_factory.mktemp("prepared") / "run", iterations=8, augmentation="geometric")
    prepare(open_run(run))
    return run


@pytest.fixture
def run(prepared: Path, tmp_path: Path) -> Path:
    """Return a copy of it to train in."""
    return Path(shutil.copytree(prepared, tmp_path / "run"))


def train_model(run: Path, name: str = MODEL) -> None:
    opened = open_run(run)
    train(opened, opened.find_model(name, "trained"), "cpu")


def make_trainer(run: Path, plans_name: str = "tiny-LK-s0", fold: Any = 0, name: str = TRAINER) -> Any:
    """Return the trainer as ``nnUNetv2_train`` makes it."""
    from nnunetv2.run.run_training import get_trainer_from_args

    point_nnunet_at(open_run(run), loader_processes=0)
    return get_trainer_from_args(NNUNET, "2d", fold, name, plans_name, device=torch.device("cpu"))


def stop_after(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the training die in the middle of an epoch."""
    original, taken = CTShiftTrainer.train_step, []

    def train_step(self: Any, batch: Any) -> Any:
        if len(taken) == steps:
            raise KeyboardInterrupt
        taken.append(1)
        return original(self, batch)

    monkeypatch.setattr(CTShiftTrainer, "train_step", train_step)


def assert_same(one: Any, other: Any) -> None:
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key])
    else:
        assert one == other


def same_model(one: Path, other: Path) -> None:
    first, second = (load_checkpoint(run / FOLD / "checkpoint_final.pth") for run in (one, other))
    for part in ("network_weights", "optimizer_state", "_best_ema"):
        assert_same(first[part], second[part])
    for key in ("train_losses", "val_losses", "mean_fg_dice", "ema_fg_dice"):
        assert first["logging"][key] == second["logging"][key]


@pytest.fixture(scope="module")
def undisturbed(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy that was trained from the first epoch to the last."""
    run = Path(shutil.copytree(prepared, tmp_path_factory.mktemp("undisturbed") / "run"))
    before = dict(os.environ)
    train_model(run)
    os.environ.clear()
    os.environ.update(before)
    return run


@pytest.mark.parametrize("steps", [1, 5])
def test_interrupted_and_resumed_equals_undisturbed(
    undisturbed: Path, run: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    with monkeypatch.context() as patch:
        stop_after(steps, patch)
        with pytest.raises(KeyboardInterrupt):
            train_model(run)
    assert not (run / FOLD / "checkpoint_final.pth").exists()
    np.random.seed(99)
    torch.manual_seed(99)
    train_model(run)
    same_model(undisturbed, run)
    progress = json.loads((run / FOLD / "progress.json").read_text())
    assert [progress[key] for key in ("epoch", "epochs", "iteration", "iterations")] == [4, 4, 8, 8]


def test_finished_model_returns_at_once_and_leaves_its_files(undisturbed: Path) -> None:
    folder = undisturbed / FOLD
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    started = time.process_time()
    train_model(undisturbed)
    assert time.process_time() - started < 0.5
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert not [path for path in before if ".partial" in path.name]


class _Attack:
    def __reduce__(self) -> Any:
        return os.mkdir, ("attacked",)


def test_checkpoint_that_runs_code_is_refused(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run)
    (run / FOLD).mkdir(parents=True)
    torch.save({"network_weights": _Attack()}, run / FOLD / "checkpoint_latest.pth")
    with pytest.raises(TrainerError, match="no readable checkpoint"):
        train_model(run)
    (run / "plain.pth").write_bytes(pickle.dumps(_Attack()))
    with pytest.raises(TrainerError, match="no readable checkpoint"):
        load_checkpoint(run / "plain.pth")
    assert not (run / "attacked").exists()


def test_full_disk_keeps_the_checkpoint_before(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = make_trainer(run)
    trainer.initialize()
    target = run / "checkpoint.pth"
    trainer.save_checkpoint(str(target))
    before = target.read_bytes()

    def fail(content: Any, path: str) -> None:
        Path(path).write_bytes(b"half")
        raise RuntimeError("unexpected pos: no space left on device")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(TrainerError, match="no space left"):
        trainer.save_checkpoint(str(target))
    assert target.read_bytes() == before
    assert not list(run.glob(".checkpoint*"))  # nothing half-written


def test_second_process_is_refused(run: Path) -> None:
    (run / FOLD).mkdir(parents=True)
    with (run / FOLD / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(TrainerError, match="another process at work here"):
            train_model(run)


def test_leftovers_of_a_killed_process_are_removed(tmp_path: Path) -> None:
    (tmp_path / ".checkpoint_latest.pth.123.partial").write_bytes(b"half")
    (tmp_path / ".image.nii.gz.123.partial.nii.gz").write_bytes(b"half")
    with only_one_in(tmp_path):
        assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_loss_that_is_no_number_stops_the_training(run: Path) -> None:
    trainer = make_trainer(run)
    trainer.initialize()
    batch = {"data": torch.full((2, 1, 64, 64), torch.nan), "target": torch.zeros(2, 1, 64, 64), "keys": ["a", "b"]}
    with pytest.raises(TrainerError, match=r"fold 0: found loss nan in epoch 0, cases \['a', 'b'\]"):
        trainer.train_step(batch)


def test_fold_beyond_the_splits_is_refused_with_and_without_a_study(run: Path) -> None:
    with pytest.raises(TrainerError, match="found fold 1; wanted 0 to 0"):
        make_trainer(run, fold=1).do_split()
    with pytest.raises(TrainerError, match="found fold 99; wanted 0 to 4"):
        make_trainer(run, "nnUNetPlans", fold=99).do_split()
    train_cases, val_cases = make_trainer(run, "nnUNetPlans", fold=4).do_split()
    assert len(train_cases) + len(val_cases) == 8
    assert len(make_trainer(run, "nnUNetPlans", fold="all").do_split()[0]) == 8


def test_3d_and_regions_are_refused(run: Path) -> None:
    trainer = type(make_trainer(run))
    plans = json.loads((run / "nnUNet_preprocessed" / NNUNET / "tiny-LK-s0.json").read_text())
    dataset = json.loads((run / "nnUNet_preprocessed" / NNUNET / "dataset.json").read_text())
    plans["continue_training"] = False
    regions = dataset | {"labels": {"background": 0, "whole": [1, 2], "core": 2}, "regions_class_order": [1, 2]}
    with pytest.raises(TrainerError, match="found regions"):
        trainer(plans, "2d", 0, regions, torch.device("cpu"))
    plans["configurations"]["2d"]["patch_size"] = [8, 64, 64]
    with pytest.raises(TrainerError, match="wanted a 2D patch"):
        trainer(plans, "2d", 0, dataset, torch.device("cpu"))


def test_patch_is_rounded_up_and_reaches_prediction(run: Path) -> None:
    trainer = type(make_trainer(run))
    plans = json.loads((run / "nnUNet_preprocessed" / NNUNET / "tiny-LK-s0.json").read_text())
    plans["configurations"]["2d"]["patch_size"] = [40, 65]
    assert trainer.adapt_plans(plans, "2d")["configurations"]["2d"]["patch_size"] == [64, 96]


def test_only_annotated_slices_are_drawn_each_equally_often(tmp_path: Path) -> None:
    run = write_tiny_run(tmp_path / "run", ignore=True, patients=5)
    prepare(open_run(run))
    trainer = make_trainer(run)
    trainer.initialize()
    for loader in trainer.get_dataloaders():
        for _ in range(60):
            target = next(loader)["target"]
            assert (target != 2).all()  # the other slices are ignored from edge to edge
            assert target.any(dim=3).any(dim=2).all()  # the ball is in both annotated slices
    weights = json.loads((run / FOLD / "class_weights.json").read_text())
    assert weights["slices"] == 6
    pixels = {name: entry["pixels"] for name, entry in weights["classes"].items()}
    assert sum(pixels.values()) == 6 * 64 * 64
    assert weights["classes"]["disease"]["weight"] == pixels["background"] / pixels["disease"]


def test_slices_are_uniform_over_cases_of_different_length() -> None:
    from types import SimpleNamespace

    from trainers.sampling.slices import UniformSliceLoader

    class Dataset:
        identifiers: list[str] = ["long", "short"]  # noqa: RUF012

        def load_case(self, case: str) -> Any:
            slices = 9 if case == "long" else 3
            data = np.zeros((1, slices, 8, 8), np.float32) + np.arange(slices)[:, None, None]
            return data + (100 if case == "short" else 0), np.zeros(data.shape, np.int16), None, {"class_locations": {}}

    np.random.seed(0)
    manager = SimpleNamespace(ignore_label=None, all_labels=[0, 1], has_ignore_label=False)
    loader = UniformSliceLoader(Dataset(), 4, [8, 8], [8, 8], manager)
    values = [int(v) for _ in range(300) for v in next(loader)["data"][:, 0, 0, 0]]
    counts = np.unique(values, return_counts=True)
    assert counts[0].tolist() == [*range(9), 100, 101, 102]
    assert counts[1].min() > 70
    assert counts[1].max() < 135


@pytest.mark.slow
def test_kill_9_in_the_middle_equals_undisturbed(undisturbed: Path, run: Path) -> None:
    command = [sys.executable, "-m", "trainers.train", str(run), MODEL]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while not (run / FOLD / "progress.json").exists():
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (run / FOLD / "checkpoint_final.pth").exists()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    same_model(undisturbed, run)


def test_a_resumed_training_knows_the_time_and_memory_of_all_its_processes(tmp_path: Path) -> None:
    path = tmp_path / "progress.json"
    assert Attempts(path).totals()["training_seconds"] < 1
    path.write_text(json.dumps({"training_seconds": 100.0, "training_peak_memory_mb": 1e6}))
    totals = Attempts(path).totals()
    assert 100 <= totals["training_seconds"] < 101
    assert totals["training_peak_memory_mb"] == 1e6
    path.write_text('{"training_seconds": "long", "training_peak_memory_mb": []}')
    assert Attempts(path).totals()["training_seconds"] < 1
    path.write_text("{")
    assert 0 < Attempts(path).totals()["training_peak_memory_mb"] < 1e6

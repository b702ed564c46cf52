"""Several GPUs and mixed precision: nnU-Net's own code path with two processes on the CPU, and ours in it.

What CUDA alone does stays untested here: NCCL, autocast to float16, SyncBatchNorm, pinned memory.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from test_trainers_training import FOLD, make_trainer, same_model
from tiny_run import write_tiny_run
from torch.multiprocessing.spawn import ProcessRaisedException

from trainers.checkpoint import load_checkpoint
from trainers.distributed import RankError, ranks_report, require_gpus, sum_over_ranks
from trainers.errors import TrainerError
from trainers.losses.weighted_cross_entropy import WeightedCrossEntropy
from trainers.prepare import prepare
from trainers.reproducible import seed_everything
from trainers.run_folder import open_run

pytestmark = pytest.mark.usefixtures("kept_environment")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a prepared run of 4 epochs of 2 iterations on two GPUs."""
    run = write_tiny_run(tmp_path_factory.mktemp("prepared") / "run", iterations=8, augmentation="geometric", gpus=2)
    prepare(open_run(run))
    return run


@pytest.fixture
def run(prepared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "run"))


def _two_ranks(folder: Path, fail_at: int = 0, seconds: int = 120) -> str:
    """Run ``two_ranks.py`` in a session of its own; return what it said in the end, empty if all went well."""
    command = [sys.executable, str(Path(__file__).with_name("two_ranks.py")), str(folder), str(fail_at)]
    environment = {**os.environ, "MASTER_PORT": "1"}  # of a cluster; no process may listen there
    with (folder / "two_ranks.log").open("w") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
        )
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            pytest.fail(f"no end after {seconds} s:\n{(folder / 'two_ranks.log').read_text()[-4000:]}")
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    text = (folder / "two_ranks.log").read_text()
    return "" if code == 0 else text.strip().splitlines()[-1]


def test_two_ranks_train_one_model_and_an_interrupted_one_ends_the_same(run: Path, tmp_path: Path) -> None:
    whole = Path(shutil.copytree(run, tmp_path / "whole"))
    assert _two_ranks(whole) == ""
    ranks = [json.loads((whole / f"rank{rank}.json").read_text()) for rank in (0, 1)]
    assert [[epoch for epoch, _, _ in steps] for steps in ranks] == [[0, 0, 1, 1, 2, 2, 3, 3]] * 2
    assert {size for steps in ranks for _, size, _ in steps} == {1}  # the batch of 2 is divided
    assert not {total for _, _, total in ranks[0]} & {total for _, _, total in ranks[1]}
    content = load_checkpoint(whole / FOLD / "checkpoint_final.pth")
    assert not any(key.startswith("module.") for key in content["network_weights"])
    assert json.loads((whole / FOLD / "progress.json").read_text())["epoch"] == 4
    assert len(list((whole / FOLD).glob("training_log_*"))) == 1

    assert _two_ranks(run, fail_at=6) == "error: rank 1: found loss nan; wanted a finite loss; check these cases"
    assert json.loads((run / FOLD / "progress.json").read_text())["epoch"] == 2
    assert _two_ranks(run) == ""
    same_model(whole, run)


def test_the_weighted_loss_of_two_ranks_is_that_of_the_whole_batch(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(4, 2, 5, 6, generator=generator)
    labels = torch.randint(0, 3, (4, 1, 5, 6), generator=generator)
    labels[1::2] = 2  # rank 1 sees nothing but unannotated pixels...
    labels[1, 0, 0, 0] = 1  # ...and one
    weight = torch.nn.Parameter(torch.ones(()))
    whole = WeightedCrossEntropy([1.0, 60.0], 2)(weight * logits, labels)
    whole.backward()
    torch.save((logits, labels), tmp_path / "batch.pt")
    assert _two_ranks(tmp_path) == ""
    halves = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1)]
    assert torch.stack([loss for loss, _ in halves]).mean() == pytest.approx(whole.item(), rel=1e-6)
    assert torch.stack([gradient for _, gradient in halves]).mean() == pytest.approx(weight.grad.item(), rel=1e-5)


def test_ranks_draw_differently_and_rank_0_as_a_single_process() -> None:
    def draw(*args: int) -> tuple[float, float]:
        seed_everything(*args)
        return float(np.random.rand()), float(torch.rand(()))

    single = draw(5, 3)
    assert draw(5, 3, 0) == single
    assert len({draw(5, 3, rank) for rank in range(4)} | {draw(5, 4, 1)}) == 5
    assert draw(5, 3, 1) == draw(5, 3, 1)


def test_a_rank_that_failed_otherwise_keeps_its_traceback() -> None:
    with pytest.raises(ProcessRaisedException, match="CUDA out of memory"), ranks_report():
        raise ProcessRaisedException("-- Process 1 terminated:\nTraceback\nRuntimeError: CUDA out of memory", 1, 99)
    text = "-- Process 0 terminated:\nTraceback\ntrainers.errors.TrainerError: a: found b; wanted c; d\n"
    with pytest.raises(RankError, match=r"^a: found b; wanted c; d$"), ranks_report():
        raise ProcessRaisedException(text, 0, 99)


def test_too_few_gpus_are_refused_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(TrainerError, match="found 1 GPUs; wanted 2"):
        require_gpus(2)
    require_gpus(1)


def test_a_single_process_sums_over_itself() -> None:
    value = torch.tensor(3.0)
    assert sum_over_ranks(value) == (value, 1)


def test_the_step_goes_through_the_gradient_scaler_and_its_state_is_kept(run: Path) -> None:
    """The scaler of CUDA, on the CPU: what is scaled, unscaled, clipped and saved is the same code."""
    trainer = make_trainer(run)
    trainer.initialize()
    trainer.grad_scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    trainer.on_train_start()
    trainer.on_epoch_start()
    trainer.on_train_epoch_start()
    before = [parameter.clone() for parameter in trainer.network.parameters()]
    assert np.isfinite(trainer.train_step(next(trainer.dataloader_train))["loss"])
    assert trainer.grad_scaler.state_dict()["_growth_tracker"] == 1
    assert any(not torch.equal(a, b) for a, b in zip(before, trainer.network.parameters(), strict=True))
    trainer.save_checkpoint(str(run / FOLD / "checkpoint_latest.pth"))
    again = make_trainer(run)
    again.initialize()
    again.grad_scaler = torch.amp.GradScaler("cpu")
    again.load_checkpoint(str(run / FOLD / "checkpoint_latest.pth"))
    assert again.grad_scaler.state_dict() == trainer.grad_scaler.state_dict()


def test_the_loss_is_computed_in_single_precision_under_autocast() -> None:
    """With bfloat16 on the CPU: not CUDA's float16, but the same rule of torch's autocast."""
    layer, image = torch.nn.Conv2d(1, 2, 1), torch.rand(1, 1, 4, 4)
    for loss in (WeightedCrossEntropy([1.0, 60.0], 2), WeightedCrossEntropy([1.0, 60.0], 2, distributed=True)):
        with torch.autocast("cpu", torch.bfloat16):
            logits = layer(image)
            value = loss(logits, torch.ones(1, 1, 4, 4))
        assert (logits.dtype, value.dtype) == (torch.bfloat16, torch.float32)

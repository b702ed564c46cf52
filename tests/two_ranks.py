"""Train a run with nnU-Net's code for two GPUs, as two processes on the CPU: ``python tests/two_ranks.py RUN FAIL_AT``.

A program, because its ranks are forked: forked from a test session, whose threads hold locks, they can wait forever.
"""

import functools
import json
import os
import sys
from pathlib import Path
from typing import Any

import torch
from nnunetv2.run import run_training as nnunet
from nnunetv2.training.nnUNetTrainer import nnUNetTrainer as trainer_module
from test_trainers_training import MODEL

from trainers import device
from trainers.base import CTShiftTrainer
from trainers.errors import TrainerError
from trainers.losses.weighted_cross_entropy import WeightedCrossEntropy
from trainers.run_folder import open_run
from trainers.train import train


def _two_ranks_on_the_cpu() -> None:
    """Let nnU-Net's code for GPUs run here: gloo for NCCL, forked processes that inherit these changes."""

    def setup(rank: int, world_size: int) -> None:
        torch.distributed.init_process_group("gloo", rank=rank, world_size=world_size)

    make, parallel = nnunet.get_trainer_from_args, trainer_module.DDP

    def on_cpu(*args: Any) -> Any:
        trainer = make(*args)
        trainer.device, trainer.grad_scaler = torch.device("cpu"), None
        return trainer

    nnunet.mp.spawn = functools.partial(torch.multiprocessing.start_processes, start_method="fork")
    nnunet.setup_ddp, nnunet.cleanup_ddp = setup, _leave
    nnunet.get_trainer_from_args = on_cpu
    trainer_module.DDP = lambda network, device_ids: parallel(network)
    torch.nn.SyncBatchNorm.convert_sync_batchnorm = lambda network: network  # type: ignore[assignment]
    torch.cuda.set_device = lambda device: None
    torch.cuda.device_count = lambda: 2
    device.find_device = torch.device


def _leave() -> None:
    """End a rank at once: gloo's destructor now and then waits for a thread that waits for the interpreter's lock."""
    torch.distributed.destroy_process_group()
    sys.stdout.flush()
    os._exit(0)


def _note_batches(run: Path, fail_at: int) -> None:
    """Write down what each rank is fed; let rank 1 fail at a step (from 1; 0: never)."""
    original, taken = CTShiftTrainer.train_step, []

    def train_step(self: Any, batch: Any) -> Any:
        taken.append([self.current_epoch, len(batch["data"]), float(batch["data"].double().sum())])
        (run / f"rank{self.local_rank}.json").write_text(json.dumps(taken))
        if self.local_rank == 1 and len(taken) == fail_at:
            raise TrainerError("rank 1", found="loss nan", wanted="a finite loss", action="check these cases")
        return original(self, batch)

    CTShiftTrainer.train_step = train_step  # type: ignore[method-assign]


def _loss_of_half(rank: int, folder: Path) -> None:
    store = torch.distributed.FileStore(str(folder / "store"), 2)
    torch.distributed.init_process_group("gloo", rank=rank, world_size=2, store=store)
    logits, labels = torch.load(folder / "batch.pt", weights_only=True)
    weight = torch.nn.Parameter(torch.ones(()))
    half = slice(rank, None, 2)
    loss = WeightedCrossEntropy([1.0, 60.0], 2, distributed=True)(weight * logits[half], labels[half])
    loss.backward()
    torch.save((loss.detach(), weight.grad), folder / f"{rank}.pt")
    _leave()


def main() -> None:
    """Train RUN, or write the loss and gradient of each half of the batch in RUN."""
    folder = Path(sys.argv[1])
    if (folder / "batch.pt").is_file():
        torch.multiprocessing.start_processes(_loss_of_half, args=(folder,), nprocs=2, start_method="fork")
        return
    _two_ranks_on_the_cpu()
    _note_batches(folder, int(sys.argv[2]))
    opened = open_run(folder)
    try:
        train(opened, opened.find_model(MODEL, "trained"), "cuda", exact=True)
    except TrainerError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()

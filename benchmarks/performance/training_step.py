"""What our code adds to a training step: each trainer beside nnU-Net's own trainer made to train the same.

Network, loss, optimiser, patch, batch, cases and augmentation are the same; base class, loader, checks and files are
ours on one side and nnU-Net's on the other. Both live in one process on one thread and take turns, epoch by epoch; CPU
seconds of this process count, so that other programs on the machine disturb little.
"""

import argparse
import contextlib
import io
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.performance.predict_run import NNUNET, STUDY, write_run
from dataset_converters.atomic import write_json, write_text
from dataset_converters.writing.provenance import version_of
from trainers.registry import list_trainers
from trainers.run_folder import open_run, point_nnunet_at

TARGET = 1.05
EMULATING = "nnUNetTrainerWeightedCE2DKernelAug"
BUDGET: dict[str, Any] = {
    "validation_iterations": 1,
    "batch_size": 4,
    "width": 8,
    "patch_size": [128, 128],
    "spacing_mm": [0.7, 0.7],
    "learning_rate": 0.001,
    "augmentation": "none",
}
"""Patch, batch and width of the shipped quickstart on a CPU: small steps, in which what is added shows most."""


def main(arguments: list[str] | None = None) -> int:
    """Measure; return 1 if a trainer's steps cost more than 5 % more than nnU-Net's."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance training-step", description=__doc__)
    parser.add_argument("--epochs", type=int, default=8, metavar="N", help="turns of each side")
    parser.add_argument("--steps", type=int, default=20, metavar="N", help="steps of a turn")
    parser.add_argument("--trainers", nargs="+", default=list(list_trainers()), metavar="NAME")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write the report as .md")
    options = parser.parse_args(arguments)
    if min(options.epochs, options.steps) < 1:
        parser.error("--epochs, --steps: wanted 1 or more")
    with tempfile.TemporaryDirectory() as folder:
        counts = {"iterations": 1000 * options.steps, "iterations_per_epoch": options.steps}
        with contextlib.redirect_stdout(io.StringIO()):  # nnU-Net prints plans and losses
            run = prepare_run(Path(folder), options.trainers, **counts)
            table = pd.concat([measure(run, name, options.epochs) for name in options.trainers])
    print(report(table))
    if options.out:
        versions = ", ".join(f"{name} {version_of(name)}" for name in ("ctshift", "nnunetv2", "torch"))
        head = f"# Training step: what our code adds\n\n{(__doc__ or '').strip()}\n\n{_method(options)} {versions}.\n\n"
        write_text(options.out, head + report(table) + "\n")
    return 0 if all(holds for _, holds in claims(table)) else 1


def prepare_run(folder: Path, trainers: list[str], **budget: Any) -> Path:
    """Write, plan and preprocess a run of drawn chests."""
    from trainers.prepare import prepare

    size = budget.pop("size_zyx", (8, 512, 512))
    run = open_run(write_run(folder, trainers, size_zyx=size, budget=BUDGET | budget))
    prepare(run)
    write_json(run.preprocessed_dataset / "kernels.json", dict.fromkeys(run.matrix["images"], "B70f"))
    return run.path


def measure(run: Path, name: str, epochs: int) -> pd.DataFrame:
    """Return one row per trainer and epoch: CPU seconds of a step and of a whole epoch, ours and nnU-Net's."""
    sides = _sides(run, name)
    for side in sides:
        side.on_train_start()
        _epoch(side)
    rows: list[dict[str, Any]] = []
    for turn in range(epochs):
        row: dict[str, Any] = {"trainer": name, "turn": turn}
        order = ("ours", "peer") if turn % 2 else ("peer", "ours")
        for which in order:
            row |= {f"{which}_{key}": value for key, value in _epoch(sides[which == "peer"]).items()}
        rows.append(row)
        print(f"{name}: {_short(row)}", file=sys.stderr, flush=True)
    return pd.DataFrame(rows)


def _sides(run: Path, name: str) -> tuple[Any, Any]:
    os.environ["OMP_NUM_THREADS"] = "1"
    point_nnunet_at(open_run(run), loader_processes=0)
    from nnunetv2.run.run_training import get_trainer_from_args

    from benchmarks.performance.training_peer import peer_of
    from trainers.device import find_device

    ours = get_trainer_from_args(NNUNET, "2d", 0, name, f"{STUDY}-LK-s0", device=find_device("cpu"))
    peer = peer_of(ours)
    for side in (ours, peer):
        side.initialize()
    return ours, peer


def _epoch(trainer: Any) -> dict[str, float]:
    """Run one epoch as nnU-Net's ``run_training`` does; return CPU seconds of a step, and of the epoch."""
    start = time.process_time()
    trainer.on_epoch_start()
    trainer.on_train_epoch_start()
    before = time.process_time()
    steps = trainer.num_iterations_per_epoch
    outputs = [trainer.train_step(next(trainer.dataloader_train)) for _ in range(steps)]
    step_s = (time.process_time() - before) / steps
    trainer.on_train_epoch_end(outputs)
    trainer.on_validation_epoch_start()
    checks = range(trainer.num_val_iterations_per_epoch)
    trainer.on_validation_epoch_end([trainer.validation_step(next(trainer.dataloader_val)) for _ in checks])
    trainer.on_epoch_end()
    return {"step_s": step_s, "epoch_s": time.process_time() - start}


def claims(table: pd.DataFrame) -> list[tuple[str, bool]]:
    """Return what had to hold, in words with the measured ratios, and whether it does."""
    found = []
    for name, rows in table.groupby("trainer", sort=False):
        ratio, low, high = _ratio(rows, "step_s")
        text = f"{name}: a step costs {ratio:.3f} times nnU-Net's (quartiles of the turns {low:.3f} to {high:.3f}; "
        if name == EMULATING:
            found.append((text + "emulating kernels is part of it and of nothing in nnU-Net: no limit)", True))
        else:
            found.append((text + f"wanted at most {TARGET})", ratio <= TARGET))
    return found


def report(table: pd.DataFrame) -> str:
    """Return the table of medians and the claims as Markdown."""
    lines = [
        "| trainer | step, ours CPU s | step, nnU-Net CPU s | ratio (quartiles) | whole epoch, ratio (quartiles) |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, rows in table.groupby("trainer", sort=False):
        both = [f"{rows[f'{side}_step_s'].median():.4f}" for side in ("ours", "peer")]
        ratios = ["{:.3f} ({:.3f} to {:.3f})".format(*_ratio(rows, key)) for key in ("step_s", "epoch_s")]
        lines.append(f"| {name} | {' | '.join([*both, *ratios])} |")
    return "\n".join([*lines, "", *(f"- {'yes' if holds else 'NO'}: {text}" for text, holds in claims(table))])


def _ratio(rows: pd.DataFrame, key: str) -> tuple[float, float, float]:
    """Return the ratio of the medians, and the quartiles of the ratio over the turns."""
    turns = rows[f"ours_{key}"] / rows[f"peer_{key}"]
    middle = rows[f"ours_{key}"].median() / rows[f"peer_{key}"].median()
    return float(middle), float(turns.quantile(0.25)), float(turns.quantile(0.75))


def _short(row: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value:.4f}" for key, value in row.items() if key.endswith("_s"))


def _method(options: argparse.Namespace) -> str:
    command = f"training-step --epochs {options.epochs} --steps {options.steps}"
    return (
        f"Measured with `python -m benchmarks.performance {command}`: {options.epochs} turns of {options.steps} steps, "
        "batches of 4 slices of 128 x 128, width 8 where the network has one. A step is loading a batch in-process and "
        "training on it. A whole epoch has a validation step, logs, figures and checkpoints as well: ours writes "
        "a checkpoint every epoch and nnU-Net's figure in the last only, nnU-Net a figure every epoch and a "
        "checkpoint of the best."
    )


if __name__ == "__main__":
    sys.exit(main())

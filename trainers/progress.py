"""Say how far a training is: ``progress.json``, read by the run's display."""

import math
from datetime import UTC, datetime
from pathlib import Path

from dataset_converters.atomic import write_json


def write_progress(
    path: Path,
    *,
    epoch: int,
    epochs: int,
    iterations_per_epoch: int,
    loss: float,
    pseudo_dice: float,
    seconds_per_epoch: float,
) -> None:
    """Write the state after ``epoch`` finished epochs; a value that is not a number becomes null."""
    write_json(
        path,
        {
            "epoch": epoch,
            "epochs": epochs,
            "iterations": epochs * iterations_per_epoch,
            "iteration": epoch * iterations_per_epoch,
            "loss": _number(loss),
            "pseudo_dice": _number(pseudo_dice),
            "updated": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds_per_epoch": round(seconds_per_epoch, 3),
        },
    )


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None

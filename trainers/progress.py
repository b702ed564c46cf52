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
    device: str,
    peak_gpu_memory_mb: float | None,
) -> None:
    """Write the state after ``epoch`` finished epochs; a value that is not a number becomes null.

    ``device`` is the GPU's name, or ``cpu``; the peak of its memory is that of this process.
    """
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
            "device": device,
            "peak_gpu_memory_mb": peak_gpu_memory_mb,
        },
    )


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None

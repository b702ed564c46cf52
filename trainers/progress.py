"""Say how far a training is: ``progress.json``, read by the run's display."""

import json
import math
import resource
import time
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
    attempts: "Attempts | None" = None,
) -> None:
    """Write the state after ``epoch`` finished epochs; a value that is not a number becomes null.

    ``device`` is the GPU's name, or ``cpu``; the peak of its memory is that of this process. ``attempts`` adds time and
    peak memory over all processes that worked on the training.
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
            **({} if attempts is None else attempts.totals()),
        },
    )


TOTALS = ("training_seconds", "training_peak_memory_mb")


class Attempts:
    """Time and peak memory of a training over all its processes: a long one takes several turns on a cluster.

    Parameters
    ----------
    path : Path
        The ``progress.json`` that earlier processes wrote; read once, when this one begins.
    """

    def __init__(self, path: Path) -> None:
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError, RecursionError):
            before = {}
        known = [before.get(name) for name in TOTALS] if isinstance(before, dict) else [0.0, 0.0]
        self._spent, self._peak = (float(value) if isinstance(value, int | float) else 0.0 for value in known)
        self._began = time.monotonic()

    def totals(self) -> dict[str, float]:
        """Return the seconds spent until now, and the most memory a process had (MB)."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return {
            "training_seconds": round(self._spent + time.monotonic() - self._began, 2),
            "training_peak_memory_mb": round(max(self._peak, peak), 1),
        }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None

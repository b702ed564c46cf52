"""How far a training is that writes no ``progress.json``: read from nnU-Net's own ``training_log_*.txt``."""

import re
from pathlib import Path
from typing import Any

EPOCHS = 1000
"""What nnU-Net's trainers train, unless their name says otherwise (``nnUNetTrainer_250epochs``)."""
_TIME = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: "
_EPOCH = re.compile(_TIME + r"Epoch (\d+) *$", re.M)
_LOSS = re.compile(_TIME + r"train_loss (\S+) *$", re.M)
_SECONDS = re.compile(_TIME + r"Epoch time: ([\d.]+) s *$", re.M)
_PREDICTED = re.compile(_TIME + r"predicting (\S+)", re.M)


def read_training_logs(folder: Path) -> dict[str, Any]:
    """Return the state as ``progress.json`` has it, from every log of a fold's folder; empty when there is none.

    nnU-Net opens a new log at each resume, so all of them are read, oldest first. ``validated`` counts the cases that
    the final validation has predicted, which can take longer than the training. No log states the number of epochs:
    it comes from the trainer's name.
    """
    logs = sorted(folder.glob("training_log_*.txt"), key=_log_time)
    if not logs:
        return {}
    text = "".join(log.read_text(encoding="utf-8", errors="replace") for log in logs)
    started, times = _EPOCH.findall(text), _SECONDS.findall(text)
    losses = [value for value in _LOSS.findall(text) if value not in ("nan", "inf")]
    # an epoch that was begun is finished when its time was printed; after a resume earlier epochs come again
    finished = text.rfind("Epoch time:") > text.rfind(f": Epoch {started[-1]} ") if started else False
    return {
        "epoch": int(started[-1]) + finished if started else 0,
        "epochs": epochs_of(folder.parent.name.partition("__")[0]),
        "loss": float(losses[-1].removeprefix("np.float32(").rstrip(")")) if losses else None,
        "seconds_per_epoch": float(times[-1]) if times else 0.0,
        "validated": len(_PREDICTED.findall(text)),
    }


def epochs_of(trainer: str) -> int:
    """Return how many epochs a trainer of nnU-Net trains: from its name, else nnU-Net's 1000."""
    named = re.search(r"_(\d+)epochs?(?:_|$)", trainer)
    return int(named[1]) if named else EPOCHS


def _log_time(log: Path) -> tuple[int, ...]:
    """Order by the numbers of the name: nnU-Net pads the time but not the month and day."""
    return tuple(int(number) for number in re.findall(r"\d+", log.stem))

"""What a study fixes for a training: the ``ctshift`` entry of a plans file."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from trainers.errors import TrainerError

Augmentation = Literal["none", "geometric"]
KEY = "ctshift"


@dataclass(frozen=True)
class TrainingSettings:
    """Budget and options of one training.

    Attributes
    ----------
    iterations, iterations_per_epoch, validation_iterations : int
        Optimiser steps in all, per epoch, and validation batches per epoch.
    batch_size : int
        Slices or patches per step; equals the ``batch_size`` of the plans file's configuration.
    width : int
        Channels of the network's first block, where the trainer's network has a width.
    learning_rate : float
        Of the optimiser, where the trainer leaves it to the study; None: the trainer's own.
    class_weights : mapping
        Loss weight of a structure by name; a structure that is not named gets the measured one.
    final_validation : bool
        Whether nnU-Net predicts the validation cases in full after training.
    checkpoint_minutes : float
        Least time between two checkpoints; 0 writes one every epoch.
    """

    study: str
    arm: str
    seed: int
    iterations: int
    iterations_per_epoch: int
    validation_iterations: int
    batch_size: int
    width: int
    learning_rate: float | None = None
    augmentation: Augmentation = "none"
    class_weights: Mapping[str, float] = field(default_factory=dict)
    final_validation: bool = False
    checkpoint_minutes: float = 0.0

    @property
    def epochs(self) -> int:
        """Number of epochs the iterations make."""
        return self.iterations // self.iterations_per_epoch


def read_settings(plans: Mapping[str, Any]) -> TrainingSettings | None:
    """Return the study's settings, or None for a plans file without a study.

    Raises
    ------
    TrainerError
        A key is unknown or missing, or a number makes no whole, positive budget.
    """
    if KEY not in plans:
        return None
    entry, where = plans[KEY], f"plans {plans['plans_name']}, entry {KEY}"
    _check_keys(entry, where)
    settings = TrainingSettings(**entry)
    _check_values(settings, where)
    return settings


def _check_keys(entry: Mapping[str, Any], where: str) -> None:
    known = {f.name for f in fields(TrainingSettings)}
    required = known - {"learning_rate", "augmentation", "class_weights", "final_validation", "checkpoint_minutes"}
    unknown, missing = sorted(entry.keys() - known), sorted(required - entry.keys())
    if unknown or missing:
        raise TrainerError(
            where,
            found=f"unknown keys {unknown}, missing keys {missing}",
            wanted=f"keys out of {sorted(known)}",
            action="write it with `python -m trainers.prepare`",
        )


def _check_values(settings: TrainingSettings, where: str) -> None:
    counts = ("iterations", "iterations_per_epoch", "validation_iterations", "batch_size", "width")
    for name in counts:
        if getattr(settings, name) < 1:
            raise TrainerError(
                where, found=f"{name} = {getattr(settings, name)}", wanted="at least 1", action="change the study"
            )
    if settings.iterations % settings.iterations_per_epoch:
        raise TrainerError(
            where,
            found=f"{settings.iterations} iterations in epochs of {settings.iterations_per_epoch}",
            wanted="a whole number of epochs",
            action="change iterations or iterations_per_epoch in the study's budget",
        )
    rate = settings.learning_rate
    if rate is not None and not 0 < rate < 1:
        raise TrainerError(where, found=f"learning_rate {rate}", wanted="between 0 and 1", action="change the study")
    if settings.augmentation not in get_args(Augmentation):
        raise TrainerError(
            where,
            found=f"augmentation {settings.augmentation!r}",
            wanted=f"one of {list(get_args(Augmentation))}",
            action="change the study's budget",
        )

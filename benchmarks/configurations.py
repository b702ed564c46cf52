"""2D and 3D in a study: what nnU-Net's configurations are called, and what a study needs for each."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from benchmarks.study import Arm, Study, TrainerUse
from benchmarks.study_names import StudyError
from benchmarks.study_training import Budget, Configuration
from trainers.registry import works_on_slices

IN_3D = "_3d_fullres"
"""Ends the name of a trainer that trains in 3D, in scores, tables and file names."""
SMALLEST_MAP = 4
"""nnU-Net halves a side of the patch as long as this many voxels are left."""


def complete_trainer(entry: TrainerUse) -> TrainerUse:
    """Return a trainer with its name in the study and its label; one class may be there in 2D and in 3D."""
    name = entry.name if entry.configuration == "2d" else f"{entry.name}{IN_3D}"
    return dataclasses.replace(entry, name=name, label=entry.label or name)


def trainer_class(entry: TrainerUse) -> str:
    """Return the class of a trainer of a study."""
    return entry.name if entry.configuration == "2d" else entry.name.removesuffix(IN_3D)


def is_3d(name: str) -> bool:
    """Say whether a job, model or trainer of this name is in 3D."""
    return any(part.endswith(IN_3D) for part in name.split("-"))


def configurations_of(study: Study, arm: Arm) -> tuple[Configuration, ...]:
    """Return the configurations an arm is trained in; each has plans of its own."""
    return tuple(dict.fromkeys(trainer.configuration for trainer in study.trainers_of(arm)))


def configuration_entry(configuration: Configuration) -> dict[str, Any]:
    """Return what ``matrix.json`` says of a configuration: nothing of 2D, so that runs made before 3D stay fresh."""
    return {} if configuration == "2d" else {"configuration": configuration}


def trainer_entry(trainer: TrainerUse) -> dict[str, Any]:
    """Return what ``matrix.json`` says of the trainer of a model beside its name: class and configuration in 3D."""
    if trainer.configuration == "2d":
        return {}
    return {"trainer_class": trainer_class(trainer)} | configuration_entry(trainer.configuration)


LATER = ("three_d", "checkpoint_minutes")


def budget_record(budget: Budget) -> dict[str, Any]:
    """Return a budget as runs record it; what was added later only where the study says it."""
    record = dataclasses.asdict(budget)
    return {name: value for name, value in record.items() if name not in LATER or value is not None}


def with_three_d_of(budgets: Mapping[str, Budget], others: Mapping[str, Budget]) -> dict[str, Budget]:
    """Return budgets that gained what other ones say of 3D, where they said nothing."""
    return {
        device: dataclasses.replace(budget, three_d=others[device].three_d)
        if budget.three_d is None and device in others
        else budget
        for device, budget in budgets.items()
    }


def check_configurations(study: Study) -> None:
    """Refuse 3D where a trainer, a budget or the choice of slices has none.

    Raises
    ------
    StudyError
        Naming the trainer or the key.
    """
    for device, budget in study.budgets.items():
        _check_budget(f"budgets.{device}.three_d", budget)
    for trainer in study.trainers:
        if trainer.configuration == "2d":
            continue
        name = trainer_class(trainer)
        if works_on_slices(name):
            raise StudyError(
                f"[trainers] {name}: found configuration {trainer.configuration!r}, wanted '2d': it works slice by "
                "slice; nnUNetTrainerCTShiftStock trains in 3D"
            )
        for device, budget in study.budgets.items():
            if budget.three_d is None:
                raise StudyError(
                    f"[budgets.{device}] no three_d, which {name} in {trainer.configuration} needs; add "
                    "three_d = { patch_size = [z, y, x], batch_size = 2, spacing_mm = [z, y, x] }"
                )
    _check_slices(study)


def _check_budget(where: str, budget: Budget) -> None:
    if budget.three_d is None:
        return
    for name, value in dataclasses.asdict(budget.three_d).items():
        numbers = value if isinstance(value, tuple) else (value,)
        if not all(0 < number < math.inf for number in numbers):
            raise StudyError(f"[{where}.{name}] found {value}, wanted more than 0")
    for size in budget.three_d.patch_size:
        halved = size
        while halved >= 2 * SMALLEST_MAP and halved % 2 == 0:
            halved //= 2
        if not SMALLEST_MAP <= halved < 2 * SMALLEST_MAP:
            raise StudyError(
                f"[{where}.patch_size] found {size}, wanted 4, 5, 6 or 7 times a power of 2 (64, 80, 96, 112, 128...): "
                "nnU-Net halves each side until 4 to 7 voxels are left"
            )
    if budget.gpus > budget.three_d.batch_size:
        raise StudyError(
            f"[{where}.batch_size] found {budget.three_d.batch_size}, wanted at least gpus {budget.gpus}: they share it"
        )


def _check_slices(study: Study) -> None:
    for arm in study.arms:
        in_3d = [entry.name for entry in study.trainers_of(arm) if entry.configuration != "2d"]
        if in_3d and study.equal_arms.slices == "lung" and arm.name in study.equal_arms.arms:
            raise StudyError(
                f"[equal_arms] found slices = 'lung' for arm {arm.name}, which {in_3d[0]} trains on: chosen slices are "
                "no volumes; wanted slices = 'all', or no 3D trainer for this arm"
            )

"""Names on disk of arms and models: letters, digits and hyphens, stable for a given study."""

from benchmarks.study import Arm, Baseline, Study, TrainerUse
from benchmarks.study_training import Configuration


def slug(name: str) -> str:
    """Return a name of letters, digits and hyphens: ``LK+MK`` to ``LK-MK``."""
    return name.replace("+", "-").replace("_", "-")


def plans_name(study: Study, arm: Arm, seed: int, configuration: Configuration = "2d") -> str:
    """Return the plans name of an arm and seed, as ``nnUNetv2_train -p`` takes it; 3D has plans of its own."""
    return f"{slug(study.name)}-{slug(arm.name)}-s{seed}{'' if configuration == '2d' else '-3d'}"


def trained_model(arm: Arm, trainer: TrainerUse, seed: int, fold: int) -> str:
    """Return the id of one training."""
    return f"{slug(arm.name)}-{trainer.name}-s{seed}-f{fold}"


def baseline_model(baseline: Baseline, seed: int, fold: int) -> str:
    """Return the id of one baseline on one fold."""
    return f"{slug(baseline.name)}-{baseline.kind}-s{seed}-f{fold}"

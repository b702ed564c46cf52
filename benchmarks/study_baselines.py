"""Defaults and checks of the competitors without training, ``[[baselines]]`` of a study."""

import dataclasses
import math
from collections.abc import Sequence

from benchmarks.study import Arm, Baseline, Study, TrainerUse
from benchmarks.study_names import StudyError, refuse_unknown

REFERENCE = "reference"
"""Stands in ``lung_from`` for the lung that a reader outlined."""


def complete_baselines(
    baselines: Sequence[Baseline], arms: Sequence[Arm], trainers: Sequence[TrainerUse]
) -> tuple[Baseline, ...]:
    """Return the baselines with a label, and with the only trainer of the arm that the lung is taken from."""
    names = [entry.name for entry in trainers]
    only = {arm.name: found[0] for arm in arms if len(found := arm.trainers or tuple(names)) == 1}
    return tuple(
        dataclasses.replace(
            entry,
            label=entry.label or entry.name,
            lung_trainer=entry.lung_trainer or only.get(entry.lung_from, ""),
        )
        for entry in baselines
    )


def check_baselines(study: Study) -> None:
    """Refuse a lung that is nobody's, and a range without values.

    Raises
    ------
    StudyError
        Naming the key, what was found and the choices.
    """
    for entry in study.baselines:
        where = f"baselines.{entry.name}"
        if entry.kind == "hu_range":
            _check_range(study, entry, where)
        elif entry.lung_from or entry.lung_trainer or entry.lung_variants:
            raise StudyError(f"[{where}] kind {entry.kind!r} takes no lung; leave lung_from and its settings out")


def _check_range(study: Study, entry: Baseline, where: str) -> None:
    if not -math.inf < entry.hu_range[0] < entry.hu_range[1] < math.inf:
        raise StudyError(f"[{where}.hu_range] found {entry.hu_range}, wanted two numbers, the lower first")
    if not study.scoring.lung or not study.scoring.disease:
        raise StudyError(f"[{where}] needs [scoring] lung and disease: which structures it marks")
    if study.scoring.disease not in study.structures:
        raise StudyError(f"[{where}] marks one trained structure; [scoring] disease is {study.scoring.disease!r}")
    members = study.scoring.unions.get(study.scoring.lung, (study.scoring.lung,))
    if study.scoring.disease not in members or len(members) < 2:
        raise StudyError(
            f"[{where}] needs a [scoring] lung that is a union of the disease and the rest; {study.scoring.lung!r} is "
            f"{', '.join(members)}"
        )
    refuse_unknown(f"{where}.lung_from", [entry.lung_from], [REFERENCE, *(arm.name for arm in study.arms)])
    if entry.lung_from == REFERENCE:
        if entry.lung_trainer or entry.lung_variants:
            raise StudyError(f"[{where}] the reference has no trainer and no variant; leave both settings out")
        return
    arm = next(arm for arm in study.arms if arm.name == entry.lung_from)
    choices = [trainer.name for trainer in study.trainers_of(arm)]
    refuse_unknown(f"{where}.lung_trainer", [entry.lung_trainer], choices)
    _check_tested(study, entry, where)


def _check_tested(study: Study, entry: Baseline, where: str) -> None:
    """Refuse a test set of which no lung is predicted."""
    for test_set in study.test_sets:
        for dataset in test_set.datasets:
            if entry.name in study.rows_on(test_set, dataset):
                variants = entry.lung_variants or test_set.variants
                if not any(_predicts(study, entry.lung_from, dataset, variant) for variant in variants):
                    raise StudyError(
                        f"[{where}.lung_from] arm {entry.lung_from!r} is in no test set with {' or '.join(variants)} "
                        f"of {dataset}, which [test_sets.{test_set.name}] needs the lung of; name such lung_variants"
                    )


def _predicts(study: Study, arm: str, dataset: str, variant: str) -> bool:
    return any(variant in entry.variants and arm in study.rows_on(entry, dataset) for entry in study.test_sets)

"""The competitors of a study as rows of a table: every trainer on every arm, then the reference systems."""

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from analysis.aggregate import printed_structures
from analysis.emulated_marks import shown_recipe
from benchmarks.study import Arm, Study, TemplateArm, TrainerUse


@dataclass(frozen=True)
class ModelRow:
    """A trained model or a reference system: ``trainer`` and ``recipe`` as in the aggregated values."""

    trainer: str
    recipe: str
    label: str
    trained: bool


def model_rows(
    study: Study, *, named: Literal["both", "differing"] = "differing", references_first: bool = False
) -> tuple[ModelRow, ...]:
    """Return all competitors in the order of the study file, arms by the name of their table row (recipe).

    A trainer that does not train an arm, and an arm on a template that is no competitor itself (no test set names it,
    it is only part of a vote), make no row.

    Parameters
    ----------
    named : str
        ``both``: ``U-net(R231)`` as in Hofmanninger 2020; ``differing``: only what tells them apart, as in Chassagnon
        2020, where one arm makes ``AtlasNet`` enough.
    references_first : bool
        Whether the reference systems stand above the trained models (Hofmanninger 2020, Table V).
    """
    recipes = dict.fromkeys(
        arm.recipe for arm in study.arms if not isinstance(arm, TemplateArm) or _is_scored(study, arm)
    )
    trained = [
        ModelRow(trainer.name, recipe, _label(study, trainer, recipe, named=named), True)
        for trainer in study.trainers
        for recipe in recipes
        if any(arm.recipe == recipe and trainer in study.trainers_of(arm) for arm in study.arms)
    ]
    references = [ModelRow(entry.kind, entry.name, entry.label, False) for entry in study.baselines]
    return tuple(references + trained if references_first else trained + references)


def of_model(values: pd.DataFrame, row: ModelRow) -> pd.DataFrame:
    """Return the aggregated values of one competitor."""
    return values[values["trainer"].eq(row.trainer) & values["recipe"].eq(row.recipe)]


def structures_of(study: Study, values: pd.DataFrame) -> list[str]:
    """Return the structures tables print, those with values only."""
    found = set(values["structure"])
    return [name for name in printed_structures(study) if name in found]


def _is_scored(study: Study, arm: Arm) -> bool:
    return any(
        arm.name in study.rows_on(test_set, dataset) for test_set in study.test_sets for dataset in test_set.datasets
    )


def _label(study: Study, trainer: TrainerUse, recipe: str, *, named: str) -> str:
    shown = shown_recipe(study, recipe)
    if named == "both":
        return f"{trainer.label}({shown})"
    if len(study.trainers) > 1 and all(len(study.trainers_of(arm)) == 1 for arm in study.arms):
        return next(arm.label for arm in study.arms if arm.recipe == recipe)  # the arm says which trainer
    several = len({entry.recipe for entry in study.arms}) > 1
    if several and len(study.trainers) > 1:
        return f"{trainer.label}, {shown}"
    return shown if several else trainer.label

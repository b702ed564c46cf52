"""The competitors of a study as rows of a table: every trainer on every arm, then the reference systems."""

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from analysis.aggregate import printed_structures
from analysis.emulated_marks import shown_recipe
from benchmarks.study import Study


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

    Parameters
    ----------
    named : str
        ``both``: ``U-net(R231)`` as in Hofmanninger 2020; ``differing``: only what tells them apart, as in Chassagnon
        2020, where one arm makes ``AtlasNet`` enough.
    references_first : bool
        Whether the reference systems stand above the trained models (Hofmanninger 2020, Table V).
    """
    recipes = dict.fromkeys(arm.recipe for arm in study.arms)
    trained = [
        ModelRow(trainer.name, recipe, _label(study, trainer.label, shown_recipe(study, recipe), named=named), True)
        for trainer in study.trainers
        for recipe in recipes
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


def _label(study: Study, trainer: str, recipe: str, *, named: str) -> str:
    if named == "both":
        return f"{trainer}({recipe})"
    several = len({entry.recipe for entry in study.arms}) > 1
    if several and len(study.trainers) > 1:
        return f"{trainer}, {recipe}"
    return recipe if several else trainer

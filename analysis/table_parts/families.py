"""The competitors that are compared with each other: the arms of a trainer, and the trainers on an arm."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.aggregate import printed_structures
from analysis.table_parts.frames import places_by
from benchmarks.study import Study


@dataclass(frozen=True)
class Family:
    """Competitors on one test set and dataset; ``values`` has a row per patient and a column per competitor's label."""

    compared: str
    within: str
    structure: str
    test_set: str
    dataset: str
    title: str
    values: pd.DataFrame

    def words(self) -> dict[str, str]:
        """Return what tells the family from others."""
        names = ("compared", "within", "structure", "test_set", "dataset")
        return {name: getattr(self, name) for name in names}

    def complete(self) -> pd.DataFrame:
        """Return the patients with a finite value of every competitor."""
        return self.values.loc[np.isfinite(self.values.to_numpy(dtype=np.float64)).all(axis=1)]


def families(study: Study, values: pd.DataFrame) -> Iterator[Family]:
    """Yield each family of at least two competitors that were tested on the same dataset.

    Parameters
    ----------
    values : DataFrame
        ``aggregate.patient_values``.
    """
    labels = {arm.recipe: arm.label for arm in reversed(study.arms)}
    arms = {arm.recipe: labels[arm.recipe] for arm in study.arms}
    trainers = {entry.name: entry.label for entry in study.trainers}
    for trainer in study.trainers:
        rows = values[values["trainer"].eq(trainer.name)]
        title = f"Arms of {trainer.label}" if len(trainers) > 1 else ""
        yield from _tested(study, rows, ("arms", trainer.name, title), column="recipe", competitors=arms)
    for recipe, label in arms.items() if len(trainers) > 1 else ():
        rows = values[values["recipe"].eq(recipe)]
        words = ("trainers", recipe, f"Trainers on {label}")
        yield from _tested(study, rows, words, column="trainer", competitors=trainers)


def _tested(
    study: Study, rows: pd.DataFrame, words: tuple[str, str, str], *, column: str, competitors: Mapping[str, str]
) -> Iterator[Family]:
    compared, within, title = words
    sets = {entry.name: entry.label for entry in study.test_sets}
    datasets = {entry.name: entry.label for entry in study.datasets}
    structures = printed_structures(study)
    rows = rows[rows["structure"].isin(structures) & rows[column].isin(list(competitors))]
    for (structure, test_set, dataset), places in places_by(rows, ["structure", "test_set", "dataset"]).items():
        table = rows.iloc[places].pivot(index="patient", columns=column, values="value")
        table = table[[name for name in competitors if name in table]].rename(columns=competitors)
        parts = [title, structure if len(structures) > 1 else "", sets[test_set]]
        parts += [datasets[dataset]] if len(datasets) > 1 else []
        if table.shape[1] > 1:
            yield Family(compared, within, structure, test_set, dataset, ", ".join(filter(None, parts)), table)

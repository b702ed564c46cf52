"""Scores to one value per patient, case or pair of readers, for each table row (recipe) and test set.

Sides are averaged first, then the readers of an examination, then the examinations of a patient, then seeds and folds;
a test set of several variants takes the mean of the variants' values. So readers, kernels and repeats of a patient are
never counted as independent. An infinite distance (one mask empty) stays infinite in every mean.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.score_rows import counted_rows, mean_by, model_rows, reader_rows_of_test_set, rows_of_test_set
from benchmarks.study import Study, TestSet

GROUP = ["structure", "trainer", "recipe", "dataset", "patient"]
CASE = [*GROUP, "case", "variant", "variant_kind"]
VALUE_COLUMNS = ("structure", "trainer", "recipe", "test_set", "dataset", "patient", "value", "reason")
CASE_COLUMNS = (
    "structure", "trainer", "recipe", "test_set", "dataset", "patient", "case", "variant", "variant_kind", "value",
    "status", "reason",
)  # fmt: skip
READER_COLUMNS = (
    "structure", "kind", "first", "second", "trainer", "recipe", "test_set", "dataset", "patient", "case", "variant",
    "value", "status",
)  # fmt: skip
COUNTS = ("scored", "defined", "missed", "undefined", "no_reference")
COUNT_COLUMNS = ("structure", "trainer", "recipe", "test_set", "dataset", *COUNTS)


def patient_values(scores: pd.DataFrame, study: Study, *, metric: str = "DSC") -> pd.DataFrame:
    """Return one row per patient, test set, recipe, trainer and structure.

    Returns
    -------
    DataFrame
        ``VALUE_COLUMNS``; value NaN where nothing could be counted, ``reason`` then says why.

    Raises
    ------
    AnalysisError
        If an arm is not in the study, or two rows have the same key.
    """
    rows = model_rows(counted_rows(scores, study, metric=metric))
    parts = [_patients_on(rows_of_test_set(rows, study, entry), study, entry) for entry in study.test_sets]
    return pd.concat(parts, ignore_index=True)[list(VALUE_COLUMNS)]


def case_values(scores: pd.DataFrame, study: Study, *, metric: str = "DSC") -> pd.DataFrame:
    """Return one row per examination and variant, averaged over readers, and over seeds and folds.

    Returns
    -------
    DataFrame
        ``CASE_COLUMNS``. ``status`` is the worst of those averaged (``score_rows.WORST_FIRST``); value NaN where
        nothing could be counted, ``reason`` then says why.
    """
    rows = model_rows(counted_rows(scores, study, metric=metric))
    parts = [
        mean_by(mean_by(rows_of_test_set(rows, study, entry), [*CASE, "seed", "fold"]), CASE).assign(
            test_set=entry.name
        )
        for entry in study.test_sets
    ]
    values = pd.concat(parts, ignore_index=True).rename(columns={"counted": "value"})
    undefined = values["value"].isna()
    values["reason"] = np.where(undefined, values["status"].astype(str).str.replace("_", " "), "")
    return values[list(CASE_COLUMNS)]


def reader_values(scores: pd.DataFrame, study: Study, *, metric: str = "DSC") -> pd.DataFrame:
    """Return one row per examination, variant and pair: of two readers, of two readings, or of a reader and a model.

    Returns
    -------
    DataFrame
        ``READER_COLUMNS``. ``kind`` is ``reader`` (``first`` and ``second`` name readers), ``repeat`` (``second`` read
        again what ``first`` had read) or ``model`` (``second`` is the recipe; averaged over seeds and folds). Pairs
        of readers are repeated for each test set of their dataset and have no trainer, recipe and variant.
    """
    counted = counted_rows(scores, study, metric=metric)
    parts = []
    for entry in study.test_sets:
        pairs = reader_rows_of_test_set(counted, entry)
        pairs = pairs.assign(kind=pairs["trainer"], second=pairs["arm"], recipe="", variant="").assign(trainer="")
        models = mean_by(rows_of_test_set(model_rows(counted), study, entry), [*CASE, "reader"])
        models = models.assign(kind="model", second=models["recipe"])
        columns = [
            *(name for name in READER_COLUMNS if name not in ("test_set", "first", "value")),
            "reader",
            "counted",
        ]
        parts.append(pd.concat([pairs[columns], models[columns]]).assign(test_set=entry.name))
    values = pd.concat(parts, ignore_index=True).rename(columns={"reader": "first", "counted": "value"})
    return values[list(READER_COLUMNS)]


def score_counts(scores: pd.DataFrame, study: Study, *, metric: str = "DSC") -> pd.DataFrame:
    """Return how many scores were made, defined, missed, undefined (both masks empty) or without reference."""
    rows = _flagged(model_rows(counted_rows(scores, study, metric=metric)))
    parts = []
    for test_set in study.test_sets:
        taken = rows_of_test_set(rows, study, test_set)
        counts = taken.groupby(GROUP[:-1], sort=False)[list(COUNTS)].sum().reset_index()
        parts.append(counts.assign(test_set=test_set.name))
    return pd.concat(parts, ignore_index=True)[list(COUNT_COLUMNS)]


def score_totals(scores: pd.DataFrame, study: Study, *, metric: str = "DSC") -> dict[str, int]:
    """Return the same counts over all scores of the printed structures in any test set, each counted once."""
    rows = _flagged(model_rows(counted_rows(scores, study, metric=metric)))
    rows = rows[rows["structure"].isin(_measured_structures(study))]
    rows = rows.assign(number=range(len(rows)))
    used = pd.concat([rows_of_test_set(rows, study, test_set) for test_set in study.test_sets])
    used = used[~used["number"].duplicated()]
    return {name: int(used[name].sum()) for name in COUNTS}


def rows_of_study(study: Study) -> dict[str, str]:
    """Return the rows of a table in order: recipe to label, untrained baselines last."""
    rows: dict[str, str] = {}
    for arm in study.arms:
        rows.setdefault(arm.recipe, arm.label)
    return rows | {baseline.name: baseline.label for baseline in study.baselines}


def rows_of_block(frame: pd.DataFrame, study: Study, *, trainer: str, structure: str) -> pd.DataFrame:
    """Return a trainer's rows of a structure with the untrained baselines', which every trainer is compared with."""
    untrained = frame["trainer"].isin([baseline.kind for baseline in study.baselines])
    return frame[frame["structure"].eq(structure) & (untrained | frame["trainer"].eq(trainer))]


def printed_structures(study: Study) -> tuple[str, ...]:
    """Return the structures that tables print: those ``[tables]`` names, else the trained ones and the averages."""
    return study.tables.structures or (*study.structures, *study.scoring.averages)


def blocks(study: Study) -> Iterator[tuple[str, str, str]]:
    """Yield trainer, structure and the title of each printed block; the title is empty if there is only one."""
    structures = printed_structures(study)
    for trainer in study.trainers:
        for structure in structures:
            words = [trainer.label] if len(study.trainers) > 1 else []
            words += [structure] if len(structures) > 1 else []
            yield trainer.name, structure, ", ".join(words)


def _measured_structures(study: Study) -> set[str]:
    averages = study.scoring.averages
    return {member for name in printed_structures(study) for member in averages.get(name, (name,))}


def _flagged(counted: pd.DataFrame) -> pd.DataFrame:
    status = counted["status"]
    return counted.assign(
        scored=1,
        defined=counted["counted"].notna().astype(int),
        missed=status.isin(("missing", "failed")).astype(int),
        undefined=(counted["counted"].isna() & status.eq("both_empty")).astype(int),
        no_reference=status.eq("no_reference").astype(int),
    )


def _patients_on(rows: pd.DataFrame, study: Study, test_set: TestSet) -> pd.DataFrame:
    by_variant = rows.drop(columns="status")
    for keys in (["seed", "fold", "case"], ["seed", "fold"], []):
        by_variant = mean_by(by_variant, [*GROUP, "variant", *keys])
    values = mean_by(by_variant, GROUP).rename(columns={"counted": "value"})
    defined = by_variant.dropna(subset="counted").groupby(GROUP, sort=False).size()
    index = pd.MultiIndex.from_frame(values[GROUP])
    values["defined"] = defined.reindex(index, fill_value=0).to_numpy()
    values["reason"] = ""
    values.loc[values["defined"].eq(0), "reason"] = "no defined value"
    if study.tables.paired:
        incomplete = values["defined"].lt(len(test_set.variants)) & values["reason"].eq("")
        values.loc[incomplete, "reason"] = "not every kernel has a value"
    values.loc[values["reason"].ne(""), "value"] = float("nan")
    return values.assign(test_set=test_set.name)

"""Scores to one value per patient, for each table row (recipe) and test set.

Readers of an examination are averaged first, then the examinations of a patient, then seeds and folds; a test set
of several variants takes the mean of the variants' values. So readers, kernels and repeats of a patient are never
counted as independent.
"""

from collections.abc import Iterator

import pandas as pd

from analysis.empties import counted_values
from analysis.errors import AnalysisError
from analysis.metric import find_metric
from benchmarks.study import Study, TestSet

GROUP = ["structure", "trainer", "recipe", "dataset", "patient"]
VALUE_COLUMNS = ("structure", "trainer", "recipe", "test_set", "dataset", "patient", "value", "reason")
COUNTS = ("scored", "defined", "missed", "undefined", "no_reference")
COUNT_COLUMNS = ("structure", "trainer", "recipe", "test_set", "dataset", *COUNTS)


def patient_values(scores: pd.DataFrame, study: Study, *, metric: str = "DSC") -> pd.DataFrame:
    """Return one row per patient, test set, recipe, trainer and structure.

    Returns
    -------
    DataFrame
        ``VALUE_COLUMNS``; value NaN where nothing could be counted, ``reason`` then says why.
    """
    counted = _counted(scores, study, metric=metric)
    parts = [_values_on(counted, study, test_set) for test_set in study.test_sets]
    return pd.concat(parts, ignore_index=True)[list(VALUE_COLUMNS)]


def score_counts(scores: pd.DataFrame, study: Study, *, metric: str = "DSC") -> pd.DataFrame:
    """Return how many scores were made, defined, missed, undefined (both masks empty) or without reference."""
    flagged = _flagged(_counted(scores, study, metric=metric))
    parts = []
    for test_set in study.test_sets:
        counts = _rows_of(flagged, study, test_set).groupby(GROUP[:-1], sort=False)[list(COUNTS)].sum().reset_index()
        parts.append(counts.assign(test_set=test_set.name))
    return pd.concat(parts, ignore_index=True)[list(COUNT_COLUMNS)]


def score_totals(scores: pd.DataFrame, study: Study, *, metric: str = "DSC") -> dict[str, int]:
    """Return the same counts over all scores of any test set, each counted once."""
    flagged = _flagged(_counted(scores, study, metric=metric))
    used = pd.concat([_rows_of(flagged, study, test_set) for test_set in study.test_sets])
    used = used[~used.index.duplicated()]
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


def blocks(study: Study) -> Iterator[tuple[str, str, str]]:
    """Yield trainer, structure and the title of each printed block; the title is empty if there is only one."""
    for trainer in study.trainers:
        for structure in study.structures:
            words = [trainer.label] if len(study.trainers) > 1 else []
            words += [structure] if len(study.structures) > 1 else []
            yield trainer.name, structure, ", ".join(words)


def _counted(scores: pd.DataFrame, study: Study, *, metric: str) -> pd.DataFrame:
    """Return the rows of one metric with the value that counts."""
    known = {entry.name for entry in study.arms} | {entry.name for entry in study.baselines}
    unknown = sorted(set(scores["arm"]) - known)
    if unknown:
        raise AnalysisError(f"scores: arm {unknown[0]!r} is not in the study; its arms are {', '.join(sorted(known))}")
    rows = scores[scores["metric"].eq(metric)].copy()
    rows["counted"] = counted_values(rows, find_metric(metric))
    return rows


def _flagged(counted: pd.DataFrame) -> pd.DataFrame:
    status = counted["status"]
    return counted.assign(
        scored=1,
        defined=counted["counted"].notna().astype(int),
        missed=status.isin(("missing", "failed")).astype(int),
        undefined=(counted["counted"].isna() & status.eq("both_empty")).astype(int),
        no_reference=status.eq("no_reference").astype(int),
    )


def _rows_of(counted: pd.DataFrame, study: Study, test_set: TestSet) -> pd.DataFrame:
    """Return the scores of a test set, of the arms it takes, each with its table row (``recipe``)."""
    recipes = {
        (dataset, arm): recipe
        for dataset in test_set.datasets
        for arm, recipe in study.rows_on(test_set, dataset).items()
    }
    pairs = zip(counted["dataset"], counted["arm"], strict=True)
    rows = counted.assign(recipe=[recipes.get(pair, "") for pair in pairs])
    keep = rows["variant"].isin(test_set.variants) & rows["recipe"].ne("")
    if test_set.readers:
        keep &= rows["reader"].isin(test_set.readers)
    return rows[keep]


def _values_on(counted: pd.DataFrame, study: Study, test_set: TestSet) -> pd.DataFrame:
    rows = _rows_of(counted, study, test_set)
    by_variant = _averaged(rows)
    kinds = rows.groupby("dataset")["variant_kind"].agg(lambda kind: len(set(kind)))
    mixed = set(kinds.index[kinds > 1])
    grouped = by_variant.groupby(GROUP, sort=False)["counted"]
    values = grouped.agg(value="mean", defined="count", variants="size").reset_index()
    values["reason"] = ""
    values.loc[values["defined"].eq(0), "reason"] = "no defined value"
    if study.tables.paired:
        incomplete = values["defined"].lt(len(test_set.variants)) & values["reason"].eq("")
        values.loc[incomplete, "reason"] = "not every kernel has a value"
    values.loc[values["dataset"].isin(mixed), "reason"] = "native and other variants are never pooled"
    values.loc[values["reason"].ne(""), "value"] = float("nan")
    return values.assign(test_set=test_set.name)


def _averaged(rows: pd.DataFrame) -> pd.DataFrame:
    """Average readers, then examinations, then seeds and folds; NaN only where all are."""
    keys = [*GROUP, "variant", "seed", "fold", "case"]
    for drop in (0, 1, 3):
        level = keys[: len(keys) - drop]
        rows = rows.groupby(level, sort=False)["counted"].mean().reset_index()
    return rows

"""The patients of a cohort with their characteristics and the disease extent each model predicts."""

import numpy as np
import pandas as pd

from analysis.results import Results
from analysis.table_parts.model_rows import ModelRow
from benchmarks.study import Characteristic, Cohort

EXTENT = "extent"
EXAMINATION = ["dataset", "patient", "case"]
FIRST = "One examination per patient, the first listed."


def cohort_patients(results: Results, cohort: Cohort) -> pd.DataFrame:
    """Return the first examination of each patient of a cohort, with its covariates."""
    cases = results.cases
    chosen = cases["dataset"].isin(cohort.datasets)
    if cohort.role:
        chosen &= cases["role"].eq(cohort.role)
    return cases[chosen].drop_duplicates(["dataset", "patient"])


def quantity(patients: pd.DataFrame, covariate: str) -> pd.Series:
    """Return a covariate as numbers; NaN where it is not recorded or no number."""
    if covariate not in patients:
        return pd.Series(np.nan, index=patients.index)
    return pd.to_numeric(patients[covariate], errors="coerce").astype(float)


def has_value(patients: pd.DataFrame, characteristic: Characteristic) -> pd.Series:
    """Return whether each patient with a recorded covariate has one of the characteristic's values."""
    if characteristic.covariate not in patients:
        return pd.Series([], dtype=bool)
    recorded = patients[characteristic.covariate]
    recorded = recorded[recorded.notna() & recorded.astype(str).ne("")]
    return recorded.astype(str).isin(characteristic.values)


def predicted_extents(results: Results) -> pd.DataFrame:
    """Return the disease extent (%) of each examination by each model: predicted disease over predicted lung.

    All slices of the image count; seeds, folds and variants are averaged, emulated variants only where an
    examination has no native one.

    Returns
    -------
    DataFrame
        trainer, recipe, dataset, patient, case, value.
    """
    study, scores = results.study, results.scores
    recipes = {arm.name: arm.recipe for arm in study.arms}
    rows = scores[scores["metric"].eq(EXTENT) & scores["reader"].eq("") & scores["slices"].eq("all")]
    rows = rows[rows["arm"].isin(recipes) & rows["trainer"].isin([entry.name for entry in study.trainers])]
    rows = rows.assign(recipe=rows["arm"].map(recipes), native=rows["variant_kind"].eq("native"))
    keys = ["trainer", "recipe", *EXAMINATION]
    natives = rows.groupby(keys)["native"].transform("any") if len(rows) else rows["native"]
    rows = rows[rows["native"] | ~natives]
    by_variant = rows.groupby([*keys, "variant"], sort=False)["value"].mean().reset_index()
    return by_variant.groupby(keys, sort=False)["value"].mean().reset_index()


def extent_of(patients: pd.DataFrame, extents: pd.DataFrame, row: ModelRow) -> pd.Series:
    """Return the extent a model predicts for each patient of a cohort, indexed as the patients; NaN without one."""
    of_row = extents[extents["trainer"].eq(row.trainer) & extents["recipe"].eq(row.recipe)]
    merged = patients[EXAMINATION].merge(of_row, on=EXAMINATION, how="left")
    return pd.Series(merged["value"].to_numpy(dtype=np.float64), index=patients.index)


def decimals_of(values: pd.Series) -> int:
    """Return how many decimals show two digits of the median: none for whole numbers."""
    known = values.dropna()
    if known.empty or bool(known.eq(known.round()).all()) or abs(known.median()) >= 10:
        return 0
    return 1 if abs(known.median()) >= 1 else 2

"""The patients of a cohort with their characteristics and the disease extent each model predicts."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.errors import NotApplicableError
from analysis.results import Results
from analysis.table_parts.model_rows import ModelRow, model_rows
from benchmarks.study import Characteristic, Cohort, Study

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


def extent_models(study: Study) -> list[ModelRow]:
    """Return the competitors that measure an extent: what was trained, and baselines of a HU range."""
    return [row for row in model_rows(study) if row.trained or row.trainer == "hu_range"]


def predicted_extents(results: Results) -> pd.DataFrame:
    """Return the disease extent (%) of each examination by each model: predicted disease over predicted lung.

    All slices of the image count; seeds and folds are averaged. The images are of one variant: ``[scoring]
    own_variant`` if patients of the cohorts have it, else the first that every patient of the cohorts with a
    prediction has; a cohort that names its own ``variant`` is measured on that. Examinations without it have no row.
    The variant of trained models and that of each baseline are
    found separately, a baseline's among those it does not refuse; a baseline without a common variant has no rows.

    Returns
    -------
    DataFrame
        trainer, recipe, variant, dataset, patient, case, value.

    Raises
    ------
    NotApplicableError
        If the cohorts have no variant in common.
    """
    study, scores = results.study, results.scores
    recipes = {arm.name: arm.recipe for arm in study.arms} | {entry.name: entry.name for entry in study.baselines}
    rows = scores[scores["metric"].eq(EXTENT) & scores["reader"].eq("") & scores["slices"].eq("all")]
    rows = rows[rows["arm"].isin(recipes)]
    rows = rows.assign(recipe=rows["arm"].map(recipes))
    trained = rows[rows["trainer"].isin([entry.name for entry in study.trainers])]
    cohorts = _cohorts(study)
    parts = [_on_variants(results, trained, cohorts)]
    for row in extent_models(study):
        if not row.trained:
            own = rows[rows["trainer"].eq(row.trainer) & rows["recipe"].eq(row.recipe) & rows["value"].notna()]
            parts.append(_of_baseline(results, own, [replace(cohort, variant="") for cohort in cohorts]))
    keys = ["trainer", "recipe", "variant", *EXAMINATION]
    return pd.concat(parts).groupby(keys, sort=False)["value"].mean().reset_index()


def extent_variant_note(results: Results, extents: pd.DataFrame) -> str:
    """Return on which variant ``predicted_extents`` are, and how many patients of each cohort have none."""
    models = extent_models(results.study)
    words = []
    for cohort in _cohorts(results.study):
        patients = cohort_patients(results, cohort)
        without = {row.label: int(extent_of(patients, extents, row).isna().sum()) for row in models}
        label = cohort.label or cohort.name
        if len(set(without.values())) == 1:
            without = {"": next(iter(without.values()))}
        else:  # a model not tested on a cohort at all has no cell there
            without = {name: k for name, k in without.items() if k < len(patients)}
        words += [f"{name}{', ' * bool(name)}{label}: {k} of {len(patients)}" for name, k in without.items() if k]
    left_out = f" Patients without a prediction on it, left out: {'; '.join(words)}." if words else ""
    return f"Disease extent on images of the variant {_variant_words(results, models, extents)}.{left_out}"


def _variant_words(results: Results, models: Sequence[ModelRow], extents: pd.DataFrame) -> str:
    """Return ``LK``, or ``LK; External: SK; Histogram: MK`` where a cohort or a baseline was measured on another."""
    own = [cohort for cohort in _cohorts(results.study) if cohort.variant]
    others = [f"{cohort.label or cohort.name}: {cohort.variant}" for cohort in own]
    found: dict[str, list[str]] = {}
    for row in models:
        of_row = extents[extents["trainer"].eq(row.trainer) & extents["recipe"].eq(row.recipe)]
        variants = [str(name) for name in of_row["variant"].unique()]
        if row.trained:
            variants = [name for name in variants if name not in {cohort.variant for cohort in own}] or variants
        if variants:
            found.setdefault(variants[0], []).append(row.label)
    first, *rest = found
    return "; ".join([first, *others, *(f"{', '.join(found[name])}: {name}" for name in rest)])


def extent_of(patients: pd.DataFrame, extents: pd.DataFrame, row: ModelRow) -> pd.Series:
    """Return the extent a model predicts for each patient of a cohort, indexed as the patients; NaN without one."""
    of_row = extents[extents["trainer"].eq(row.trainer) & extents["recipe"].eq(row.recipe)]
    merged = patients[EXAMINATION].merge(of_row, on=EXAMINATION, how="left")
    return pd.Series(merged["value"].to_numpy(dtype=np.float64), index=patients.index)


def _cohorts(study: Study) -> tuple[Cohort, ...]:
    return (*study.tables.cohorts.cohorts, *study.tables.cohorts.external)


def _on_variants(results: Results, rows: pd.DataFrame, cohorts: Sequence[Cohort]) -> pd.DataFrame:
    """Return the rows on the variant of each patient's cohort, each once."""
    common = _one_variant(results, rows, [cohort for cohort in cohorts if not cohort.variant])
    parts = [_of_cohort(results, rows[rows["variant"].eq(cohort.variant or common)], cohort) for cohort in cohorts]
    return pd.concat([rows.iloc[:0], *parts]).loc[lambda frame: ~frame.index.duplicated()]


def _of_cohort(results: Results, rows: pd.DataFrame, cohort: Cohort) -> pd.DataFrame:
    patients = pd.MultiIndex.from_frame(cohort_patients(results, cohort)[EXAMINATION])
    return rows[pd.MultiIndex.from_frame(rows[EXAMINATION]).isin(patients)]


def _of_baseline(results: Results, rows: pd.DataFrame, cohorts: Sequence[Cohort]) -> pd.DataFrame:
    try:
        return _on_variants(results, rows, cohorts)
    except NotApplicableError:
        return rows.iloc[:0]


def _one_variant(results: Results, rows: pd.DataFrame, cohorts: Sequence[Cohort]) -> str:
    """Return the variant whose images these cohorts are measured on; empty without a prediction."""
    study = results.study
    patients = [_of_cohort(results, rows, cohort)[[*EXAMINATION, "variant"]].drop_duplicates() for cohort in cohorts]
    patients = [found for found in patients if len(found)]
    sizes = [len(found.drop_duplicates(EXAMINATION)) for found in patients]
    shown = {str(name) for found in patients for name in found["variant"]}
    tested = dict.fromkeys(name for entry in study.test_sets for name in entry.variants)
    order = [*(name for name in tested if name in shown), *sorted(shown - set(tested))]
    if study.scoring.own_variant in shown:
        return study.scoring.own_variant
    counts = {name: [int(found["variant"].eq(name).sum()) for found in patients] for name in order}
    common = [name for name, numbers in counts.items() if numbers == sizes]
    if not order or common:
        return common[0] if common else ""
    found = "; ".join(
        f"{name}: {', '.join(f'{k} of {n}' for k, n in zip(numbers, sizes, strict=True))}"
        for name, numbers in counts.items()
    )
    raise NotApplicableError(
        f"needs one variant on which every patient of every cohort has a predicted {EXTENT}; patients with one in each "
        f"cohort: {found}; or name a variant as [scoring] own_variant"
    )


def decimals_of(values: pd.Series) -> int:
    """Return how many decimals show two digits of the median: none for whole numbers."""
    known = values.dropna()
    if known.empty or bool(known.eq(known.round()).all()) or abs(known.median()) >= 10:
        return 0
    return 1 if abs(known.median()) >= 1 else 2

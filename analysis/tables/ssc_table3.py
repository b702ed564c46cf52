"""Table 3 of Chassagnon et al. 2020: correlation of the predicted disease extent with lung function."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import NotApplicableError
from analysis.results import Results
from analysis.statistics.clustered_spearman import RESAMPLES, clustered_spearman
from analysis.statistics.correlation import Correlation, spearman
from analysis.statistics.p_values import format_p
from analysis.table import Section, TableResult
from analysis.table_parts.cohort_values import (
    EXTENT,
    FIRST,
    cohort_patients,
    extent_models,
    extent_of,
    extent_variant_note,
    predicted_extents,
    quantity,
)
from analysis.table_parts.effect_cells import with_interval
from analysis.table_parts.frames import records
from analysis.table_parts.metric_notes import definition_note
from analysis.table_parts.model_rows import ModelRow
from benchmarks.study import Characteristic, Cohort

NAME = "ssc_table3"
TITLE = "Table 3. Correlation between disease extent and lung function"
FORMAT = (
    "Rank correlation ρ of the predicted disease extent with each parameter, over the patients with both values; P is "
    "not corrected for the number of parameters. Each n is in the CSV file."
)
STATISTICS = (
    "Spearman's rho; P by the t distribution (SciPy; R's cor.test with exact = FALSE); 95% interval by the percentile "
    f"bootstrap of patients, {RESAMPLES} resamples, seed 0, from 4 patients."
)
MOST_COLUMNS = 6
"""Cohorts times models that stand side by side, as in the paper; of more, each cohort has a block of its own."""
GROUPS = (
    "Each cohort stands above its own columns, which the headings of the printed table do not; the text of the paper "
    "gives test (n = 20), correlation (n = 171) and external (n = 31) in this order."
)


def make(results: Results) -> TableResult:
    """Return Table 3: a row per lung-function parameter, for each cohort and model ρ with its interval and P.

    Raises
    ------
    NotApplicableError
        If the study names no cohorts or lung function, no cohort has predicted extents, or the cohorts have no variant
        in common.
    """
    settings = results.study.tables.cohorts
    cohorts = (*settings.cohorts, *settings.external)
    if not cohorts or not settings.lung_function:
        raise NotApplicableError("needs [tables.cohorts] cohorts and lung_function")
    extents = predicted_extents(results)
    models = extent_models(results.study)
    cells = [
        cell
        for cohort in cohorts
        for model in models
        for cell in _cells(cohort_patients(results, cohort), cohort, model, settings.lung_function, extents)
    ]
    if not cells:
        raise NotApplicableError(
            f"needs scores of the metric {EXTENT} on patients of a cohort: [scoring] lung, disease"
        )
    frame = pd.DataFrame(cells)
    notes = (
        FORMAT,
        STATISTICS,
        GROUPS,
        FIRST,
        definition_note(results, EXTENT),
        extent_variant_note(results, extents),
        *_left_out(frame),
        *_undefined(frame),
    )
    return TableResult(frame, notes, tuple(_sections(frame)))


def _cells(
    patients: pd.DataFrame,
    cohort: Cohort,
    model: ModelRow,
    parameters: Sequence[Characteristic],
    extents: pd.DataFrame,
) -> list[dict[str, Any]]:
    """Return a row per parameter; none for a cohort the model was not tested on."""
    extent = extent_of(patients, extents, model)
    if extent.isna().all():
        return []
    cells = []
    for entry in parameters:
        parameter = quantity(patients, entry.covariate)
        both = extent.notna() & parameter.notna()
        found = _correlation(extent[both], parameter[both])
        cells.append({
            "parameter": entry.label or entry.covariate, "cohort": cohort.name,
            "cohort_label": cohort.label or cohort.name,
            "trainer": model.trainer, "arm": model.recipe, "model": model.label, "patients": len(patients),
            "n": found.n, "rho": found.estimate, "low": found.low, "high": found.high, "p": found.p,
            "reason": found.reason,
        })  # fmt: skip
    return cells


def _correlation(extent: pd.Series, parameter: pd.Series) -> Correlation:
    """Return rho and P with the bootstrap interval; without one where rho is perfect or patients are too few."""
    x, y = extent.to_numpy(dtype=np.float64), parameter.to_numpy(dtype=np.float64)
    found = spearman(x, y)
    if found.reason:
        return replace(found, low=np.nan, high=np.nan)
    interval = clustered_spearman(x, y, np.arange(len(x)))
    return replace(found, low=interval.low, high=interval.high)


def _sections(frame: pd.DataFrame) -> list[Section]:
    """Return one block, or one for each cohort if it would be too wide."""
    if len(frame[["cohort", "model"]].drop_duplicates()) <= MOST_COLUMNS:
        return [Section("", _printed(frame))]
    return [Section("", _printed(block)) for _, block in frame.groupby("cohort", sort=False)]


def _printed(frame: pd.DataFrame) -> pd.DataFrame:
    columns: dict[tuple[str, str, str], list[str]] = {}
    for (label, patients, model), cells in frame.groupby(["cohort_label", "patients", "model"], sort=False):
        top = f"{label} (n = {patients})"
        columns[top, str(model), "ρ (95% CI)"] = [
            with_interval(row["rho"], row["low"], row["high"], decimals=2) for row in records(cells)
        ]
        columns[top, str(model), "P Value"] = [format_p(value, style="radiology") for value in cells["p"]]
    index = pd.Index(frame["parameter"].drop_duplicates(), name="Parameter")
    text = pd.DataFrame(columns, index=index)
    text.columns = pd.MultiIndex.from_tuples(list(columns))
    return text


def _left_out(frame: pd.DataFrame) -> list[str]:
    fewer = frame[frame["n"].lt(frame["patients"])]
    words = [
        f"{row['parameter']}, {row['cohort_label']}, {row['model']}: {row['patients'] - row['n']} of {row['patients']}"
        for row in fewer.to_dict("records")
    ]
    return [f"Patients without extent or parameter, left out: {'; '.join(words)}."] if words else []


def _undefined(frame: pd.DataFrame) -> list[str]:
    return [
        f"{row['parameter']}, {row['cohort_label']}, {row['model']}: {row['reason']}."
        for row in frame[frame["reason"].ne("")].to_dict("records")
    ]

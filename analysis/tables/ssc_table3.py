"""Table 3 of Chassagnon et al. 2020: correlation of the predicted disease extent with lung function."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import NotApplicableError
from analysis.results import Results
from analysis.statistics.correlation import SPEARMAN_NOTE, spearman
from analysis.statistics.p_values import format_p
from analysis.statistics.summary import NO_VALUE
from analysis.table import Section, TableResult
from analysis.table_parts.cohort_values import (
    EXTENT,
    FIRST,
    cohort_patients,
    extent_of,
    extent_variant_note,
    predicted_extents,
    quantity,
)
from analysis.table_parts.metric_notes import definition_note
from analysis.table_parts.model_rows import ModelRow, model_rows
from benchmarks.study import Characteristic, Cohort

NAME = "ssc_table3"
TITLE = "Table 3. Correlation between disease extent and lung function"
FORMAT = (
    "Rank correlation ρ of the predicted disease extent with each parameter, over the patients with both values; P is "
    "not corrected for the number of parameters. Intervals of ρ and each n are in the CSV file."
)
GROUPS = (
    "Each cohort stands above its own columns, which the headings of the printed table do not; the text of the paper "
    "gives test (n = 20), correlation (n = 171) and external (n = 31) in this order."
)


def make(results: Results) -> TableResult:
    """Return Table 3: a row per lung-function parameter, for each cohort and model the columns ρ and P.

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
    models = [row for row in model_rows(results.study) if row.trained]
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
        SPEARMAN_NOTE,
        GROUPS,
        FIRST,
        definition_note(results, EXTENT),
        extent_variant_note(results, extents),
        *_left_out(frame),
        *_undefined(frame),
    )
    return TableResult(frame, notes, (Section("", _printed(frame)),))


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
        found = spearman(extent[both].to_numpy(), parameter[both].to_numpy(dtype=np.float64))
        cells.append({
            "parameter": entry.label or entry.covariate, "cohort": cohort.name,
            "cohort_label": cohort.label or cohort.name,
            "trainer": model.trainer, "arm": model.recipe, "model": model.label, "patients": len(patients),
            "n": found.n, "rho": found.estimate, "low": found.low, "high": found.high, "p": found.p,
            "reason": found.reason,
        })  # fmt: skip
    return cells


def _printed(frame: pd.DataFrame) -> pd.DataFrame:
    columns: dict[tuple[str, str, str], list[str]] = {}
    for (label, patients, model), cells in frame.groupby(["cohort_label", "patients", "model"], sort=False):
        top = f"{label} (n = {patients})"
        columns[top, str(model), "ρ Value"] = [_rho(value) for value in cells["rho"]]
        columns[top, str(model), "P Value"] = [format_p(value, style="radiology") for value in cells["p"]]
    index = pd.Index(frame["parameter"].drop_duplicates(), name="Parameter")
    text = pd.DataFrame(columns, index=index)
    text.columns = pd.MultiIndex.from_tuples(list(columns))
    return text


def _rho(value: float) -> str:
    return NO_VALUE if np.isnan(value) else f"{value:.2f}".replace("-", "−")


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

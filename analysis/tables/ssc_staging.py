"""Limited and extensive disease by the predicted disease extent and FVC (Goh 2008), and agreement with the readers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import NotApplicableError
from analysis.results import Results
from analysis.statistics.goh_staging import STAGING_NOTE, Staging, goh_stage
from analysis.statistics.kappa import KAPPA_NOTE, clustered_kappa
from analysis.statistics.summary import format_count
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
from analysis.table_parts.reference_extents import reference_extents
from benchmarks.study import Cohort

NAME = "ssc_staging"
TITLE = "Staging of the lung disease by extent and forced vital capacity"
READERS = "Readers"
FORMAT = "Numbers of patients with percentages of those with a stage in parentheses."
AGREEMENT = (
    f"{READERS}: staged by the mean of the readers' extents, each on the slices the reader annotated; models on all "
    "slices. Agreement is of the model's stage with that of the readers, with the same FVC in both."
)
HEADS = {
    "limited": "Limited",
    "extensive": "Extensive",
    "fvc": "Decided by FVC",
    "extent_only": "20 % rule only",
    "not_stageable": "No stage",
}


def make(results: Results) -> TableResult:
    """Return a block per cohort: a row per model, and one for the readers where they outlined the disease.

    Raises
    ------
    NotApplicableError
        If the study names no cohorts, no cohort has predicted extents, or the cohorts have no variant in common.
    """
    settings = results.study.tables.cohorts
    cohorts = (*settings.cohorts, *settings.external)
    if not cohorts:
        raise NotApplicableError("needs [tables.cohorts] cohorts")
    extents = predicted_extents(results)
    rows = [row for cohort in cohorts for row in _rows(results, cohort, extents)]
    if not rows:
        raise NotApplicableError(
            f"needs scores of the metric {EXTENT} on patients of a cohort: [scoring] lung, disease"
        )
    frame = pd.DataFrame(rows)
    fvc = f"FVC: {settings.fvc}." if settings.fvc else "No FVC is named ([tables.cohorts] fvc): the extent decides."
    notes = [FORMAT, STAGING_NOTE, fvc]
    notes += [AGREEMENT, KAPPA_NOTE] if frame["kappa_n"].gt(0).any() else []
    notes += [FIRST, definition_note(results, EXTENT), extent_variant_note(results, extents), *_reasons(frame)]
    blocks = [block for _, block in frame.groupby("cohort", sort=False)]
    return TableResult(frame, tuple(notes), tuple(_section(block) for block in blocks))


def _rows(results: Results, cohort: Cohort, extents: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a cohort; none of a model that was not tested on it."""
    patients = cohort_patients(results, cohort)
    fvc = quantity(patients, results.study.tables.cohorts.fvc)
    drawn = reference_extents(results, patients)
    words = {"cohort": cohort.name, "cohort_label": cohort.label or cohort.name, "patients": len(patients)}
    read = _stages(drawn, fvc)
    rows = []
    for model in extent_models(results.study):
        extent = extent_of(patients, extents, model)
        if extent.notna().any():
            stages = _stages(extent, fvc)
            named = {"trainer": model.trainer, "arm": model.recipe, "model": model.label}
            rows.append(words | named | _counts(stages) | _agreement(stages, read))
    if rows and drawn.notna().any():
        nobody = {"trainer": "", "arm": "", "model": READERS, "kappa_n": 0}
        rows.append(words | nobody | _counts(read))
    return rows


def _stages(extent: pd.Series, fvc: pd.Series) -> list[Staging]:
    return [goh_stage(float(part), float(value)) for part, value in zip(extent, fvc, strict=True)]


def _counts(stages: Sequence[Staging]) -> dict[str, Any]:
    found = {
        "staged": sum(bool(entry.stage) for entry in stages),
        "limited": sum(entry.stage == "limited" for entry in stages),
        "extensive": sum(entry.stage == "extensive" for entry in stages),
        "fvc": sum(entry.rule == "fvc" for entry in stages),
        "extent_only": sum(entry.rule == "20 % rule only" for entry in stages),
        "not_stageable": sum(not entry.stage for entry in stages),
    }
    reasons = pd.Series([entry.reason for entry in stages if entry.reason], dtype=str).value_counts()
    return found | {"reason": "; ".join(f"{number} {reason}" for reason, number in reasons.items())}


def _agreement(stages: Sequence[Staging], read: Sequence[Staging]) -> dict[str, Any]:
    pairs = [(drawn.stage, own.stage) for drawn, own in zip(read, stages, strict=True) if drawn.stage and own.stage]
    kappa = clustered_kappa([first for first, _ in pairs], [second for _, second in pairs], np.arange(len(pairs)))
    agreed = sum(first == second for first, second in pairs)
    return {
        "kappa_n": kappa.n, "agreed": agreed, "kappa": kappa.estimate, "kappa_low": kappa.low,
        "kappa_high": kappa.high, "kappa_reason": kappa.reason if pairs else "",
    }  # fmt: skip


def _section(block: pd.DataFrame) -> Section:
    lines = []
    for row in records(block):
        counts = [format_count(int(row[name]), int(row["staged"])) for name in HEADS if name != "not_stageable"]
        agreed, kappa = "", ""
        if row["kappa_n"]:
            agreed = f"{int(row['agreed'])} of {int(row['kappa_n'])}"
            kappa = with_interval(row["kappa"], row["kappa_low"], row["kappa_high"], decimals=2)
        lines.append([*counts, str(row["not_stageable"]), agreed, kappa])
    first = records(block)[0]
    title = f"{first['cohort_label']} (n = {first['patients']})"
    heads = [*HEADS.values(), "Same stage as readers", "κ (95% CI)"]
    index = pd.Index(block["model"], name="Model")
    text = pd.DataFrame(lines, index=index, columns=heads)
    return Section(title, text if block["kappa_n"].gt(0).any() else text[heads[:-2]])


def _reasons(frame: pd.DataFrame) -> list[str]:
    """Name why patients have no stage, and why an agreement is not defined."""
    notes = []
    for row in records(frame):
        where = f"{row['model']}, {row['cohort_label']}"
        if row["reason"] and (row["model"] != READERS or row["staged"]):
            notes.append(f"No stage, {where}: {row['reason']} of {row['patients']}.")
        if isinstance(row.get("kappa_reason"), str) and row["kappa_reason"]:
            notes.append(f"κ of {where}: {row['kappa_reason']}.")
    return notes

"""Table 1 of Chassagnon et al. 2020: characteristics of the patients of each cohort."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import NotApplicableError
from analysis.results import Results
from analysis.statistics.p_values import format_p
from analysis.statistics.summary import format_count, format_median_iqr, summarise
from analysis.table import INDENT, Section, TableResult
from analysis.table_parts.cohort_tests import TEST_NOTE, TOO_FEW, compare_cohorts, refuse_shared_patients
from analysis.table_parts.cohort_values import (
    EXTENT,
    FIRST,
    cohort_patients,
    decimals_of,
    extent_models,
    extent_of,
    extent_variant_note,
    has_value,
    predicted_extents,
    quantity,
)
from analysis.table_parts.metric_notes import definition_note
from benchmarks.study import Characteristic, Cohort, CohortTables

NAME = "ssc_table1"
TITLE = "Table 1. Characteristics of the patients"
FORMAT = "Medians with quartiles in brackets; numbers of patients with percentages in parentheses."
NOT_DETERMINED, NO_PREDICTION = "ND", "..."
ABBREVIATIONS = f"{NOT_DETERMINED}: not recorded in any patient of the cohort; {NO_PREDICTION}: no prediction."
EXTENT_HEADING = "Disease extent§"
EXTENT_NOTE = "§ Percentage of the lung volume on CT: predicted disease over predicted lung, all slices."


@dataclass(frozen=True)
class Row:
    """One characteristic with its values in every cohort."""

    heading: str
    label: str
    kind: str
    groups: tuple[pd.Series, ...]
    decimals: int = 0

    def cell(self, group: pd.Series) -> str:
        """Return what is printed for one cohort."""
        known = group.dropna()
        if known.empty:
            return NO_PREDICTION if self.kind == EXTENT else NOT_DETERMINED
        if self.kind == "count":
            return format_count(int(known.sum()), len(known))
        return format_median_iqr(summarise(known), decimals=self.decimals)


def make(results: Results) -> TableResult:
    """Return Table 1: a row per characteristic and per model's disease extent, a column per cohort.

    Raises
    ------
    NotApplicableError
        If the study names no cohorts or no characteristics.
    AnalysisError
        If two cohorts that are compared share patients.
    """
    settings = results.study.tables.cohorts
    if not settings.cohorts or not settings.characteristics:
        raise NotApplicableError("needs [tables.cohorts] cohorts and characteristics")
    cohorts = (*settings.cohorts, *settings.external)
    patients = [cohort_patients(results, cohort) for cohort in cohorts]
    for compared in _families(settings):
        named = zip(cohorts, patients, strict=True)
        refuse_shared_patients({cohort.name: group for cohort, group in named if cohort.name in compared})
    extents, extent_notes = _extent_rows(results, patients)
    rows = [_row(entry, patients) for entry in settings.characteristics] + extents
    cells = [cell for row in rows for cell in _cells(row, settings, cohorts, patients)]
    frame = pd.DataFrame(cells)
    section = Section("", _printed(rows, frame, settings, sizes=[len(group) for group in patients]))
    notes = [FORMAT, FIRST, ABBREVIATIONS, *_comparisons(settings), TEST_NOTE]
    return TableResult(frame, (*notes, *extent_notes, *_missing(frame), *_undefined(frame)), (section,))


def _row(entry: Characteristic, patients: Sequence[pd.DataFrame]) -> Row:
    label = entry.label or entry.covariate
    if entry.kind == "count":
        return Row(entry.heading, label, "count", tuple(has_value(group, entry) for group in patients))
    groups = tuple(quantity(group, entry.covariate) for group in patients)
    return Row(entry.heading, label, "quantity", groups, decimals_of(pd.concat(groups)))


def _extent_rows(results: Results, patients: Sequence[pd.DataFrame]) -> tuple[list[Row], list[str]]:
    """Return the rows of the models with their notes; none, and why, if the cohorts cannot be compared."""
    try:
        extents = predicted_extents(results)
    except NotApplicableError as error:
        return [], [f"Disease extent left out: {error}."]
    rows = [
        Row(EXTENT_HEADING, model.label, EXTENT, tuple(extent_of(group, extents, model) for group in patients), 1)
        for model in extent_models(results.study)
    ]
    rows = [row for row in rows if any(group.notna().any() for group in row.groups)]
    notes = [EXTENT_NOTE, definition_note(results, EXTENT), extent_variant_note(results, extents)] if rows else []
    return rows, notes


def _cells(
    row: Row, settings: CohortTables, cohorts: Sequence[Cohort], patients: Sequence[pd.DataFrame]
) -> list[dict[str, Any]]:
    """Return a row of the frame per cohort, then one per test."""
    words = {"heading": row.heading, "characteristic": row.label, "kind": row.kind}
    cells = [
        words | {"cohort": cohort.name, "compared": "", "patients": len(group), **_numbers(row, values)}
        for cohort, values, group in zip(cohorts, row.groups, patients, strict=True)
    ]
    for compared in _families(settings):
        chosen = [group for cohort, group in zip(cohorts, row.groups, strict=True) if cohort.name in compared]
        test = compare_cohorts(chosen, counts=row.kind == "count")
        cells.append(
            words
            | {"cohort": "", "compared": ", ".join(compared), "n": sum(int(group.notna().sum()) for group in chosen)}
            | {"test": test.name, "statistic": test.statistic, "p": test.p, "reason": test.reason}
        )
    return cells


def _numbers(row: Row, values: pd.Series) -> dict[str, Any]:
    known = values.dropna()
    if row.kind == "count":
        number = int(known.sum())
        return {"n": len(known), "number": number, "percent": 100 * number / len(known) if len(known) else np.nan}
    summary = summarise(known)
    return {name: getattr(summary, name) for name in ("n", "median", "q1", "q3")}


def _families(settings: CohortTables) -> list[tuple[str, ...]]:
    """Return the cohorts of each comparison: all of the study, then each external one with its counterpart."""
    families = [tuple(cohort.name for cohort in settings.cohorts)] if len(settings.cohorts) > 1 else []
    if settings.external_against:
        families += [(settings.external_against, cohort.name) for cohort in settings.external]
    return families


def _printed(rows: Sequence[Row], frame: pd.DataFrame, settings: CohortTables, *, sizes: Sequence[int]) -> pd.DataFrame:
    tests = frame[frame["compared"].ne("")]
    names, lines = [], []
    for position, row in enumerate(rows):
        if row.heading and (not position or rows[position - 1].heading != row.heading):
            names.append(row.heading)
            lines.append([""] * len(_heads(settings, sizes)))
        cells = [row.cell(group) for group in row.groups]
        of_row = tests[tests["heading"].eq(row.heading) & tests["characteristic"].eq(row.label)]
        p = [_p(test) for test in of_row.to_dict("records")]
        names.append((INDENT if row.heading else "") + row.label)
        lines.append(_interleaved(cells, p, settings))
    return pd.DataFrame(lines, index=pd.Index(names, name="Parameter"), columns=_heads(settings, sizes))


def _heads(settings: CohortTables, sizes: Sequence[int]) -> list[str]:
    cohorts = (*settings.cohorts, *settings.external)
    labels = [f"{cohort.label or cohort.name} (n = {size})" for cohort, size in zip(cohorts, sizes, strict=True)]
    marks = ["P Value*"] if len(settings.cohorts) > 1 else []
    marks += ["P Value†"] * len(settings.external) if settings.external_against else []
    return _interleaved(labels, marks, settings)


def _interleaved(cells: Sequence[str], tests: Sequence[str], settings: CohortTables) -> list[str]:
    """Return the cells of the study's cohorts, their P value, then each external cohort with its own."""
    left, line = list(tests), list(cells[: len(settings.cohorts)])
    if len(settings.cohorts) > 1:
        line.append(left.pop(0))
    for cell in cells[len(settings.cohorts) :]:
        line += [cell, left.pop(0)] if settings.external_against else [cell]
    return line


def _p(test: dict[Any, Any]) -> str:
    return "" if test["reason"] == TOO_FEW else format_p(test["p"], style="radiology")


def _comparisons(settings: CohortTables) -> list[str]:
    labels = {entry.name: entry.label or entry.name for entry in (*settings.cohorts, *settings.external)}
    notes = []
    if len(settings.cohorts) > 1:
        notes.append(f"* Comparison among {', '.join(labels[entry.name] for entry in settings.cohorts)}.")
    if settings.external_against:
        against = labels[settings.external_against]
        notes += [f"† Comparison between {against} and {labels[entry.name]}." for entry in settings.external]
    return notes


def _missing(frame: pd.DataFrame) -> list[str]:
    """Name the characteristics that are not recorded in every patient of a cohort."""
    cells = frame[frame["cohort"].ne("") & frame["kind"].ne(EXTENT)]
    missing = cells[cells["n"].lt(cells["patients"]) & cells["n"].gt(0)]
    words = [
        f"{row['characteristic']} in {row['cohort']}: {row['patients'] - row['n']:.0f} of {row['patients']:.0f}"
        for row in missing.to_dict("records")
    ]
    return [f"Not recorded, left out: {'; '.join(words)}."] if words else []


def _undefined(frame: pd.DataFrame) -> list[str]:
    tests = frame[frame["compared"].ne("") & frame["p"].isna() & frame["reason"].ne(TOO_FEW)]
    return [
        f"{row['characteristic']}, {row['compared']}: not defined: {row['reason']}." for row in tests.to_dict("records")
    ]

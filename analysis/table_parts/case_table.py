"""What Tables III and IV of Hofmanninger et al. 2020 share: the values of every column, cells and notes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.aggregate import printed_structures
from analysis.errors import NotApplicableError
from analysis.results import Results
from analysis.shared_values import shared_case_values
from analysis.table_parts.case_cells import PRINTED, CaseColumn, case_columns, case_summary, cases_of
from analysis.table_parts.metric_notes import count_note, definition_note
from analysis.table_parts.model_rows import ModelRow, of_model
from analysis.table_parts.note_words import no_distance_words, prediction_notes, sentence
from analysis.variant_kinds import sets_by_kind

ROUNDING = (
    "Means over cases (one image of one examination), readers averaged first; ± sample standard deviation. Rounded to "
    "two decimals; pooled columns without a trailing zero, as in the paper."
)
INFINITE = (
    "(k without distance): k cases with an infinite distance, whatever its reason (missed, nothing to find, or, scored "
    "slice by slice, a slice that shows one mask only), are not in mean±STD."
)


@dataclass(frozen=True)
class CaseTable:
    """The columns of a table and the case values of every metric in it."""

    columns: tuple[CaseColumn, ...]
    values: Mapping[str, pd.DataFrame]

    def of(self, structure: str) -> "CaseTable":
        """Return the same for one structure only."""
        chosen = {metric: frame[frame["structure"].eq(structure)] for metric, frame in self.values.items()}
        return CaseTable(self.columns, chosen)

    def cell(self, row: ModelRow, column: CaseColumn, *, only: pd.MultiIndex | None = None) -> dict[str, Any]:
        """Return the summary of one cell, over all its cases or only over those named."""
        cases = cases_of(of_model(self.values[column.metric], row), column)
        return case_summary(cases if only is None else cases[case_keys(cases).isin(only)])


def case_keys(cases: pd.DataFrame) -> pd.MultiIndex:
    """Return what tells cases apart."""
    return pd.MultiIndex.from_frame(cases[["dataset", "patient", "case", "variant"]])


def case_table(results: Results, *, slices: str) -> CaseTable:
    """Return the columns and values of all test sets scored on these slices.

    Raises
    ------
    NotApplicableError
        If the study has no such test set or the run no DSC.
    """
    study = results.study
    sets = [entry.name for entry in study.test_sets if entry.slices == slices]
    if not sets:
        raise NotApplicableError(f"needs test sets with slices = {slices!r}")
    scored = set(results.scores["metric"])
    if "DSC" not in scored:
        raise NotApplicableError("needs scores of the metric DSC")
    metrics = [name for name in PRINTED if name in scored]
    columns = case_columns(study, slices=slices, metrics=metrics, by_kind=sets_by_kind(results.scores, study))
    used = dict.fromkeys(column.metric for column in columns)
    frames = {metric: shared_case_values(results, metric=metric) for metric in used}
    structures = printed_structures(study)
    return CaseTable(
        tuple(columns),
        {
            name: frame[frame["test_set"].isin(sets) & frame["structure"].isin(structures)]
            for name, frame in frames.items()
        },
    )


def case_notes(results: Results, table: CaseTable) -> tuple[str, ...]:
    """Return the notes on rounding, pools, definitions and counts."""
    study = results.study
    known = {entry.name: entry.label for entry in study.test_sets}
    words = {pool.name: sentence(pool.note) for pool in study.tables.pools if pool.note}
    pools = []
    for column in {(column.pool, column.label): column for column in table.columns if column.pooled}.values():
        members = ", ".join(known[name] for name in column.test_sets)
        text = sentence(f"{column.label}: {_number(table, column.test_sets)} cases of {members}")
        pools.append(" ".join(filter(None, [text, words.get(column.pool)])))
    missing = [
        f"{name} is not scored in this run; its column is left out." for name in PRINTED if name not in table.values
    ]
    notes = [definition_note(results, metric) for metric in table.values]
    counts = [
        count_note(frame, metric, what="values (cases x models x structures)") for metric, frame in table.values.items()
    ]
    infinite = [INFINITE] if any(no_distance_words(frame) for frame in table.values.values()) else []
    return (ROUNDING, *infinite, *pools, *missing, *notes, *prediction_notes(table.values["DSC"]), *counts)


def _number(table: CaseTable, members: Sequence[str]) -> int:
    frame = table.values["DSC"]
    return int(case_keys(frame[frame["test_set"].isin(members)]).nunique())

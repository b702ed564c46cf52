"""Table IV of Hofmanninger et al. 2020: trained models and reference systems on full volumes, means over cases."""

from typing import Any

import pandas as pd

from analysis.errors import NotApplicableError
from analysis.results import Results
from analysis.table import Section, TableResult
from analysis.table_parts.case_cells import CaseColumn, best_cells, cases_of, header, printed_cell
from analysis.table_parts.case_table import CaseTable, case_keys, case_notes, case_table
from analysis.table_parts.frames import records
from analysis.table_parts.model_rows import ModelRow, model_rows, of_model, structures_of
from benchmarks.study import Study

NAME = "diversity_table4"
TITLE = "Table IV. Evaluation on full volumes, beside the reference systems"
SPANNING = "Test datasets (DSC) - Full volumes"
BOLD = (
    "Bold: the best as printed (none where all tie), among all rows above the rows marked ** and within each pair of "
    "those."
)
RESTRICTED = (
    "**: only cases on which this reference system did not fail and its DSC was larger than 0 (#cases: how many of "
    "all); the trained model beside it is the first of the table."
)
NONE_FAILED = "No reference system failed on a case or had DSC 0, so no rows are restricted."


def make(results: Results) -> TableResult:
    """Return Table IV: a row per trained model and reference system, then the restricted rows of each that failed.

    Raises
    ------
    NotApplicableError
        If no test set has ``slices = "all"``, or none of them was scored.
    """
    study, table = results.study, case_table(results, slices="all")
    cells: list[dict[str, Any]] = []
    sections = []
    structures = structures_of(study, table.values["DSC"])
    for structure in structures:
        found = _cells(study, table.of(structure))
        cells += [{"structure": structure, **cell} for cell in found]
        sections.append(_section(table, found, title=structure if len(structures) > 1 else ""))
    if not cells:
        raise NotApplicableError("needs a model scored on all slices of a test set")
    frame = pd.DataFrame(cells).drop(columns=["row", "place"])
    restricted = RESTRICTED if frame["restricted_to"].ne("").any() else NONE_FAILED
    return TableResult(frame, (BOLD, restricted, *case_notes(results, table)), tuple(sections))


def _cells(study: Study, table: CaseTable) -> list[dict[str, Any]]:
    """Return all cells of a structure; ``row`` numbers the printed rows of numbers."""
    scored = [row for row in model_rows(study, named="both") if len(of_model(table.values["DSC"], row))]
    lines: list[tuple[ModelRow, ModelRow | None]] = [(row, None) for row in scored]
    for reference in scored:
        if not reference.trained and scored[0].trained and _fails(table, reference):
            lines += [(scored[0], reference), (reference, reference)]
    return [
        {"row": index, "place": place, **_cell(table, row, column, reference)}
        for index, (row, reference) in enumerate(lines)
        for place, column in enumerate(table.columns)
    ]


def _cell(table: CaseTable, row: ModelRow, column: CaseColumn, reference: ModelRow | None) -> dict[str, Any]:
    done = None if reference is None else _done(table, reference, column)
    everything = len(cases_of(of_model(table.values["DSC"], row), column))
    return {
        "trainer": row.trainer, "arm": row.recipe, "label": row.label,
        "restricted_to": "" if reference is None else reference.recipe, "metric": column.metric,
        "column": column.label, "pooled": column.pooled, "cases": everything if done is None else len(done),
        "all_cases": everything, **table.cell(row, column, only=done),
    }  # fmt: skip


def _fails(table: CaseTable, reference: ModelRow) -> bool:
    return any(
        len(_done(table, reference, column)) < len(cases_of(of_model(table.values["DSC"], reference), column))
        for column in table.columns
    )


def _done(table: CaseTable, reference: ModelRow, column: CaseColumn) -> pd.MultiIndex:
    """Return the cases of a column on which a reference system did not fail and overlapped."""
    cases = cases_of(of_model(table.values["DSC"], reference), column)
    return case_keys(cases[~cases["status"].isin(("missing", "failed")) & cases["value"].gt(0)])


def _section(table: CaseTable, cells: list[dict[str, Any]], *, title: str) -> Section:
    frame = pd.DataFrame(cells)
    names: list[str] = []
    text: list[list[str]] = []
    place: dict[Any, int] = {}
    for row, line in frame.groupby("row"):
        found = records(line)
        first = found[0]
        place[row] = len(names)
        names.append(first["label"] + ("**" if first["restricted_to"] else ""))
        text.append([printed_cell(cell, pooled=cell["pooled"]) for cell in found])
        if first["restricted_to"] == first["arm"]:
            names.append(f"{first['label']} #cases**")
            text.append([_number(cell) for cell in found])
    index = pd.Index(names, name="Architecture")
    printed = pd.DataFrame(text, index=index, columns=header(table.columns, spanning=SPANNING))
    return Section(title, printed, bold=_bold(frame.assign(row=frame["row"].map(place))))


def _number(cell: dict[str, Any]) -> str:
    """Return ``96/105`` under a test set and, other than in the paper, under the pools."""
    return f"{cell['cases']}/{cell['all_cases']}"


def _bold(frame: pd.DataFrame) -> frozenset[tuple[int, int]]:
    best = [
        best_cells(rows[["row", "place", "metric", "mean"]].itertuples(index=False, name=None))
        for _, rows in frame.groupby("restricted_to")
    ]
    return frozenset(position for positions in best for position in positions)

"""Table III of Hofmanninger et al. 2020: architectures by training sets on lung slices, means over cases."""

from typing import Any

import pandas as pd

from analysis.errors import NotApplicableError
from analysis.results import Results
from analysis.table import Section, TableResult
from analysis.table_parts.case_cells import best_cells, header, printed_cell
from analysis.table_parts.case_table import CaseTable, case_notes, case_table
from analysis.table_parts.frames import records
from analysis.table_parts.model_rows import model_rows, of_model, structures_of
from benchmarks.study import Study

NAME = "diversity_table3"
TITLE = "Table III. Evaluation after training segmentation architectures on different training sets, lung slices only"
SPANNING = "Test datasets (DSC) - Lung slices only"
BOLD = (
    "Bold: the best training set of an architecture as printed (highest DSC, lowest HD95 and MSD); ties are all bold, "
    "none where all tie."
)


def make(results: Results) -> TableResult:
    """Return Table III: a block per structure, a row per architecture and training set.

    The machine-readable frame has one row per cell with the unrounded mean, SD and median, the number of cases ``n``
    with a value, and how many were infinite, missed and undefined.

    Raises
    ------
    NotApplicableError
        If no test set has ``slices = "lung"``, or none of them was scored.
    """
    study, table = results.study, case_table(results, slices="lung")
    cells: list[dict[str, Any]] = []
    sections = []
    structures = structures_of(study, table.values["DSC"])
    for structure in structures:
        found = _cells(study, table.of(structure))
        cells += [{"structure": structure, **cell} for cell in found]
        sections.append(_section(study, table, found, title=structure if len(structures) > 1 else ""))
    if not cells:
        raise NotApplicableError("needs a trained model scored on the lung slices of a test set")
    frame = pd.DataFrame(cells).drop(columns=["row", "place"])
    return TableResult(frame, (BOLD, *case_notes(results, table)), tuple(sections))


def _cells(study: Study, table: CaseTable) -> list[dict[str, Any]]:
    rows = [row for row in model_rows(study) if row.trained and len(of_model(table.values["DSC"], row))]
    return [
        {
            "row": index, "place": place, "trainer": row.trainer, "arm": row.recipe, "metric": column.metric,
            "column": column.label, "pooled": column.pooled, **table.cell(row, column),
        }
        for index, row in enumerate(rows)
        for place, column in enumerate(table.columns)
    ]  # fmt: skip


def _section(study: Study, table: CaseTable, cells: list[dict[str, Any]], *, title: str) -> Section:
    trainers = {entry.name: entry.label for entry in study.trainers}
    frame = pd.DataFrame(cells)
    text = [[printed_cell(cell, pooled=cell["pooled"]) for cell in records(rows)] for _, rows in frame.groupby("row")]
    names = frame.drop_duplicates("row")
    index = pd.MultiIndex.from_arrays(
        [names["trainer"].map(trainers), names["arm"]], names=["Architecture", "Trainingset"]
    )
    printed = pd.DataFrame(text, index=index, columns=header(table.columns, spanning=SPANNING))
    return Section(title, printed, bold=_bold(frame))


def _bold(frame: pd.DataFrame) -> frozenset[tuple[int, int]]:
    best = [
        best_cells(rows[["row", "place", "metric", "mean"]].itertuples(index=False, name=None))
        for _, rows in frame.groupby("trainer")
    ]
    return frozenset(position for positions in best for position in positions)

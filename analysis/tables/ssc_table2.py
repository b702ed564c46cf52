"""Table 2 of Chassagnon et al. 2020: agreement between readers, and between each reader and each model."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.aggregate import printed_structures
from analysis.errors import NotApplicableError
from analysis.results import Results
from analysis.score_rows import mean_by
from analysis.shared_values import shared_reader_values
from analysis.statistics.summary import Summary, format_median_iqr, summarise
from analysis.table import Section, TableResult
from analysis.table_parts.frames import places_by
from analysis.table_parts.metric_notes import definition_note
from analysis.table_parts.model_rows import ModelRow, model_rows, of_model
from analysis.table_parts.note_words import status_counts
from analysis.table_parts.reader_names import readers_of, spoken_reader
from analysis.table_parts.reader_pairs import pair_count_notes
from benchmarks.study import Study

NAME = "ssc_table2"
TITLE = "Table 2. Median Dice similarity coefficients between the contours of readers and models"
METRIC = "DSC"
BELOW = "..."
ABOVE = f"{BELOW}: pairs shown above the diagonal."
FORMAT = (
    "Medians with quartiles (type 7) in parentheses over patients, examinations of a patient averaged first. Two "
    "readers are compared on the slices both annotated, a model with a reader on that reader's slices."
)


def make(results: Results) -> TableResult:
    """Return Table 2: a block per structure, test set and dataset, the upper triangle of reader x reader and model.

    Repeated readings of one reader follow in a row of their own.

    Raises
    ------
    NotApplicableError
        If no examination was scored for two readers.
    """
    values = shared_reader_values(results, metric=METRIC) if METRIC in set(results.scores["metric"]) else pd.DataFrame()
    if values.empty or not values["kind"].eq("reader").any():
        raise NotApplicableError("needs two readers of one examination scored against each other in DSC")
    models = model_rows(results.study)
    cells: list[dict[str, Any]] = []
    sections, used = [], []
    values = values[values["structure"].isin(printed_structures(results.study))]
    for words, title, block in _blocks(results.study, values):
        readers = readers_of(block)
        found = _cells(block, readers, models)
        if len(readers) > 1:
            cells += [words | cell for cell in found]
            used.append(block)
            sections.append(Section(title, _printed(found, readers)))
    notes = (
        FORMAT,
        definition_note(results, METRIC),
        ABOVE,
        *pair_count_notes(pd.concat(used), results.study, metric=METRIC),
    )
    return TableResult(pd.DataFrame(cells), notes, tuple(sections))


def _blocks(study: Study, values: pd.DataFrame) -> Iterator[tuple[dict[str, str], str, pd.DataFrame]]:
    """Yield each structure, test set and dataset with its values; readers are the same for all its variants."""
    keys = ["structure", "test_set", "dataset"]
    sets = {entry.name: entry.label for entry in study.test_sets}
    datasets = {entry.name: entry.label for entry in study.datasets}
    for key, block in values.groupby(keys, sort=False):
        words = dict(zip(keys, map(str, key), strict=True))
        patients = block["patient"].nunique()
        parts = [words["structure"], sets[words["test_set"]]]
        parts += [datasets[words["dataset"]]] if len(datasets) > 1 else []
        yield words, f"{', '.join(parts)} (n = {patients})", block


def _cells(block: pd.DataFrame, readers: Sequence[str], models: Sequence[ModelRow]) -> list[dict[str, Any]]:
    cells = []
    pairs = block[block["kind"].eq("reader")]
    for index, first in enumerate(readers):
        for second in readers[index + 1 :]:
            between = (pairs["first"].eq(first) & pairs["second"].eq(second)) | (
                pairs["first"].eq(second) & pairs["second"].eq(first)
            )
            cells.append({"row": first, "column": second, "kind": "reader", **_summary(pairs[between])})
        of_reader = block[block["kind"].eq("model") & block["first"].eq(first)]
        for model in models:
            scored = of_model(of_reader, model)
            if len(scored):
                words = {"row": first, "column": model.label, "kind": "model"}
                cells.append(words | {"trainer": model.trainer, "arm": model.recipe, **_summary(scored)})
    repeats = block[block["kind"].eq("repeat")]
    for (first, second), places in sorted(places_by(repeats, ["first", "second"]).items()):
        cells.append({"row": first, "column": second, "kind": "repeat", **_summary(repeats.iloc[places])})
    return cells


def _summary(rows: pd.DataFrame) -> dict[str, Any]:
    summary = summarise(mean_by(rows, ["patient"], column="value")["value"])
    missed = status_counts(rows[rows["kind"].eq("model")])["missed"]
    counts = {"missed": missed, "undefined": int(rows["value"].isna().sum())}
    return {name: getattr(summary, name) for name in ("n", "median", "q1", "q3")} | counts


def _printed(cells: Sequence[dict[str, Any]], readers: Sequence[str]) -> pd.DataFrame:
    found = {(cell["row"], cell["column"]): cell for cell in cells}
    models = list(dict.fromkeys(cell["column"] for cell in cells if cell["kind"] == "model"))
    columns = [*readers[1:], *models]
    lines = [[_cell(found.get((row, column))) for column in columns] for row in readers]
    names = [spoken_reader(name) for name in readers]
    for cell in cells:
        if cell["kind"] == "repeat":
            names.append(f"{spoken_reader(cell['row'])}, repeated reading ({cell['column']})")
            lines.append([_cell(cell), *[""] * (len(columns) - 1)])
    heads = [*(spoken_reader(name) for name in readers[1:]), *models]
    return pd.DataFrame(lines, index=pd.Index(names, name="Reader"), columns=heads)


def _cell(cell: dict[str, Any] | None) -> str:
    """Return ``0.70 (0.63–0.77)``; dots below the diagonal."""
    if cell is None:
        return BELOW
    numbers = {name: cell[name] for name in ("n", "median", "q1", "q3")}
    return format_median_iqr(Summary(**numbers, mean=np.nan, min=np.nan, max=np.nan), brackets="round")

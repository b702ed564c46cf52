"""Table 1 of Hoang-Thi et al. 2021: each arm on each test set, median (IQR) [range] over patients."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from analysis.aggregate import COUNTS, blocks, rows_of_block, rows_of_study, score_counts
from analysis.results import Results
from analysis.shared_values import shared_patient_values
from analysis.statistics.summary import NO_VALUE, QUARTILE_NOTE, Summary, format_summary, summarise
from analysis.table import Section, TableResult
from analysis.table_notes import common_notes
from benchmarks.study import Study

NAME = "kernel_table1"
TITLE = "Table 1. Dice similarity score between automated and manual segmentations, by training and test data"
FORMAT_NOTE = "Median with interquartile range in parentheses and range in brackets, over patients."


def make(results: Results) -> TableResult:
    """Return Table 1: one block per trainer and structure, a row per arm, a column per test set and dataset.

    The machine-readable frame has one row per cell with the unrounded median, quartiles, range and mean, the number
    of patients ``n``, and how many scores were defined, missed (counted as 0), undefined and without reference.
    """
    scores, study = results.scores, results.study
    values, counts = shared_patient_values(results), score_counts(scores, study)
    sections, cells = [], []
    for trainer, structure, title in blocks(study):
        block = _cells(
            study,
            rows_of_block(values, study, trainer=trainer, structure=structure),
            rows_of_block(counts, study, trainer=trainer, structure=structure),
        )
        block.insert(0, "trainer", trainer)
        block.insert(1, "structure", structure)
        cells.append(block)
        shown = _shown(study, block)
        sections += [Section(title, _printed(study, shown))] if len(shown) else []
    left_out = _left_out(study, pd.concat(cells))
    notes = (FORMAT_NOTE, QUARTILE_NOTE, *left_out, *common_notes(scores, study, values=values))
    notes += tuple(_missed_cells(pd.concat(cells)))
    return TableResult(pd.concat(cells, ignore_index=True), notes, tuple(sections))


def _cells(study: Study, values: pd.DataFrame, counts: pd.DataFrame) -> pd.DataFrame:
    """Return one row per cell of a block, in printed order."""
    keys = ["recipe", "test_set", "dataset"]
    by_cell = {key: rows["value"] for key, rows in values.groupby(keys)}
    counted = {tuple(row[name] for name in keys): row for row in counts.to_dict("records")}
    rows = []
    for recipe, label in rows_of_study(study).items():
        for test_set in study.test_sets:
            for dataset in test_set.datasets:
                key = (recipe, test_set.name, dataset)
                summary = summarise(by_cell.get(key, []))
                tally = {name: counted.get(key, {}).get(name, 0) for name in COUNTS}
                name = {"arm": recipe, "label": label, "test_set": test_set.name, "dataset": dataset}
                rows.append(name | asdict(summary) | tally)
    return pd.DataFrame(rows)


def _shown(study: Study, cells: pd.DataFrame) -> pd.DataFrame:
    """Return the test sets scored on annotated slices, if the study has any, and the arms tested on one of them."""
    annotated = [entry.name for entry in study.test_sets if entry.slices == "reader"]
    shown = cells[cells["test_set"].isin(annotated)] if annotated else cells
    tested = shown.loc[shown["scored"].gt(0), "arm"]
    return shown[shown["arm"].isin(tested)] if len(tested) else shown


def _left_out(study: Study, cells: pd.DataFrame) -> list[str]:
    shown = _shown(study, cells)
    sets = [entry.label for entry in study.test_sets if entry.name not in set(shown["test_set"])]
    arms = [label for arm, label in rows_of_study(study).items() if arm not in set(shown["arm"])]
    notes = [f"Scored on lung slices or all slices, not printed here: {', '.join(sets)}."] if sets else []
    return notes + ([f"Not tested on these test sets: {', '.join(arms)}."] if arms else [])


def _printed(study: Study, cells: pd.DataFrame) -> pd.DataFrame:
    sets = {entry.name: entry.label for entry in study.test_sets}
    datasets = {entry.name: entry.label for entry in study.datasets}
    heads, columns = [], []
    for _, column in cells.groupby(["test_set", "dataset"], sort=False):
        rows = column.to_dict("records")
        sizes = {row["n"] for row in rows if row["n"]}
        size = f" (n = {max(sizes)})" if len(sizes) == 1 else ""
        heads.append((sets[rows[0]["test_set"]], datasets[rows[0]["dataset"]] + size))
        columns.append([_cell(row, with_n=not size) for row in rows])
    index = pd.Index(cells.drop_duplicates("arm")["label"], name="")
    return pd.DataFrame(list(zip(*columns, strict=True)), index=index, columns=pd.MultiIndex.from_tuples(heads))


def _cell(row: Mapping[Any, Any], *, with_n: bool) -> str:
    summary = Summary(**{name: row[name] for name in Summary.__dataclass_fields__})
    text = format_summary(summary)
    return f"{text}, n = {summary.n}" if with_n and text != NO_VALUE else text


def _missed_cells(cells: pd.DataFrame) -> list[str]:
    """Name the cells with missed predictions, and say where there was nothing to score."""
    notes = [
        f"{row['label']}, {row['test_set']}, {row['dataset']}: {row['missed']} of {row['scored']} scores missed."
        for row in cells[cells["missed"] > 0].to_dict("records")
    ]
    empty = cells[cells["n"].eq(0)]
    if len(empty):
        names = "; ".join(f"{row['label']} on {row['test_set']}" for row in empty.head(5).to_dict("records"))
        notes.append(f"{NO_VALUE}: no value ({len(empty)} cells: {names}).")
    return notes

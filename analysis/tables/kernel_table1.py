"""Table 1 of Hoang-Thi et al. 2021: each arm on each test set, median (IQR) [range] over patients."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from analysis.aggregate import blocks, rows_of_block, rows_of_study
from analysis.results import Results
from analysis.shared_values import shared_patient_values
from analysis.statistics.summary import NO_VALUE, QUARTILE_NOTE, Summary, format_summary, summarise
from analysis.table import Section, TableResult
from analysis.table_notes import common_notes
from analysis.table_parts.note_words import sentence
from analysis.table_parts.score_tallies import TALLIES, tallied_rows
from analysis.table_parts.slice_words import SLICES
from benchmarks.study import Study

NAME = "kernel_table1"
TITLE = "Table 1. Dice similarity score between automated and manual segmentations, by training and test data"
FORMAT_NOTE = "Median with interquartile range in parentheses and range in brackets, over patients."
NAMED = 5


def make(results: Results) -> TableResult:
    """Return Table 1: one block per trainer and structure, a row per arm, a column per test set and dataset.

    The machine-readable frame has one row per cell with the unrounded median, quartiles, range and mean, the number
    of patients ``n``, how many predictions there are and how many of these are ``missing``, and the ``TALLIES`` of
    their scores. The notes are about the printed cells.
    """
    scores, study = results.scores, results.study
    values, tallied = shared_patient_values(results), tallied_rows(scores, study)
    sections, cells, printed = [], [], []
    for trainer, structure, title in blocks(study):
        block = _cells(
            study,
            rows_of_block(values, study, trainer=trainer, structure=structure),
            rows_of_block(tallied, study, trainer=trainer, structure=structure),
        )
        block.insert(0, "trainer", trainer)
        block.insert(1, "structure", structure)
        cells.append(block)
        shown = _shown(study, block)
        printed.append(shown)
        sections += [Section(title, _printed(study, shown))] if len(shown) else []
    shown = pd.concat(printed)
    common = common_notes(scores, study, values=values, shown=shown.rename(columns={"arm": "recipe"}))
    notes = (FORMAT_NOTE, QUARTILE_NOTE, *_left_out(study, shown), *common)
    notes += tuple(_missing(study, shown) + _without_value(study, shown))
    return TableResult(pd.concat(cells, ignore_index=True), notes, tuple(sections))


def _cells(study: Study, values: pd.DataFrame, tallied: pd.DataFrame) -> pd.DataFrame:
    """Return one row per cell of a block, in printed order."""
    keys = ["recipe", "test_set", "dataset"]
    by_cell = {key: rows["value"] for key, rows in values.groupby(keys)}
    counted = {key: _tally(rows) for key, rows in tallied.groupby(keys)}
    nothing = dict.fromkeys(("predictions", "missing", *TALLIES), 0)
    rows = []
    for recipe, label in rows_of_study(study).items():
        for test_set in study.test_sets:
            for dataset in test_set.datasets:
                key = (recipe, test_set.name, dataset)
                summary = summarise(by_cell.get(key, []))
                name = {"arm": recipe, "label": label, "test_set": test_set.name, "dataset": dataset}
                rows.append(name | asdict(summary) | counted.get(key, nothing))
    return pd.DataFrame(rows)


def _tally(rows: pd.DataFrame) -> dict[str, int]:
    """Return the numbers of predictions, of those missing or failed, and of scores."""
    keys = ["trainer", "arm", "seed", "fold", "case", "variant"]
    missing = rows[rows["no_prediction"].eq(1)]
    counts = {"predictions": len(rows.drop_duplicates(keys)), "missing": len(missing.drop_duplicates(keys))}
    return counts | {name: int(rows[name].sum()) for name in TALLIES}


def _shown(study: Study, cells: pd.DataFrame) -> pd.DataFrame:
    """Return the test sets scored on annotated slices, if the study has any, and the arms tested on one of them."""
    annotated = [entry.name for entry in study.test_sets if entry.slices == "reader"]
    shown = cells[cells["test_set"].isin(annotated)] if annotated else cells
    tested = shown.loc[shown["scored"].gt(0), "arm"]
    return shown[shown["arm"].isin(tested)] if len(tested) else shown


def _left_out(study: Study, shown: pd.DataFrame) -> list[str]:
    """Name the test sets and arms that are not printed, each once for the slices it is scored on."""
    others = [entry for entry in study.test_sets if entry.name not in set(shown["test_set"])]
    arms = [label for arm, label in rows_of_study(study).items() if arm not in set(shown["arm"])]
    labels: dict[str, dict[str, None]] = {}
    for entry in others:
        labels.setdefault(SLICES[entry.slices], {})[entry.label] = None
    sets = "; ".join(f"on {slices} {', '.join(names)}" for slices, names in labels.items())
    notes = [sentence(f"Not printed here, scored {sets}")] if sets else []
    return notes + ([sentence(f"Not tested on these test sets: {', '.join(arms)}")] if arms else [])


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


def _missing(study: Study, shown: pd.DataFrame) -> list[str]:
    """Name the cells with missing predictions once, whatever structures they are scored on."""
    cells = shown[shown["missing"] > 0].drop_duplicates(["trainer", "arm", "test_set", "dataset"])
    notes = [
        f"{_name(study, row)}: {row['missing']} of {row['predictions']} predictions missing or failed."
        for row in cells.to_dict("records")
    ]
    return list(dict.fromkeys(notes))


def _without_value(study: Study, shown: pd.DataFrame) -> list[str]:
    """Name the first printed cells without a value."""
    empty = shown[shown["n"].eq(0)]
    if empty.empty:
        return []
    names = list(dict.fromkeys(f"{row['structure']}, {_name(study, row)}" for row in empty.to_dict("records")))
    more = [f"and {len(names) - NAMED} more"] if len(names) > NAMED else []
    return [f"{NO_VALUE}: no value ({len(empty)} of {len(shown)} cells: {'; '.join(names[:NAMED] + more)})."]


def _name(study: Study, row: Mapping[Any, Any]) -> str:
    sets = {entry.name: entry.label for entry in study.test_sets}
    datasets = {entry.name: entry.label for entry in study.datasets}
    trainers = {entry.name: entry.label for entry in study.trainers}
    trained = row["arm"] not in {entry.name for entry in study.baselines}
    parts = [trainers[row["trainer"]]] if trained and len(trainers) > 1 else []
    return ", ".join([*parts, row["label"], sets[row["test_set"]], datasets[row["dataset"]]])

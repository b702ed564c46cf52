"""Each arm against the untrained baselines: paired difference of the mean Dice score with its interval."""

from typing import Any

import pandas as pd

from analysis.aggregate import blocks, rows_of_block, rows_of_study
from analysis.errors import NotApplicableError
from analysis.results import Results
from analysis.shared_values import shared_patient_values
from analysis.statistics.interval import INTERVAL_NOTE, mean_interval
from analysis.statistics.summary import NO_VALUE
from analysis.table import Section, TableResult
from analysis.table_notes import common_notes
from benchmarks.study import Study

NAME = "kernel_table1_baseline"
TITLE = "Table 1 against the untrained baseline: mean Dice score and paired difference (95% CI)"
NOTES = (INTERVAL_NOTE, "Difference: arm minus baseline, within patients; patients with a value of both.")
COLUMNS = (
    "trainer", "structure", "baseline", "arm", "label", "test_set", "dataset", "n", "mean_arm", "mean_baseline",
    "difference", "low", "high", "reason",
)  # fmt: skip


def make(results: Results) -> TableResult:
    """Return, for each baseline, arm, test set and dataset, both means and arm minus baseline within patients.

    Raises
    ------
    NotApplicableError
        If the study has no baseline, or none is tested where an arm is.
    """
    scores, study = results.scores, results.study
    if not study.baselines:
        raise NotApplicableError("needs [[baselines]], a competitor without training")
    values = shared_patient_values(results)
    rows: list[dict[str, Any]] = []
    sections = []
    for trainer, structure, title in blocks(study):
        block = rows_of_block(values, study, trainer=trainer, structure=structure)
        for baseline in study.baselines:
            found = _rows(study, block, baseline.name)
            rows += [{"trainer": trainer, "structure": structure, **row} for row in found]
            heading = f"Against {baseline.label}" + (f", {title}" if title else "")
            if shown := [row for row in found if row["n"] or row["tested"]]:
                sections.append(Section(heading, _printed(study, shown)))
    if not sections:
        raise NotApplicableError("needs a test set that takes an arm and a baseline")
    notes = NOTES + common_notes(scores, study, values=values)
    return TableResult(pd.DataFrame(rows, columns=list(COLUMNS)), notes, tuple(sections))


def _rows(study: Study, values: pd.DataFrame, baseline: str) -> list[dict[str, Any]]:
    by_cell = {
        key: rows.set_index("patient")["value"].dropna()
        for key, rows in values.groupby(["recipe", "test_set", "dataset"])
    }
    nothing = pd.Series(dtype=float)
    rows = []
    baselines = [entry.name for entry in study.baselines]
    for recipe, label in rows_of_study(study).items():
        for test_set in study.test_sets if recipe not in baselines else ():
            for dataset in test_set.datasets:
                arm, other = (by_cell.get((name, test_set.name, dataset), nothing) for name in (recipe, baseline))
                shared = arm.index.intersection(other.index)
                interval = mean_interval(arm.loc[shared] - other.loc[shared])
                tested = {recipe, baseline} <= set(study.rows_on(test_set, dataset).values())
                rows.append({
                    "tested": tested, "baseline": baseline, "arm": recipe, "label": label,
                    "test_set": test_set.name, "dataset": dataset,
                    "n": interval.n, "mean_arm": arm.loc[shared].mean(), "mean_baseline": other.loc[shared].mean(),
                    "difference": interval.estimate, "low": interval.low, "high": interval.high,
                    "reason": interval.reason,
                })  # fmt: skip
    return rows


def _printed(study: Study, rows: list[dict[str, Any]]) -> pd.DataFrame:
    sets = {entry.name: entry.label for entry in study.test_sets}
    datasets = {entry.name: entry.label for entry in study.datasets}
    columns = ["Test set", "n", "Arm", "Baseline", "Difference (95% CI)"]
    index = pd.Index([row["label"] for row in rows], name="Arm")
    several = len(datasets) > 1
    text = [
        [
            sets[row["test_set"]] + (f", {datasets[row['dataset']]}" if several else ""),
            str(row["n"]), _number(row["mean_arm"]), _number(row["mean_baseline"]), _difference(row),
        ]
        for row in rows
    ]  # fmt: skip
    return pd.DataFrame(text, index=index, columns=columns)


def _number(value: float) -> str:
    return NO_VALUE if value != value else f"{value:.2f}"


def _difference(row: dict[str, Any]) -> str:
    if row["reason"]:
        return f"{NO_VALUE} ({row['reason']})"
    return f"{row['difference']:+.2f} ({row['low']:+.2f}, {row['high']:+.2f})".replace("-", "−")

"""Every planned comparison as paired differences: each patient a point, with mean and Hodges-Lehmann shift."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.aggregate import blocks, rows_of_block, rows_of_study
from analysis.comparisons import planned_comparisons
from analysis.errors import NotApplicableError
from analysis.figure import FigureResult, caption_of, figure_name, sheet_names
from analysis.figure_parts.difference_rows import DifferenceRow, draw_differences
from analysis.figure_parts.words import no_distance_words, shown_metrics, test_set_labels, value_label
from analysis.metric import find_metric
from analysis.results import Results
from analysis.shared_values import shared_patient_values
from analysis.statistics.effects import hodges_lehmann
from analysis.statistics.interval import Interval, mean_interval
from analysis.statistics.rank_tests import paired_differences
from benchmarks.study import Comparison, Study

NAME = "paired_differences"
TITLE = "Paired differences of the planned comparisons"
CAPTION = (
    "Difference of {label}, first minus second, of each patient who has both (points, or from 101 patients their "
    "density); {side} of zero the first is better. Diamond: Hodges-Lehmann shift with its 95% interval; circle: mean "
    "with its 95% t interval.{lost}{unpaired}"
)
LOST = (
    "k without distance: patients whose distance is infinite (a mask is empty or missing). On one side it counts as an "
    "infinite difference, which is in n and in the shift, has no point and leaves no mean; on both sides there is no "
    "difference, and the patient is not in n."
)


@dataclass(frozen=True)
class _Compared:
    """One comparison on one dataset: ``pairs`` has patient, first, second, difference, and whether it is drawn."""

    dataset: str
    words: str
    detail: str
    comparison: Comparison
    pairs: pd.DataFrame


def make(results: Results) -> tuple[FigureResult, ...]:
    """Return one figure per metric, trainer and structure, with a row per comparison and dataset.

    Raises
    ------
    NotApplicableError
        If the study plans no comparison within patients, or no patient has both values.
    """
    figures: list[FigureResult] = []
    for metric in shown_metrics(results):
        values = shared_patient_values(results, metric=metric)
        for trainer, structure, title in blocks(results.study):
            block = rows_of_block(values, results.study, trainer=trainer, structure=structure)
            compared = list(_compared(results.study, block))
            name = figure_name(NAME, metric if metric != "DSC" else "", *title.split(", "))
            caption = caption_of(TITLE, title, text=_caption(results.study, compared, metric))
            figures += _sheets(compared, metric, name, caption) if compared else []
    if not figures:
        raise NotApplicableError("needs a planned comparison with both values of a patient")
    return tuple(figures)


def _compared(study: Study, values: pd.DataFrame) -> Iterator[_Compared]:
    datasets = {entry.name: entry.datasets for entry in study.test_sets}
    for dataset in study.datasets:
        for comparison in planned_comparisons(study):
            unpaired = not study.tables.paired and len(comparison.test_sets) > 1
            if unpaired or not all(dataset.name in datasets[name] for name in comparison.test_sets):
                continue
            arms = comparison.arms * 2 if len(comparison.arms) == 1 else comparison.arms
            sets = comparison.test_sets * 2 if len(comparison.test_sets) == 1 else comparison.test_sets
            first, second = (_of(values, arm, name, dataset=dataset.name) for arm, name in zip(arms, sets, strict=True))
            pairs = pd.concat({"first": first, "second": second}, axis=1, join="inner").dropna().reset_index()
            if len(pairs):
                both = np.isinf(pairs["first"]) & np.isinf(pairs["second"])
                pairs["difference"] = paired_differences(pairs["first"], pairs["second"], NAME)
                pairs.loc[both, "difference"] = np.nan
                pairs["drawn"] = np.isfinite(pairs["first"]) & np.isfinite(pairs["second"])
                words, detail = _words(study, comparison)
                detail = f"{detail}; {dataset.label}" if len(study.datasets) > 1 else detail
                yield _Compared(dataset.name, words, detail, comparison, pairs)


def _of(values: pd.DataFrame, recipe: str, test_set: str, *, dataset: str) -> pd.Series:
    rows = values[values["recipe"].eq(recipe) & values["test_set"].eq(test_set) & values["dataset"].eq(dataset)]
    return rows.set_index("patient")["value"].sort_index()


def _words(study: Study, comparison: Comparison) -> tuple[str, str]:
    """Return the two that are compared, and what they share."""
    labels, sets = rows_of_study(study), test_set_labels(study)
    if len(comparison.arms) == 2:
        return " − ".join(labels[name] for name in comparison.arms), sets[comparison.test_sets[0]]
    return " − ".join(sets[name] for name in comparison.test_sets), labels[comparison.arms[0]]


def _sheets(compared: Sequence[_Compared], metric: str, name: str, caption: str) -> Iterator[FigureResult]:
    rows = [_row(index, entry) for index, entry in enumerate(compared)]
    sheets = draw_differences(rows, label=f"Difference of {value_label(metric)}")
    for sheet, (figure, shown) in zip(sheet_names(name, sheets), sheets, strict=True):
        frame = pd.concat([_lines(compared[index], rows[index], metric) for index in shown], ignore_index=True)
        yield FigureResult(sheet, figure, frame, caption)


def _row(index: int, entry: _Compared) -> DifferenceRow:
    used = entry.pairs.dropna(subset="difference")
    drawn = used.loc[used["drawn"], "difference"].to_numpy(dtype=np.float64)
    one, both = len(used) - len(drawn), len(entry.pairs) - len(used)
    lost = f" ({no_distance_words(one)})" if one else ""
    lost += f", {no_distance_words(both)} on both sides" if both else ""
    mean, shift = mean_interval(used["difference"]), hodges_lehmann(used["first"], used["second"])
    return DifferenceRow(index, entry.words, entry.detail, drawn, mean, shift, f"n = {len(used)}{lost}")


def _lines(entry: _Compared, row: DifferenceRow, metric: str) -> pd.DataFrame:
    """Return a row per patient, with the estimates drawn in their comparison repeated in each."""
    arms, sets = entry.comparison.arms, entry.comparison.test_sets
    named = {
        "metric": metric, "dataset": entry.dataset, "comparison": entry.words, "on": entry.detail,
        "arm_1": arms[0], "arm_2": arms[-1], "test_set_1": sets[0], "test_set_2": sets[-1],
    }  # fmt: skip
    frame = entry.pairs.assign(**named)[[*named, "patient", "first", "second", "difference", "drawn"]]
    estimates = _estimates("mean", row.mean) | _estimates("hodges_lehmann", row.shift)
    return frame.assign(n=row.shift.n, **estimates)


def _estimates(name: str, interval: Interval) -> dict[str, float]:
    return {name: interval.estimate, f"{name}_low": interval.low, f"{name}_high": interval.high}


def _caption(study: Study, compared: Sequence[_Compared], metric: str) -> str:
    entry = find_metric(metric)
    lost = sum(int((~one.pairs["drawn"]).sum()) for one in compared)
    unpaired = " Test sets of different patients are not compared here." if not study.tables.paired else ""
    return CAPTION.format(
        label=entry.label,
        side="right" if entry.direction == "higher" else "left",
        lost=f" {LOST}" if lost else "",
        unpaired=unpaired,
    )

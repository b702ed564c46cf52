"""Box plots of Dice score and 95th percentile Hausdorff distance of every arm on every test set."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.aggregate import blocks, rows_of_block, rows_of_study
from analysis.errors import NotApplicableError
from analysis.figure import FigureResult, caption_of, figure_name, sheet_names
from analysis.figure_parts.arm_style import arm_styles
from analysis.figure_parts.box_groups import Box, Group, Scale, draw_box_groups, value_scale
from analysis.figure_parts.words import (
    MISSED,
    NO_DISTANCE,
    left_out_words,
    missed_words,
    no_distance_words,
    shown_metrics,
    test_set_labels,
    value_label,
)
from analysis.metric import find_metric
from analysis.results import Results
from analysis.shared_values import shared_case_values, shared_patient_values
from analysis.table_parts.note_words import MISSED as MISSED_STATUS
from benchmarks.study import Study

NAME = "box_plots"
TITLE = "Scores by training and test data"
CAPTION = (
    "{label} of each patient (points) by test set and training data, in the order of the legend. Boxes: quartiles (R "
    "type 7) and median, from 3 patients; whiskers: range; more than 100 patients: a violin instead of points. {misses}"
)
MISSES = {
    "higher": f"k missed: patients of whom {MISSED}; it counts as 0",
    "lower": f"k without distance: {NO_DISTANCE}; they have no point or density, but are in the quartiles: a box or "
    "whisker that reaches them ends with an arrow, and a median among them has no line",
}
KEYS = ["trainer", "recipe", "test_set", "dataset", "patient"]


def make(results: Results) -> tuple[FigureResult, ...]:
    """Return one figure per metric, trainer and structure, with a group of boxes per test set and dataset.

    Raises
    ------
    NotApplicableError
        If the run has no scores of a metric shown.
    """
    figures = [figure for metric in shown_metrics(results) for figure in _of_metric(results, metric)]
    if not figures:
        raise NotApplicableError("needs a test case with a score")
    return tuple(figures)


def _of_metric(results: Results, metric: str) -> Iterator[FigureResult]:
    study = results.study
    values = _with_counts(results, metric)
    for trainer, structure, title in blocks(study):
        block = rows_of_block(values, study, trainer=trainer, structure=structure)
        if block["value"].notna().any():
            name = figure_name(NAME, metric if metric != "DSC" else "", *title.split(", "))
            caption = caption_of(TITLE, title, text=_caption(metric, block))
            sheets = _draw(study, block, metric)
            for sheet, (figure, groups) in zip(sheet_names(name, sheets), sheets, strict=True):
                shown = block[_group_names(block).isin(groups)].reset_index(drop=True)
                yield FigureResult(sheet, figure, shown, caption)


def _with_counts(results: Results, metric: str) -> pd.DataFrame:
    """Return the patient values, with whether in any case of the patient something was missed or nothing to find."""
    values = shared_patient_values(results, metric=metric)
    cases = shared_case_values(results, metric=metric)
    patients = pd.MultiIndex.from_frame(values[["structure", *KEYS]])
    found = {
        "missed": cases["status"].isin(MISSED_STATUS),
        "nothing_to_find": cases["status"].eq("empty_reference") & cases["value"].notna(),
    }
    flags = {
        name: patients.isin(pd.MultiIndex.from_frame(cases.loc[which, ["structure", *KEYS]]))
        for name, which in found.items()
    }
    return values.assign(**flags, no_distance=np.isinf(values["value"]))


def _draw(study: Study, block: pd.DataFrame, metric: str) -> list[tuple[Figure, list[str]]]:
    labels = rows_of_study(study)
    present = [recipe for recipe in labels if recipe in set(block["recipe"])]
    styles = arm_styles(list(labels), baselines=[entry.name for entry in study.baselines])
    groups = [
        _group(
            block[_group_names(block).eq(f"{test_set.name}/{dataset}")],
            present,
            name=test_set.name,
            label=label,
            endless=find_metric(metric).direction == "lower",
        )
        for test_set in study.test_sets
        for dataset, label in _datasets_of(study, test_set)
    ]
    shown = [group for group in groups if group.boxes]
    return draw_box_groups(shown, styles=styles, labels=labels, scale=_scale(metric, block))


def _group(rows: pd.DataFrame, recipes: list[str], *, name: str, label: str, endless: bool) -> Group:
    boxes = []
    sizes = set()
    for recipe in recipes:
        of_recipe = rows[rows["recipe"].eq(recipe)].sort_values("patient")
        if len(of_recipe):
            defined = of_recipe["value"].notna()
            sizes.add(int(defined.sum()))
            infinite = int(of_recipe["no_distance"].sum())
            note = no_distance_words(infinite) if endless else missed_words(int(of_recipe["missed"].sum()))
            boxes.append(Box(recipe, of_recipe.loc[defined, "value"].to_numpy(dtype=np.float64), note))
    dataset = str(rows["dataset"].iloc[0]) if len(rows) else ""
    size = f"{min(sizes)}–{max(sizes)}" if len(sizes) > 1 else "".join(map(str, sizes))
    return Group(f"{name}/{dataset}", f"{label}\nn = {size}", tuple(boxes))


def _group_names(block: pd.DataFrame) -> pd.Series:
    return block["test_set"] + "/" + block["dataset"]


def _datasets_of(study: Study, test_set: Any) -> list[tuple[str, str]]:
    """Return the datasets of a test set, each with the words below its group."""
    labels = {entry.name: entry.label for entry in study.datasets}
    several = len(test_set.datasets) > 1
    words = test_set_labels(study)[test_set.name]
    return [(name, f"{words}\n{labels[name]}" if several else words) for name in test_set.datasets]


def _scale(metric: str, block: pd.DataFrame) -> Scale:
    entry = find_metric(metric)
    if np.isinf(entry.range[1]):
        return value_scale(value_label(metric), block["value"], low=0.0)
    lowest = np.floor(10 * (block["value"].min() - 0.02)) / 10
    return Scale(value_label(metric), max(-0.02, lowest), 1.02)


def _caption(metric: str, block: pd.DataFrame) -> str:
    entry = find_metric(metric)
    words = CAPTION.format(label=entry.label, misses=MISSES[entry.direction] + ".")
    number = int(block["nothing_to_find"].sum())
    nothing = f"{number} values with something predicted where there was nothing to find count as the worst."
    return " ".join([words, *([nothing] if number else []), *left_out_words(block)])

"""Figure 4 of Hofmanninger et al. 2020: box and swarm plots of the tumour volume each method's lung covers."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.errors import NotApplicableError
from analysis.figure import FigureResult, caption_of, figure_name, sheet_names
from analysis.figure_parts.arm_style import arm_styles
from analysis.figure_parts.box_groups import Box, Group, Scale, draw_box_groups
from analysis.figure_parts.words import missed_words, test_set_labels
from analysis.results import Results
from analysis.shared_values import shared_case_values
from analysis.table_parts.model_rows import ModelRow, model_rows, of_model
from analysis.table_parts.note_words import MISSED

NAME = "diversity_figure4"
TITLE = "Tumour overlap of each method"
METRIC = "tumour_overlap"
SCALE = Scale("Tumour overlap (%)", -3.0, 103.0)
CAPTION = (
    "Percentage of the tumour volume of each case (points) that the predicted lung covers, by method and test set, in "
    "the order of the legend. Boxes: quartiles (R type 7) and median, from 3 cases; whiskers: range; more than 100 "
    "cases: a violin instead of points. Above a box: cases in which the model found no lung (k missed: no prediction "
    "or an empty one), which counts as 0.{undefined}"
)


def make(results: Results) -> tuple[FigureResult, ...]:
    """Return the figure: a group of boxes per test set that has tumours, as Table V if there is one on all slices.

    Raises
    ------
    NotApplicableError
        If the run has no scores of ``tumour_overlap``.
    """
    values = shared_case_values(results, metric=METRIC) if METRIC in set(results.scores["metric"]) else pd.DataFrame()
    if values.empty or not values["value"].notna().any():
        raise NotApplicableError(f"needs scores of the metric {METRIC}: [scoring] lung, tumour and a tumour reference")
    methods = [row for row in model_rows(results.study) if len(of_model(values, row))]
    labels = test_set_labels(results.study)
    sets = results.study.test_sets
    found = [entry for entry in sets if values.loc[values["test_set"].eq(entry.name), "value"].notna().any()]
    shown = [entry.name for entry in found if entry.slices == "all"] or [entry.name for entry in found]
    groups = [_group(values[values["test_set"].eq(name)], methods, name=name, label=labels[name]) for name in shown]
    words = {_key(row): row.label for row in methods}
    styles = arm_styles(list(words), baselines=[_key(row) for row in methods if not row.trained])
    sheets = draw_box_groups(groups, styles=styles, labels=words, scale=SCALE)
    frame = values[values["test_set"].isin(shown)]
    frame = frame.assign(overlap_percent=100 * frame["value"]).drop(columns="value")
    return tuple(
        FigureResult(name, figure, frame[frame["test_set"].isin(names)].reset_index(drop=True), _caption(frame))
        for name, (figure, names) in zip(sheet_names(figure_name(NAME), sheets), sheets, strict=True)
    )


def _key(row: ModelRow) -> str:
    return f"{row.trainer}/{row.recipe}"


def _group(values: pd.DataFrame, methods: Sequence[ModelRow], *, name: str, label: str) -> Group:
    boxes = []
    for row in methods:
        cases = of_model(values, row)
        overlap = 100 * cases["value"].dropna().to_numpy(dtype=np.float64)
        if len(cases):
            missed = int(cases["status"].isin(MISSED).sum())
            boxes.append(Box(_key(row), overlap, missed_words(missed)))
    size = values.loc[values["value"].notna(), ["dataset", "patient", "case", "variant"]].drop_duplicates()
    return Group(name, f"{label}\nn = {len(size)}", tuple(boxes))


def _caption(frame: pd.DataFrame) -> str:
    undefined = int(frame["overlap_percent"].isna().sum())
    words = f" {undefined} of {len(frame)} values left out: no tumour in the reference." if undefined else ""
    return caption_of(TITLE, text=CAPTION.format(undefined=words))

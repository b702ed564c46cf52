"""The cross tables as heat maps: how each arm works where it was trained, and what it loses elsewhere."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.aggregate import blocks
from analysis.cross_matrix import By, cross_matrix
from analysis.errors import NotApplicableError
from analysis.figure import FigureResult, caption_of, figure_name, sheet_names
from analysis.figure_parts.heat_map import Cell, ColourScale, Panel, draw_heat_maps
from analysis.figure_parts.words import MISSED, NO_DISTANCE, missed_words, no_distance_words, shown_metrics, value_label
from analysis.metric import find_metric
from analysis.results import Results
from benchmarks.study import Study

UNPAIRED = "†"
TITLES = {"variant": "Every arm on every kernel", "dataset": "Every arm on every dataset"}
CAPTION = (
    "{label}, mean over patients{infinite}, of each arm (rows) on each test {by} (columns). Frame: the arm was trained "
    "on it. Second line: change from the arm's own in-domain value, within patients{unpaired}. Bright is good. {misses}"
)


def cross_maps(results: Results, *, name: str, by: By) -> tuple[FigureResult, ...]:
    """Return a figure per metric, trainer and structure.

    Raises
    ------
    NotApplicableError
        If no arm is tested away from where it was trained.
    """
    figures: list[FigureResult] = []
    reason = ""
    for file_name, title, found in _matrices(results, name=name, by=by):
        if isinstance(found, str):
            reason = found
        else:
            figures += _sheets(results.study, found, name=file_name, title=title, by=by)
    if not figures:
        raise NotApplicableError(reason)
    return tuple(figures)


def left_out_maps(results: Results, *, name: str, by: By) -> dict[str, str]:
    """Return the names of the figures that `cross_maps` does not draw, each with the reason."""
    return {file: found for file, _, found in _matrices(results, name=name, by=by) if isinstance(found, str)}


def _matrices(results: Results, *, name: str, by: By) -> Iterator[tuple[str, str, pd.DataFrame | str]]:
    """Yield the name, the title and the matrix of each figure, or the reason why it has none."""
    for metric in shown_metrics(results):
        for trainer, structure, title in blocks(results.study):
            file_name = figure_name(name, metric if metric != "DSC" else "", *title.split(", "))
            try:
                frame = cross_matrix(results, metric=metric, structure=structure, trainer=trainer, by=by)
            except NotApplicableError as error:
                yield file_name, title, str(error)
                continue
            finite = np.isfinite(frame["mean"]).any()
            yield file_name, title, frame if finite else f"needs a patient with a finite value of {metric}"


def _sheets(study: Study, frame: pd.DataFrame, *, name: str, title: str, by: By) -> Iterator[FigureResult]:
    metric = str(frame["metric"].iloc[0])
    higher = find_metric(metric).direction == "higher"
    panels = _panels(study, frame, by=by, higher=higher)
    words = f"{value_label(metric)}, mean over patients; framed: in-domain"
    sheets: list[tuple[Figure, list[str]]] = draw_heat_maps(panels, scale=ColourScale(words, higher))
    for sheet, (figure, names) in zip(sheet_names(name, sheets), sheets, strict=True):
        shown = frame if by == "dataset" else frame[frame["dataset"].isin(names)]
        yield FigureResult(
            sheet,
            figure,
            shown.reset_index(drop=True),
            caption_of(TITLES[by], title, text=_caption(frame, by=by, higher=higher)),
        )


def _panels(study: Study, frame: pd.DataFrame, *, by: By, higher: bool) -> list[Panel]:
    if by == "dataset":
        return [_panel(frame, "", "", higher=higher)]
    labels = {entry.name: entry.label for entry in study.datasets if entry.name in set(frame["dataset"])}
    titles = labels if len(labels) > 1 else dict.fromkeys(labels, "")
    return [_panel(frame[frame["dataset"].eq(name)], name, title, higher=higher) for name, title in titles.items()]


def _panel(frame: pd.DataFrame, name: str, title: str, *, higher: bool) -> Panel:
    arms = dict(zip(frame["arm"], frame["label"], strict=True))
    columns = list(dict.fromkeys(frame["column"]))
    found = {(row["arm"], row["column"]): row for _, row in frame.iterrows()}
    cells = tuple(
        tuple(_cell(found[arm, column], higher=higher) if (arm, column) in found else None for column in columns)
        for arm in arms
    )
    return Panel(name, title, tuple(arms.values()), tuple(columns), cells)


def _cell(row: pd.Series, *, higher: bool) -> Cell:
    digits = 2 if higher else 1
    lines = [f"{row['mean']:.{digits}f}" if np.isfinite(row["mean"]) else "no value"]
    if not row["in_domain"] and np.isfinite(row["loss"]):
        change = round(-row["loss"] if higher else row["loss"], digits) + 0.0
        sign = "−" if change < 0 else "+" if change > 0 else "±"
        lines.append(f"{sign}{abs(change):.{digits}f}" + (UNPAIRED if row["pairing"] == "unpaired" else ""))
    note = missed_words(int(row["missed"])) if higher else _no_distance(row)
    return Cell(float(row["mean"]), "\n".join([*lines, *([note] if note else [])]), bool(row["in_domain"]))


def _no_distance(row: pd.Series) -> str:
    """Return how many patients have no distance, away from home also those at home: why there is no change."""
    lost = not row["in_domain"] and row["pairing"] and np.isnan(row["loss"])
    return str(row["reason"]) if lost else no_distance_words(int(row["infinite"]))


def _caption(frame: pd.DataFrame, *, by: By, higher: bool) -> str:
    entry = find_metric(str(frame["metric"].iloc[0]))
    unpaired = frame["pairing"].eq("unpaired").any()
    return CAPTION.format(
        label=entry.label,
        by=by,
        infinite="" if higher else " with a finite value",
        unpaired=f"; {UNPAIRED}: between different patients, which mixes in how hard they are" if unpaired else "",
        misses=f"k missed: cases in which {MISSED}; they count as 0." if higher else
        f"k without distance: {NO_DISTANCE}; they are not in the mean, and no change is given.",
    )  # fmt: skip

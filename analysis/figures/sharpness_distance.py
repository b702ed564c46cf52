"""Dice score of every test image against its distance in sharpness from the training images."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from analysis.aggregate import printed_structures, rows_of_study
from analysis.errors import NotApplicableError
from analysis.figure import FigureResult, caption_of, figure_name, sheet_names
from analysis.figure_parts.panel_grid import GridPanel, draw_panels, padded, quiet_axes
from analysis.figure_parts.words import value_label
from analysis.figure_style import ARM_COLOURS, INK
from analysis.results import Results
from analysis.statistics.p_values import format_p
from analysis.table_parts.effect_cells import with_interval
from analysis.table_parts.sharpness_distances import DISTANCE, METRIC, sharpness_distances, training_words, usable
from analysis.table_parts.sharpness_fit import SharpnessFit, fit_sharpness
from analysis.table_parts.slice_words import SLICES

NAME = "sharpness_distance"
TITLE = "Dice score and distance in sharpness"
Limits: TypeAlias = tuple[float, float]
SHEET = ["trainer", "structure", "slices"]
PANEL_MM = 40.0
POINT_MM2 = 13.0
SIDES = {True: ("sharper than training", "^", ARM_COLOURS[0]), False: ("softer than training", "v", ARM_COLOURS[1])}
CAPTION = (
    "Each point is a test image. {distance} Line: slope of the Dice score per lp/cm of distance with its 95% interval, "
    "patients as the unit; no line where test images differ by no more than the error of their sharpness. Native and "
    "emulated test images are in panels of their own.{left_out}"
)


def make(results: Results) -> tuple[FigureResult, ...]:
    """Return one figure per trainer, structure and choice of slices: a panel per arm and kind of test image.

    Raises
    ------
    NotApplicableError
        If images have no sharpness, or no test image has a distance.
    """
    study, distances = results.study, sharpness_distances(results)
    distances = distances[distances["structure"].isin(printed_structures(study))]
    if usable(distances).empty:
        raise NotApplicableError("needs test images and training images whose sharpness can be measured")
    figures: list[FigureResult] = []
    trainers = {entry.name: entry.label for entry in study.trainers}
    several = {name: distances[name].nunique() > 1 for name in SHEET}
    for (trainer, structure, slices), rows in distances.groupby(SHEET, sort=False):
        words = {"trainer": trainers[str(trainer)], "structure": str(structure), "slices": SLICES[str(slices)]}
        parts = [words[name] for name in SHEET if several[name]]
        figures += _sheets(results, rows, parts) if len(usable(rows)) else []
    return tuple(figures)


def _sheets(results: Results, rows: pd.DataFrame, parts: Sequence[str]) -> Iterator[FigureResult]:
    labels, kinds = rows_of_study(results.study), rows["kind"].nunique() > 1
    shown = usable(rows)
    limits = (
        padded(0.0, shown["absolute"].max()),
        padded(shown["value"].min(), shown["value"].max()),
    )
    panels, names = [], {}
    for (kind, recipe), cases in rows.groupby(["kind", "recipe"], sort=False):
        title = labels[str(recipe)] + (f": {kind} test images" if kinds else "")
        name = f"{kind}/{recipe}"
        panels.append(_panel(name, title, training_words(results, str(recipe)), cases, limits))
        names[name] = (str(kind), str(recipe))
    legend = [(_handle(marker, colour), label) for label, marker, colour in SIDES.values()]
    sheets = draw_panels(panels, columns=min(3, len(panels)), height_mm=PANEL_MM, legend=legend)
    lost = len(rows) - len(shown)
    left_out = f" {lost} of {len(rows)} points left out: no sharpness or no value." if lost else ""
    caption = caption_of(TITLE, *parts, text=CAPTION.format(distance=DISTANCE, left_out=left_out))
    for sheet, (figure, on_sheet) in zip(sheet_names(figure_name(NAME, *parts), sheets), sheets, strict=True):
        drawn = pd.MultiIndex.from_frame(shown[["kind", "recipe"]]).isin([names[name] for name in on_sheet])
        yield FigureResult(sheet, figure, shown[drawn].reset_index(drop=True), caption)


def _panel(name: str, title: str, trained: str, cases: pd.DataFrame, limits: tuple[Limits, Limits]) -> GridPanel:
    points, fit = usable(cases), fit_sharpness(cases)

    def draw(axis: Axes, width_mm: float, height_mm: float) -> None:
        for sharper, (_, marker, colour) in SIDES.items():
            side = points[points["distance"].ge(0) == sharper]
            axis.scatter(
                side["absolute"], side["value"], s=POINT_MM2, color=colour, marker=marker, edgecolors="white",
                linewidths=0.3, alpha=0.9 if len(points) < 200 else 0.5, zorder=3, clip_on=False,
            )  # fmt: skip
        if len(points) and np.isfinite(fit.slope):
            ends = np.array([points["absolute"].min(), points["absolute"].max()])
            axis.plot(ends, fit.intercept + fit.slope * ends, color=INK, linewidth=1.2, zorder=2)
        quiet_axes(axis, x_label="Distance in sharpness (lp/cm)", y_label=value_label(METRIC))
        axis.set_xlim(*limits[0])
        axis.set_ylim(*limits[1])

    return GridPanel(name, title, f"Training: {trained or 'not measured'} lp/cm\n{_words(fit)}", draw)


def _words(fit: SharpnessFit) -> str:
    size = f"{fit.images} images of {fit.patients} patients"
    if np.isnan(fit.slope):
        return f"{size}; {fit.reason}"
    p = format_p(fit.p)
    return f"{with_interval(fit.slope, fit.low, fit.high)} per lp/cm, P {p if p[0] in '<>' else f'= {p}'}\n{size}"


def _handle(marker: str, colour: str) -> Line2D:
    return Line2D([], [], linestyle="none", marker=marker, markersize=4.0, color=colour, markeredgecolor="white")

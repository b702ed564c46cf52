"""Rows of paired differences: points, mean and shift with their intervals, and the numbers beside them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from analysis.figure_parts.arm_style import pale
from analysis.figure_parts.distribution import POINT_MM, density_curve, has_density
from analysis.figure_parts.panel_grid import padded
from analysis.figure_parts.sheet import Handle, Sheet, legend_height_mm, new_sheet
from analysis.figure_parts.swarm import swarm_offsets
from analysis.figure_parts.text_fit import line_height_mm, lines_of, number, wrap
from analysis.figure_style import (
    ARM_COLOURS,
    GRID_COLOUR,
    INK,
    PAGE_HEIGHT_MM,
    PAGE_MM,
    POINTS_PER_MM,
    SMALL_POINTS,
    SOFT_INK,
    TEXT_POINTS,
)
from analysis.statistics.interval import Interval

EDGE_MM, LABEL_MM, NUMBERS_MM = 2.0, 62.0, 36.0
PLOT_MM = PAGE_MM - 2 * EDGE_MM - LABEL_MM - NUMBERS_MM - 4.0
LOWEST_ROW_MM, BELOW_MM = 12.5, 10.0
SWARM_SHARE = 0.3
POINT_EDGE = "#1F6F9F"
POINT_COLOUR, SHIFT_COLOUR, MEAN_COLOUR = ARM_COLOURS[4], INK, ARM_COLOURS[3]
ESTIMATES = ("Hodges-Lehmann shift, 95% interval", "Mean, 95% interval")


@dataclass(frozen=True)
class DifferenceRow:
    """One comparison: its words, the finite differences of its patients, estimates, and how many are in them."""

    index: int
    words: str
    detail: str
    differences: npt.NDArray[np.float64]
    mean: Interval
    shift: Interval
    size: str


@dataclass(frozen=True)
class _Laid:
    row: DifferenceRow
    words: str
    detail: str
    numbers: str
    height_mm: float


def draw_differences(rows: Sequence[DifferenceRow], *, label: str) -> list[tuple[Figure, list[int]]]:
    """Return the sheets, each with the indices of its rows; all rows of all sheets share one axis."""
    laid = [_lay_out(row) for row in rows]
    limits = _limits(rows)
    pages: list[list[_Laid]] = [[]]
    for row in laid:
        if sum(entry.height_mm for entry in (*pages[-1], row)) > PAGE_HEIGHT_MM - 2 * BELOW_MM and pages[-1]:
            pages.append([])
        pages[-1].append(row)
    return [(_draw(page, limits, label), [entry.row.index for entry in page]) for page in pages]


def _lay_out(row: DifferenceRow) -> _Laid:
    words = wrap(row.words, LABEL_MM - 2.0)
    detail = wrap(row.detail, LABEL_MM - 2.0)
    numbers = _numbers(row)
    most = max(lines_of(words) + lines_of(detail), lines_of(numbers))
    return _Laid(row, words, detail, numbers, max(LOWEST_ROW_MM, most * line_height_mm() + 2.5))


def _numbers(row: DifferenceRow) -> str:
    return wrap(f"{_interval(row.shift)}\n{row.size}", NUMBERS_MM)


def _interval(interval: Interval) -> str:
    """Return ``−0.03 [−0.05, −0.01]`` with two significant digits of the interval."""
    if np.isnan(interval.estimate):
        return "shift not defined"
    width = 0.0 if np.isnan(interval.low) else interval.high - interval.low
    sized = width if np.isfinite(width) and width > 0 else abs(interval.estimate)
    digits = int(np.clip(1 - np.floor(np.log10(sized)), 0, 3)) if np.isfinite(sized) and sized > 0 else 2
    words = number(interval.estimate, digits)
    if not np.isnan(interval.low):
        words += f" [{number(interval.low, digits)}, {number(interval.high, digits)}]"
    return words


def _limits(rows: Sequence[DifferenceRow]) -> tuple[float, float]:
    ends = [0.0]
    for row in rows:
        values = [*row.differences, row.mean.low, row.mean.high, row.shift.low, row.shift.high]
        ends += [float(value) for value in values if np.isfinite(value)]
    return padded(min(ends), max(ends))


def _draw(rows: Sequence[_Laid], limits: tuple[float, float], label: str) -> Figure:
    handles, words = _legend([row.row for row in rows])
    legend_mm = legend_height_mm(words, PAGE_MM - 2 * EDGE_MM)
    height_mm = sum(row.height_mm for row in rows)
    sheet = new_sheet(PAGE_MM, height_mm + BELOW_MM + legend_mm + 2.0)
    axis = sheet.axes(EDGE_MM + LABEL_MM, 1.0, PLOT_MM, height_mm)
    axis.set(xlim=limits, ylim=(height_mm, 0), yticks=[])
    axis.spines["left"].set_visible(False)
    axis.set_xlabel(label, fontsize=TEXT_POINTS, labelpad=2)
    axis.xaxis.set_major_locator(MaxNLocator(5, min_n_ticks=2))
    axis.tick_params(labelsize=SMALL_POINTS)
    axis.grid(axis="x", color=GRID_COLOUR, linewidth=0.6)
    axis.set_axisbelow(True)
    axis.axvline(0, color=INK, linewidth=0.8)
    top_mm = 0.0
    for row in rows:
        _draw_row(sheet, axis, row, top_mm, mm_per_value=PLOT_MM / (limits[1] - limits[0]))
        top_mm += row.height_mm
    sheet.legend(handles, words, left_mm=EDGE_MM, top_mm=height_mm + BELOW_MM + 1.0, width_mm=PAGE_MM - 2 * EDGE_MM)
    return sheet.figure


def _draw_row(sheet: Sheet, axis: Axes, laid: _Laid, top_mm: float, *, mm_per_value: float) -> None:
    row = laid.row
    if top_mm > 0:
        axis.axhline(top_mm, color=GRID_COLOUR, linewidth=0.6)
    middle = top_mm + laid.height_mm * 0.36
    _draw_points(axis, row.differences, middle, laid.height_mm, mm_per_value=mm_per_value)
    _draw_interval(axis, row.shift, top_mm + laid.height_mm * 0.74, SHIFT_COLOUR, marker="D", filled=True)
    _draw_interval(axis, row.mean, top_mm + laid.height_mm * 0.89, MEAN_COLOUR, marker="o", filled=False)
    first = top_mm + 1.0 + (laid.height_mm - (lines_of(laid.words) + lines_of(laid.detail)) * line_height_mm()) / 2
    sheet.text(EDGE_MM, first, laid.words)
    sheet.text(EDGE_MM, first + lines_of(laid.words) * line_height_mm(), laid.detail, color=SOFT_INK)
    sheet.text(EDGE_MM + LABEL_MM + PLOT_MM + 3.0, top_mm + 1.0 + laid.height_mm / 2, laid.numbers, va="center")


def _draw_points(
    axis: Axes, values: npt.NDArray[np.float64], middle_mm: float, height_mm: float, *, mm_per_value: float
) -> None:
    half = height_mm * SWARM_SHARE
    if has_density(values):
        levels, density = density_curve(values)
        width = density * half
        axis.fill_between(
            levels, middle_mm - width, middle_mm + width, facecolor=pale(POINT_COLOUR, share=0.4),
            edgecolor=POINT_COLOUR, linewidth=0.6,
        )  # fmt: skip
        return
    offsets = swarm_offsets(values * mm_per_value, diameter=POINT_MM, half_width=half)
    axis.scatter(
        values, middle_mm + offsets, s=(POINT_MM * POINTS_PER_MM) ** 2, color=POINT_COLOUR, edgecolors=POINT_EDGE,
        linewidths=0.3, zorder=3,
    )  # fmt: skip


def _draw_interval(axis: Axes, interval: Interval, at_mm: float, colour: str, *, marker: str, filled: bool) -> None:
    if not np.isfinite(interval.estimate):
        return
    if not np.isnan(interval.low):
        ends = np.clip([interval.low, interval.high], *axis.get_xlim())
        axis.plot(ends, [at_mm, at_mm], color=colour, linewidth=1.3, solid_capstyle="butt")
    axis.plot(
        interval.estimate, at_mm, marker=marker, markersize=4.2, color=colour, markeredgewidth=1.0,
        markerfacecolor=colour if filled else "white", zorder=4,
    )  # fmt: skip


def _legend(rows: Sequence[DifferenceRow]) -> tuple[list[Handle], list[str]]:
    point = Line2D(
        [], [], linestyle="none", marker="o", markersize=POINT_MM * POINTS_PER_MM, color=POINT_COLOUR,
        markeredgecolor=POINT_EDGE, markeredgewidth=0.3,
    )  # fmt: skip
    density = Patch(facecolor=pale(POINT_COLOUR, share=0.4), edgecolor=POINT_COLOUR)
    shift = Line2D([], [], color=SHIFT_COLOUR, marker="D", markersize=4.2, linewidth=1.3)
    mean = Line2D([], [], color=MEAN_COLOUR, marker="o", markersize=4.2, linewidth=1.3, markerfacecolor="white")
    dense = [has_density(row.differences) for row in rows]
    shown: list[tuple[Handle, str]] = [] if all(dense) else [(point, "Patient")]
    shown += [(density, "Patients, density")] if any(dense) else []
    shown += list(zip((shift, mean), ESTIMATES, strict=True))
    return [handle for handle, _ in shown], [words for _, words in shown]

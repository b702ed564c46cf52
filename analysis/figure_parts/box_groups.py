"""Groups of boxes side by side, in rows that fit a journal page, over as many sheets as they need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figure_parts.arm_style import ArmStyle
from analysis.figure_parts.distribution import Place, draw_distribution
from analysis.figure_parts.panel_grid import padded
from analysis.figure_parts.sheet import Sheet, legend_height_mm, new_sheet
from analysis.figure_parts.text_fit import block_width_mm, line_height_mm, lines_of, wrap
from analysis.figure_style import COLUMN_MM, GRID_COLOUR, PAGE_HEIGHT_MM, PAGE_MM, SMALL_POINTS, SOFT_INK, TEXT_POINTS

LEFT_MM, RIGHT_MM, GAP_MM = 13.0, 2.0, 2.5
NARROWEST_BOX_MM, WIDEST_BOX_MM = 3.0, 9.0
NARROWEST_GROUP_MM = 15.0
PLOT_MM, TALLEST_ROWS_MM = 46.0, PAGE_HEIGHT_MM - 30.0


@dataclass(frozen=True)
class Box:
    """The values of one box, whose style has this key; ``note`` is written above it: what the box does not show."""

    key: str
    values: npt.NDArray[np.float64]
    note: str = ""


@dataclass(frozen=True)
class Group:
    """Boxes that stand together over one label; ``name`` tells the groups of a figure apart."""

    name: str
    label: str
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class Scale:
    """The value axis: its label, lowest and highest value."""

    label: str
    low: float
    high: float


@dataclass(frozen=True)
class _Row:
    groups: tuple[Group, ...]
    labels: tuple[str, ...]
    notes_mm: float

    def height_mm(self) -> float:
        return self.notes_mm + PLOT_MM + 2.5 + max(map(lines_of, self.labels)) * line_height_mm() + 3.0


def draw_box_groups(
    groups: Sequence[Group], *, styles: Mapping[str, ArmStyle], labels: Mapping[str, str], scale: Scale
) -> list[tuple[Figure, list[str]]]:
    """Return the sheets, each with the names of its groups.

    A sheet is one column wide if everything fits in it, otherwise a page; several only for many groups.

    Parameters
    ----------
    styles, labels : mapping
        Box key to how it is drawn, and to its words in the legend.
    """
    box_mm, width_mm = _widths(groups)
    room_mm = width_mm - LEFT_MM - RIGHT_MM
    parts = _in_rows(groups, box_mm, room_mm)
    box_mm = min(_widest_box_mm(part, room_mm) for part in parts)
    rows = [_row(part, box_mm) for part in parts]
    return [
        (
            _draw(page, box_mm, width_mm, styles=styles, labels=labels, scale=scale),
            [group.name for row in page for group in row.groups],
        )
        for page in _in_pages(rows)
    ]


def value_scale(label: str, values: npt.ArrayLike, *, low: float | None = None, high: float | None = None) -> Scale:
    """Return an axis over the finite values, with a margin at the ends that are not given."""
    sample = np.asarray(values, dtype=np.float64)
    sample = sample[np.isfinite(sample)]
    bottom = float(sample.min()) if len(sample) else 0.0
    top = float(sample.max()) if len(sample) else 1.0
    bottom, top = padded(bottom if low is None else low, top)
    return Scale(label, bottom if low is None else low, top if high is None else high)


def _widths(groups: Sequence[Group]) -> tuple[float, float]:
    """Return the width of a box and of the sheet."""
    for width_mm in (COLUMN_MM, PAGE_MM):
        room = width_mm - LEFT_MM - RIGHT_MM - GAP_MM * len(groups)
        box_mm = room / sum(len(group.boxes) for group in groups)
        narrow = any(_group_mm(group, box_mm) > len(group.boxes) * box_mm for group in groups)
        if box_mm >= NARROWEST_BOX_MM and not narrow and (width_mm == PAGE_MM or box_mm >= 5.0):
            return min(WIDEST_BOX_MM, box_mm), width_mm
    return NARROWEST_BOX_MM, PAGE_MM


def _group_mm(group: Group, box_mm: float) -> float:
    return max(NARROWEST_GROUP_MM, len(group.boxes) * box_mm)


def _widest_box_mm(groups: Sequence[Group], room_mm: float) -> float:
    """Return how wide boxes can be in a row that must hold these groups."""
    for box_mm in np.arange(WIDEST_BOX_MM, NARROWEST_BOX_MM, -0.1):
        if sum(_group_mm(group, float(box_mm)) + GAP_MM for group in groups) <= room_mm:
            return float(box_mm)
    return NARROWEST_BOX_MM


def _in_rows(groups: Sequence[Group], box_mm: float, room_mm: float) -> list[list[Group]]:
    """Fill rows one after the other, about equally."""
    widths = [_group_mm(group, box_mm) + GAP_MM for group in groups]
    rows = -(-int(sum(widths)) // int(room_mm)) if groups else 1
    goal = max(sum(widths) / rows, max(widths, default=0.0))
    parts: list[list[Group]] = [[]]
    used = 0.0
    for group, width in zip(groups, widths, strict=True):
        full = used + width > room_mm or (used >= goal - width / 2 and len(parts) < rows)
        if parts[-1] and full:
            parts.append([])
            used = 0.0
        parts[-1].append(group)
        used += width
    return parts


def _row(groups: Sequence[Group], box_mm: float) -> _Row:
    labels = tuple(wrap(group.label, _group_mm(group, box_mm) + GAP_MM / 2) for group in groups)
    notes = [block_width_mm(box.note) for group in groups for box in group.boxes if box.note]
    return _Row(tuple(groups), labels, max(notes) + 2.5 if notes else 2.0)


def _in_pages(rows: Sequence[_Row]) -> list[list[_Row]]:
    pages: list[list[_Row]] = [[]]
    for row in rows:
        if pages[-1] and sum(entry.height_mm() for entry in (*pages[-1], row)) > TALLEST_ROWS_MM:
            pages.append([])
        pages[-1].append(row)
    return pages


def _draw(
    rows: Sequence[_Row],
    box_mm: float,
    width_mm: float,
    *,
    styles: Mapping[str, ArmStyle],
    labels: Mapping[str, str],
    scale: Scale,
) -> Figure:
    keys = dict.fromkeys(box.key for row in rows for group in row.groups for box in group.boxes)
    shown = [key for key in styles if key in keys]
    words = [labels[key] for key in shown]
    room_mm = width_mm - 4.0
    height_mm = sum(row.height_mm() for row in rows) + legend_height_mm(words, room_mm) + 1.0
    sheet = new_sheet(width_mm, height_mm)
    top_mm = 0.0
    for row in rows:
        _draw_row(sheet, row, top_mm, box_mm, styles=styles, scale=scale)
        top_mm += row.height_mm()
    handles = [styles[key].handle() for key in shown]
    sheet.legend(handles, words, left_mm=2.0, top_mm=top_mm, width_mm=room_mm)
    return sheet.figure


def _draw_row(
    sheet: Sheet, row: _Row, top_mm: float, box_mm: float, *, styles: Mapping[str, ArmStyle], scale: Scale
) -> None:
    widths = [_group_mm(group, box_mm) + GAP_MM for group in row.groups]
    axis = sheet.axes(LEFT_MM, top_mm + row.notes_mm, sum(widths), PLOT_MM)
    _frame(axis, scale, sum(widths))
    left = 0.0
    for group, label, width in zip(row.groups, row.labels, widths, strict=True):
        middle = left + width / 2
        first = middle - (len(group.boxes) - 1) * box_mm / 2
        for index, box in enumerate(group.boxes):
            position = first + index * box_mm
            place = Place(position, box_mm * 0.9, 1.0, PLOT_MM / (scale.high - scale.low), scale.high)
            draw_distribution(axis, box.values, place, styles[box.key])
            if box.note:
                _note(axis, position, box.note)
        sheet.text(LEFT_MM + middle, top_mm + row.notes_mm + PLOT_MM + 1.5, label, ha="center", fontsize=SMALL_POINTS)
        left += width
        if left < sum(widths):
            axis.axvline(left, color=GRID_COLOUR, linewidth=0.8, zorder=0)


def _frame(axis: Axes, scale: Scale, width: float) -> None:
    axis.set_xlim(0, width)
    axis.set_ylim(scale.low, scale.high)
    axis.set_xticks([])
    axis.set_ylabel(scale.label, fontsize=TEXT_POINTS)
    axis.tick_params(axis="y", labelsize=SMALL_POINTS)
    axis.grid(axis="y", color=GRID_COLOUR, linewidth=0.6)
    axis.set_axisbelow(True)


def _note(axis: Axes, position: float, note: str) -> None:
    axis.annotate(
        note, (position, 1), xycoords=("data", "axes fraction"), xytext=(0, 4), textcoords="offset points",
        rotation=90, ha="center", va="bottom", fontsize=SMALL_POINTS, color=SOFT_INK, annotation_clip=False,
    )  # fmt: skip

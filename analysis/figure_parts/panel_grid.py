"""Panels of one size in rows and columns, with words above each that cannot run into each other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figure_parts.sheet import Handle, legend_height_mm, new_sheet
from analysis.figure_parts.text_fit import line_height_mm, lines_of, wrap
from analysis.figure_style import COLUMN_MM, GRID_COLOUR, INK, PAGE_HEIGHT_MM, PAGE_MM, SMALL_POINTS, TEXT_POINTS

LEFT_MM, RIGHT_MM, BELOW_MM, ABOVE_MM = 15.0, 2.0, 10.5, 2.5


@dataclass(frozen=True)
class GridPanel:
    """A panel: title, lines of words under it, and what draws into its axes (given their width and height in mm)."""

    name: str
    title: str
    words: str
    draw: Callable[[Axes, float, float], None]


def draw_panels(
    panels: Sequence[GridPanel], *, columns: int, height_mm: float, legend: Sequence[tuple[Handle, str]] = ()
) -> list[tuple[Figure, list[str]]]:
    """Return the sheets, each with the names of its panels; one panel takes a column's width, more take a page's."""
    width_mm = COLUMN_MM if columns == 1 else PAGE_MM
    room_mm = (width_mm - 1.0) / columns
    panel_mm = room_mm - LEFT_MM - RIGHT_MM
    titles = [wrap(panel.title, room_mm - 3.0, points=TEXT_POINTS, bold=True) for panel in panels]
    words = ["\n".join(wrap(line, room_mm - 3.0) for line in panel.words.split("\n")) for panel in panels]
    head_mm = max(
        lines_of(title) * line_height_mm(TEXT_POINTS) + lines_of(text) * line_height_mm()
        for title, text in zip(titles, words, strict=True)
    )
    row_mm = ABOVE_MM + head_mm + height_mm + BELOW_MM
    labels = [label for _, label in legend]
    legend_mm = legend_height_mm(labels, width_mm - 4.0)
    per_sheet = max(1, int((PAGE_HEIGHT_MM - legend_mm) / row_mm)) * columns
    sheets = []
    for start in range(0, len(panels), per_sheet):
        shown = range(start, min(start + per_sheet, len(panels)))
        sheet = new_sheet(width_mm, -(-len(shown) // columns) * row_mm + legend_mm + 1.0)
        for place, index in enumerate(shown):
            left_mm, top_mm = place % columns * room_mm, place // columns * row_mm + 1.0
            title_mm = lines_of(titles[index]) * line_height_mm(TEXT_POINTS)
            sheet.text(left_mm + 2.0, top_mm, titles[index], fontsize=TEXT_POINTS, fontweight="bold")
            sheet.text(left_mm + 2.0, top_mm + title_mm, words[index], color=INK)
            axis = sheet.axes(left_mm + LEFT_MM, top_mm + head_mm + ABOVE_MM - 1.0, panel_mm, height_mm)
            panels[index].draw(axis, panel_mm, height_mm)
        handles = [handle for handle, _ in legend]
        sheet.legend(handles, labels, left_mm=2.0, top_mm=sheet.height_mm - legend_mm - 0.5, width_mm=width_mm - 4.0)
        sheets.append((sheet.figure, [panels[index].name for index in shown]))
    return sheets


def quiet_axes(axis: Axes, *, x_label: str, y_label: str) -> None:
    """Give axes their labels, small ticks that do not collide, and a faint grid."""
    from matplotlib.ticker import MaxNLocator

    axis.set_xlabel(x_label, fontsize=TEXT_POINTS, labelpad=2)
    axis.set_ylabel(y_label, fontsize=TEXT_POINTS, labelpad=2)
    axis.xaxis.set_major_locator(MaxNLocator(5, min_n_ticks=2))
    axis.yaxis.set_major_locator(MaxNLocator(6, min_n_ticks=2))
    axis.tick_params(labelsize=SMALL_POINTS)
    axis.grid(color=GRID_COLOUR, linewidth=0.6)
    axis.set_axisbelow(True)


def padded(low: float, high: float, *, share: float = 0.06) -> tuple[float, float]:
    """Return limits with a margin on both sides, also where low and high are equal but for floating noise."""
    size = high - low if high - low > 1e-9 * max(abs(high), abs(low)) else abs(high)
    margin = share * size or 1.0
    return low - margin, high + margin

"""Heat maps with a readable text in every cell, stacked on sheets of a journal page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from analysis.figure_parts.contrast import readable_ink
from analysis.figure_parts.sheet import Sheet, new_sheet
from analysis.figure_parts.text_fit import block_width_mm, line_height_mm, lines_of, text_width_mm, wrap
from analysis.figure_style import COLUMN_MM, INK, PAGE_HEIGHT_MM, PAGE_MM, SMALL_POINTS, TEXT_POINTS

EDGE_MM, LABEL_GAP_MM, PANEL_GAP_MM = 2.0, 1.5, 5.0
WIDEST_LABEL_MM = 40.0
NARROWEST_CELL_MM, WIDEST_CELL_MM, LOWEST_CELL_MM = 9.8, 24.0, 7.5
MOST_COLUMNS = 13
BAR_MM = 13.0
FRAME_MM = 0.45


@dataclass(frozen=True)
class Cell:
    """A value (NaN: none), what is written on it, and whether a frame marks it."""

    value: float
    text: str
    framed: bool = False


@dataclass(frozen=True)
class Panel:
    """One heat map: ``cells`` holds a row per row label; None is an empty place."""

    name: str
    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[Cell | None, ...], ...]

    def parts(self) -> list["Panel"]:
        """Return the panel cut to equal parts of as many columns as a page holds."""
        number = -(-len(self.columns) // MOST_COLUMNS)
        size = -(-len(self.columns) // number)
        starts = range(0, len(self.columns), size)
        return [
            Panel(
                self.name,
                self.title if start == 0 else f"{self.title} (continued)".strip(),
                self.rows,
                self.columns[start : start + size],
                tuple(row[start : start + size] for row in self.cells),
            )
            for start in starts
        ]


@dataclass(frozen=True)
class ColourScale:
    """What colours mean: the words below the bar, and whether a high value is good (bright)."""

    label: str
    higher_is_better: bool = True


@dataclass(frozen=True)
class _Laid:
    panel: Panel
    cell_mm: float
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    texts: tuple[tuple[str, ...], ...]
    row_mm: float
    left_mm: float
    title_mm: float
    head_mm: float
    turned: bool = field(default=False)

    def height_mm(self) -> float:
        return self.title_mm + self.head_mm + len(self.rows) * self.row_mm + PANEL_GAP_MM


def draw_heat_maps(panels: Sequence[Panel], *, scale: ColourScale) -> list[tuple[Figure, list[str]]]:
    """Return the sheets, each with the names of its panels; all panels share one colour scale."""
    colours, norm = _colours(panels, scale)
    parts = [part for panel in panels for part in panel.parts()]
    widths = (COLUMN_MM, PAGE_MM)
    width_mm = next((width for width in widths if all(_fits(part, width) for part in parts)), PAGE_MM)
    laid = [_lay_out(part, width_mm) for part in parts]
    pages = _in_pages(laid)
    figures = [_draw(page, width_mm, colours=colours, norm=norm, scale=scale) for page in pages]
    names = [list(dict.fromkeys(entry.panel.name for entry in page)) for page in pages]
    return list(zip(figures, names, strict=True))


def _colours(panels: Sequence[Panel], scale: ColourScale) -> tuple[Colormap, Normalize]:
    import matplotlib

    values = np.array([cell.value for panel in panels for row in panel.cells for cell in row if cell is not None])
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    if high - low < 1e-9:
        low, high = low - 0.05 * max(abs(low), 1.0), high + 0.05 * max(abs(high), 1.0)
    return matplotlib.colormaps["cividis" if scale.higher_is_better else "cividis_r"], Normalize(low, high)


def _left_mm(panel: Panel, share: float) -> float:
    return min(share, max(text_width_mm(row) for row in panel.rows) + 0.3)


def _fits(panel: Panel, width_mm: float) -> bool:
    left = EDGE_MM + _left_mm(panel, WIDEST_LABEL_MM) + LABEL_GAP_MM
    cell_mm = (width_mm - left - EDGE_MM) / len(panel.columns)
    return cell_mm >= 13.0 or width_mm >= PAGE_MM


def _lay_out(panel: Panel, width_mm: float) -> _Laid:
    widest = min(WIDEST_LABEL_MM, width_mm - 2 * EDGE_MM - LABEL_GAP_MM - NARROWEST_CELL_MM * len(panel.columns))
    left_mm = EDGE_MM + _left_mm(panel, widest) + LABEL_GAP_MM
    cell_mm = min(WIDEST_CELL_MM, (width_mm - left_mm - EDGE_MM) / len(panel.columns))
    rows = tuple(wrap(row, widest) for row in panel.rows)
    inside_mm = cell_mm - (2.4 if cell_mm > 16.0 else 0.8)  # words of a wide cell leave its frame free
    texts = tuple(tuple("" if c is None else wrap(c.text, inside_mm) for c in row) for row in panel.cells)
    most = max(max(map(lines_of, rows)), max(lines_of(text) for row in texts for text in row))
    row_mm = max(LOWEST_CELL_MM, most * line_height_mm() + 1.6)
    turned = cell_mm < 13.0 and any(text_width_mm(name) > cell_mm - 1 for name in panel.columns)
    columns = tuple(wrap(name, 32.0 if turned else cell_mm - 0.8) for name in panel.columns)
    heights = [block_width_mm(name) if turned else lines_of(name) * line_height_mm() for name in columns]
    if turned:  # two lines of a turned label need the width of a column
        columns = tuple(_shortest_two_lines(name, cell_mm) for name in panel.columns)
        heights = [block_width_mm(name) for name in columns]
    title = wrap(panel.title, width_mm - 2 * EDGE_MM, points=TEXT_POINTS, bold=True) if panel.title else ""
    title_mm = lines_of(title) * line_height_mm(TEXT_POINTS) + (1.0 if title else 0.0)
    return _Laid(panel, cell_mm, rows, columns, texts, row_mm, left_mm, title_mm, max(heights) + 1.5, turned)


def _shortest_two_lines(name: str, cell_mm: float) -> str:
    """Return a turned label in as many lines as a column holds."""
    most = max(1, int(cell_mm / line_height_mm()))
    for width_mm in np.arange(8.0, 60.0, 2.0):
        wrapped = wrap(name, float(width_mm))
        if lines_of(wrapped) <= most:
            return wrapped
    return wrap(name, 60.0)


def _in_pages(panels: Sequence[_Laid]) -> list[list[_Laid]]:
    pages: list[list[_Laid]] = [[]]
    for panel in panels:
        if pages[-1] and sum(entry.height_mm() for entry in (*pages[-1], panel)) > PAGE_HEIGHT_MM - BAR_MM:
            pages.append([])
        pages[-1].append(panel)
    return pages


def _draw(
    panels: Sequence[_Laid], width_mm: float, *, colours: Colormap, norm: Normalize, scale: ColourScale
) -> Figure:
    label = wrap(scale.label, width_mm - 2 * EDGE_MM)
    bar_mm = BAR_MM - line_height_mm() + lines_of(label) * line_height_mm()
    sheet = new_sheet(width_mm, sum(panel.height_mm() for panel in panels) + bar_mm + 1.0)
    top_mm = 1.0
    for panel in panels:
        _draw_panel(sheet, panel, top_mm, colours=colours, norm=norm)
        top_mm += panel.height_mm()
    long_mm = min(60.0, width_mm - 2 * EDGE_MM - 6.0)
    bar = sheet.axes(EDGE_MM + 3.0, top_mm, long_mm, 2.6)
    sheet.figure.colorbar(ScalarMappable(norm=norm, cmap=colours), cax=bar, orientation="horizontal")
    bar.xaxis.set_major_locator(MaxNLocator(5, min_n_ticks=2))
    bar.tick_params(labelsize=SMALL_POINTS, length=2, pad=1.5)
    sheet.text(EDGE_MM, top_mm + 7.2, label)
    return sheet.figure


def _draw_panel(sheet: Sheet, laid: _Laid, top_mm: float, *, colours: Colormap, norm: Normalize) -> None:
    panel = laid.panel
    if panel.title:
        title = wrap(panel.title, sheet.width_mm - 2 * EDGE_MM, points=TEXT_POINTS, bold=True)
        sheet.text(EDGE_MM, top_mm, title, fontsize=TEXT_POINTS, fontweight="bold")
    head_mm = top_mm + laid.title_mm + laid.head_mm
    width, height = laid.cell_mm * len(laid.columns), laid.row_mm * len(laid.rows)
    axis = sheet.axes(laid.left_mm, head_mm, width, height)
    axis.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
    for row, name in enumerate(laid.rows):
        middle = head_mm + (row + 0.5) * laid.row_mm
        sheet.text(laid.left_mm - LABEL_GAP_MM, middle, name, ha="right", va="center")
        for column in range(len(laid.columns)):
            cell = panel.cells[row][column]
            if cell is not None:
                corner = (column * laid.cell_mm, row * laid.row_mm)
                _draw_cell(axis, cell, laid, corner, text=laid.texts[row][column], colours=colours, norm=norm)
    for column, name in enumerate(laid.columns):
        middle = laid.left_mm + (column + 0.5) * laid.cell_mm
        sheet.text(middle, head_mm - 1.0, name, ha="center", va="bottom", rotation=90 if laid.turned else 0)


def _draw_cell(
    axis: Axes, cell: Cell, laid: _Laid, corner: tuple[float, float], *, text: str, colours: Colormap, norm: Normalize
) -> None:
    width, height = laid.cell_mm, laid.row_mm
    known = bool(np.isfinite(cell.value))
    face = colours(norm(cell.value)) if known else (1.0, 1.0, 1.0, 1.0)
    options: dict[str, Any] = {} if known else {"hatch": "////"}
    axis.add_patch(
        Rectangle(corner, width, height, facecolor=face, edgecolor="white" if known else "#BBBBBB", **options)
    )
    if cell.framed:
        inset = FRAME_MM * 1.2
        axis.add_patch(
            Rectangle(
                (corner[0] + inset, corner[1] + inset), width - 2 * inset, height - 2 * inset, fill=False,
                edgecolor=readable_ink(face), linewidth=FRAME_MM * 2.8,
            )
        )  # fmt: skip
    box: dict[str, Any] = {} if known else {"bbox": {"facecolor": "white", "edgecolor": "none", "pad": 0.6}}
    axis.text(
        corner[0] + width / 2, corner[1] + height / 2, text, ha="center", va="center", fontsize=SMALL_POINTS,
        color=readable_ink(face) if known else INK, linespacing=1.15, **box,
    )  # fmt: skip

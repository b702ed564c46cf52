"""Rows and columns of CT slices with masks on them, on a journal page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from analysis.figure_parts.arm_style import pale, rgb
from analysis.figure_parts.ct_slice import CtSlice
from analysis.figure_parts.sheet import Sheet, legend_height_mm, new_sheet
from analysis.figure_parts.text_fit import line_height_mm, lines_of, wrap
from analysis.figure_style import COLUMN_MM, INK, PAGE_HEIGHT_MM, PAGE_MM, SMALL_POINTS, TEXT_POINTS

EDGE_MM, GAP_MM = 1.5, 1.2
SIDE_MM = 21.0
WIDEST_CELL_MM = 50.0
MOST_COLUMNS, MOST_ROWS = 6, 8
CASING = 0.6
Item = TypeVar("Item")
Window = tuple[float, float]
"""Lowest and highest HU shown."""


@dataclass(frozen=True)
class Layer:
    """A mask (y, x) on a slice: its outline, filled with its colour (``opacity``) and a hatch where asked for."""

    mask: npt.NDArray[np.bool_]
    colour: str
    label: str
    filled: bool = True
    opacity: float = 0.38
    line: Any = "-"
    hatch: str = ""

    def handle(self) -> Artist:
        """Return how the legend shows it."""
        if not self.filled:
            casing = withStroke(linewidth=1.4 + CASING, foreground="black")
            return Line2D([], [], color=self.colour, linestyle=self.line, linewidth=1.4, path_effects=[casing])
        face = pale(self.colour, share=0.6)
        return Patch(facecolor=face, edgecolor=self.colour, linestyle=self.line, hatch=self.hatch)


@dataclass(frozen=True)
class Picture:
    """A slice with its layers, words below it, and words on it in place of what is not there."""

    image: CtSlice
    layers: tuple[Layer, ...] = ()
    below: str = ""
    message: str = ""

    def ratio(self) -> float:
        """Return height over width."""
        _, width_mm, height_mm, _ = self.image.extent_mm()
        return height_mm / width_mm


@dataclass(frozen=True)
class PictureColumn:
    """A column: its title, and a picture (or nothing) in each row."""

    title: str
    pictures: tuple[Picture | None, ...]


def draw_pictures(columns: Sequence[PictureColumn], row_labels: Sequence[str], *, window: Window) -> Figure:
    """Return one sheet; give at most ``MOST_COLUMNS`` columns and ``MOST_ROWS`` rows.

    Layers with one label are one entry of the legend below.
    """
    legend = {layer.label: layer.handle() for layer in _layers(columns) if layer.label}
    number = len(columns)
    width_mm = COLUMN_MM if number == 1 or (number == 2 and len(row_labels) > 3) else PAGE_MM
    legend_mm = legend_height_mm(list(legend), width_mm - 2 * EDGE_MM)
    cell_mm = min(WIDEST_CELL_MM, (width_mm - SIDE_MM - 2 * EDGE_MM) / number - GAP_MM)
    titles = [wrap(column.title, cell_mm - 2.0, points=TEXT_POINTS, bold=True) for column in columns]
    title_mm = max(map(lines_of, titles)) * line_height_mm(TEXT_POINTS) + 1.0
    labels = [wrap(label, SIDE_MM - 2.0) for label in row_labels]
    cell_mm = _shrunk(columns, labels, cell_mm, room_mm=PAGE_HEIGHT_MM - title_mm - legend_mm - 4.0)
    heights = _row_heights(columns, labels, cell_mm)
    sheet = new_sheet(width_mm, title_mm + sum(heights) + legend_mm + 3.0)
    left_mm = EDGE_MM + SIDE_MM
    for index, (column, title) in enumerate(zip(columns, titles, strict=True)):
        left = left_mm + index * (cell_mm + GAP_MM)
        middle = left + cell_mm / 2
        sheet.text(middle, title_mm - 0.8, title, ha="center", va="bottom", fontsize=TEXT_POINTS, fontweight="bold")
        _draw_column(sheet, column, left, title_mm, cell_mm=cell_mm, heights=heights, window=window)
    top_mm = title_mm
    for label, height in zip(labels, heights, strict=True):
        sheet.text(left_mm - 2.0, top_mm + (height - line_height_mm()) / 2, label, ha="right", va="center")
        top_mm += height
    words = list(legend)
    sheet.legend(
        [legend[word] for word in words], words, left_mm=EDGE_MM, top_mm=top_mm + 1.5, width_mm=width_mm - 2 * EDGE_MM
    )
    return sheet.figure


def in_pages(items: Sequence[Item], most: int) -> list[Sequence[Item]]:
    """Return the items in as few and as equal parts as hold at most ``most`` each."""
    number = max(1, -(-len(items) // most))
    size = -(-len(items) // number)
    return [items[start : start + size] for start in range(0, len(items), max(1, size))]


def _layers(columns: Sequence[PictureColumn]) -> list[Layer]:
    return [layer for column in columns for picture in column.pictures if picture for layer in picture.layers]


def _row_heights(columns: Sequence[PictureColumn], labels: Sequence[str], cell_mm: float) -> list[float]:
    heights = []
    for row, label in enumerate(labels):
        pictures = [column.pictures[row] for column in columns]
        images = max((picture.ratio() * cell_mm for picture in pictures if picture), default=0.0)
        below = max((_below_mm(picture, cell_mm) for picture in pictures if picture), default=0.0)
        heights.append(max(images + below, lines_of(label) * line_height_mm()) + GAP_MM)
    return heights


def _below_mm(picture: Picture, cell_mm: float) -> float:
    return lines_of(wrap(picture.below, cell_mm)) * line_height_mm() + 0.8 if picture.below else 0.0


def _shrunk(columns: Sequence[PictureColumn], labels: Sequence[str], cell_mm: float, *, room_mm: float) -> float:
    """Return a width of cells with which the rows fit the page, 8 mm at least."""
    while cell_mm > 8.0 and sum(_row_heights(columns, labels, cell_mm)) > room_mm:
        cell_mm -= 0.5
    return cell_mm


def _draw_column(
    sheet: Sheet,
    column: PictureColumn,
    left_mm: float,
    top_mm: float,
    *,
    cell_mm: float,
    heights: Sequence[float],
    window: Window,
) -> None:
    for picture, height in zip(column.pictures, heights, strict=True):
        if picture is not None:
            high_mm = picture.ratio() * cell_mm
            _draw_picture(sheet.axes(left_mm, top_mm, cell_mm, high_mm), picture, window=window, cell_mm=cell_mm)
            if picture.below:
                words = wrap(picture.below, cell_mm)
                sheet.text(left_mm + cell_mm / 2, top_mm + high_mm + 0.5, words, ha="center", color=INK)
        top_mm += height


def _draw_picture(axis: Axes, picture: Picture, *, window: Window, cell_mm: float) -> None:
    image = picture.image
    extent = image.extent_mm()
    grey = np.clip((image.shown(image.hu).astype(np.float64) - window[0]) / (window[1] - window[0]), 0, 1)
    shown = np.repeat(grey[..., None], 3, axis=2)
    masks = [np.asarray(image.shown(layer.mask), dtype=bool) for layer in picture.layers]
    for layer, mask in zip(picture.layers, masks, strict=True):
        if layer.filled:
            shown[mask] = (1 - layer.opacity) * shown[mask] + layer.opacity * np.array(rgb(layer.colour))
    axis.imshow(shown, extent=extent, interpolation="bilinear", aspect="auto")
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
    for layer, mask in zip(picture.layers, masks, strict=True):
        _outline(axis, mask, layer, extent)
    if picture.message:
        axis.text(
            0.5, 0.5, wrap(picture.message, cell_mm - 2.0), transform=axis.transAxes, ha="center", va="center",
            color="white", fontsize=SMALL_POINTS, bbox={"facecolor": "black", "edgecolor": "none", "pad": 1.5},
        )  # fmt: skip


def _outline(axis: Axes, mask: npt.NDArray[np.bool_], layer: Layer, extent: tuple[float, float, float, float]) -> None:
    if not mask.any() or mask.all() or min(mask.shape) < 2:
        return
    width = 0.6 if layer.filled else 0.9
    drawn = axis.contour(
        mask, levels=[0.5], colors=[layer.colour], linewidths=width, linestyles=[layer.line], extent=extent,
        origin="upper",
    )  # fmt: skip
    if not layer.filled:  # a dark casing, or a pale line is lost on soft tissue
        drawn.set_path_effects([withStroke(linewidth=width + CASING, foreground="black")])
    if layer.hatch:
        hatched = axis.contourf(
            mask, levels=[0.5, 1.5], colors="none", hatches=[layer.hatch], extent=extent, origin="upper"
        )
        hatched.set_edgecolor(layer.colour)
        hatched.set_linewidth(0.0)

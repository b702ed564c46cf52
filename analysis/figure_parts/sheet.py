"""A figure laid out in millimetres from its upper left corner, as a page is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple

from analysis.figure_parts.text_fit import line_height_mm, lines_of, text_width_mm, wrap
from analysis.figure_style import MM_PER_INCH, POINTS_PER_MM, SMALL_POINTS

HANDLE_MM = 5.0
HANDLE_GAP_MM = 1.2
COLUMN_GAP_MM = 4.0
Handle: TypeAlias = Artist | tuple[Artist, ...]


@dataclass(frozen=True)
class Sheet:
    """A figure of a fixed size."""

    figure: Figure
    width_mm: float
    height_mm: float

    def axes(self, left_mm: float, top_mm: float, width_mm: float, height_mm: float, **options: Any) -> Axes:
        """Return axes whose frame fills the rectangle."""
        box = (
            left_mm / self.width_mm, 1 - (top_mm + height_mm) / self.height_mm,
            width_mm / self.width_mm, height_mm / self.height_mm,
        )  # fmt: skip
        return self.figure.add_axes(box, **options)

    def text(self, left_mm: float, top_mm: float, text: str, **options: Any) -> None:
        """Write a text whose upper left corner is given, unless ``ha`` or ``va`` say otherwise."""
        style: dict[str, Any] = {"ha": "left", "va": "top", "fontsize": SMALL_POINTS, "linespacing": 1.15} | options
        self.figure.text(left_mm / self.width_mm, 1 - top_mm / self.height_mm, text, **style)

    def legend(
        self, handles: Sequence[Handle], labels: Sequence[str], *, left_mm: float, top_mm: float, width_mm: float
    ) -> None:
        """Draw a legend in as many columns as fit; `legend_height_mm` tells how high it is.

        Several artists as one handle are drawn over each other.
        """
        if not handles:
            return
        wrapped = _wrapped(labels, width_mm)
        points = SMALL_POINTS
        unit = points / POINTS_PER_MM
        self.figure.legend(
            handles=list(handles), labels=wrapped, loc="upper left", ncols=_columns(wrapped, width_mm),
            bbox_to_anchor=(left_mm / self.width_mm, 1 - top_mm / self.height_mm), borderpad=0, borderaxespad=0,
            handlelength=HANDLE_MM / unit, handletextpad=HANDLE_GAP_MM / unit, columnspacing=COLUMN_GAP_MM / unit,
            labelspacing=0.35, fontsize=points, handler_map={tuple: HandlerTuple(ndivide=1)},
        )  # fmt: skip


def new_sheet(width_mm: float, height_mm: float) -> Sheet:
    """Return an empty sheet."""
    return Sheet(Figure(figsize=(width_mm / MM_PER_INCH, height_mm / MM_PER_INCH)), width_mm, height_mm)


def legend_height_mm(labels: Sequence[str], width_mm: float) -> float:
    """Return the height a legend takes at a width; 0 without labels."""
    if not labels:
        return 0.0
    wrapped = _wrapped(labels, width_mm)
    columns = _columns(wrapped, width_mm)
    rows = -(-len(wrapped) // columns)
    columns_of_labels = [wrapped[start : start + rows] for start in range(0, len(wrapped), rows)]
    return max(sum(map(_label_height_mm, column)) for column in columns_of_labels)


def _label_height_mm(label: str) -> float:
    """Return the height of a legend's row; a label of several lines is set wider than a single one."""
    lines = lines_of(label)
    return (0.94 if lines == 1 else 1.1 * lines) * line_height_mm() + 0.88


def _wrapped(labels: Sequence[str], width_mm: float) -> list[str]:
    return [wrap(label, width_mm - HANDLE_MM - HANDLE_GAP_MM) for label in labels]


def _columns(labels: Sequence[str], width_mm: float) -> int:
    """Return how many columns fit if each is as wide as the widest label."""
    widest = max(text_width_mm(line) for label in labels for line in label.split("\n"))
    column = widest + HANDLE_MM + HANDLE_GAP_MM + COLUMN_GAP_MM
    return max(1, min(len(labels), int((width_mm + COLUMN_GAP_MM) / column)))

"""What every figure must keep to: texts that can be read, inside the sheet, and never over each other."""

from itertools import combinations

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

DOTS_PER_INCH = 100
SLACK = 1.5
"""Dots by which two boxes may touch: boxes hold room for letters that reach higher and lower than those written."""


def shown_texts(figure: Figure) -> list[tuple[Text, Bbox]]:
    """Return every text that is drawn with its box in dots."""
    figure.set_dpi(DOTS_PER_INCH)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    unseen = _unseen_tick_labels(figure)
    texts = [entry for entry in figure.findobj(Text) if entry.get_visible() and entry.get_text().strip()]
    return [(entry, entry.get_window_extent(renderer)) for entry in texts if id(entry) not in unseen]


def overlapping_texts(figure: Figure) -> list[tuple[str, str]]:
    """Return the pairs of texts whose boxes overlap."""
    return [
        (first.get_text(), second.get_text())
        for (first, a), (second, b) in combinations(shown_texts(figure), 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > SLACK and min(a.y1, b.y1) - max(a.y0, b.y0) > SLACK
    ]


def texts_outside(figure: Figure) -> list[str]:
    """Return the texts that leave the sheet."""
    width, height = figure.get_size_inches() * DOTS_PER_INCH
    return [
        entry.get_text()
        for entry, box in shown_texts(figure)
        if box.x0 < -SLACK or box.y0 < -SLACK or box.x1 > width + SLACK or box.y1 > height + SLACK
    ]


def smallest_text(figure: Figure) -> float:
    """Return the smallest size of a text in points."""
    return min(entry.get_fontsize() for entry, _ in shown_texts(figure))


def _unseen_tick_labels(figure: Figure) -> set[int]:
    """Return the labels that axes keep for ticks beyond their limits and do not draw."""
    unseen = set()
    for axis in [axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)]:
        drawn = {id(label) for tick in axis._update_ticks() for label in (tick.label1, tick.label2)}
        kept = {id(label) for tick in (*axis.majorTicks, *axis.minorTicks) for label in (tick.label1, tick.label2)}
        unseen |= kept - drawn
    return unseen

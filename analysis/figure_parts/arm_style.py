"""Colour, marker, line and hatch of each arm: never told apart by colour alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from analysis.figure_style import ARM_COLOURS, BASELINE_COLOUR

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "d")
LineStyle: TypeAlias = Any
"""A name or an on-off pattern, as matplotlib takes them."""
LINES: tuple[LineStyle, ...] = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)))
HATCHES = ("", "///", "...", "xxx")


@dataclass(frozen=True)
class ArmStyle:
    """How one arm is drawn; ``hatch`` is empty until the colours start again."""

    colour: str
    marker: str
    line: LineStyle
    hatch: str

    def handle(self) -> tuple[Patch, Line2D]:
        """Return a legend handle that looks as the arm's boxes and points."""
        box = Patch(facecolor=pale(self.colour), edgecolor=self.colour, hatch=self.hatch)
        return box, self.point()

    def line_and_point(self) -> Line2D:
        """Return a legend handle that looks as the arm's points and trend line."""
        return Line2D(
            [], [], linestyle=self.line, marker=self.marker, markersize=4.0, color=self.colour, linewidth=1.2,
            markeredgecolor="white", markeredgewidth=0.4,
        )  # fmt: skip

    def point(self) -> Line2D:
        """Return a legend handle that looks as the arm's points."""
        return Line2D(
            [], [], linestyle="none", marker=self.marker, markersize=4.0, color=self.colour, markeredgecolor="white",
            markeredgewidth=0.4,
        )  # fmt: skip


def arm_styles(names: Sequence[str], *, baselines: Sequence[str] = ()) -> dict[str, ArmStyle]:
    """Return a style for each name, in order; baselines are grey. No two of 28 arms share colour and hatch."""
    arms = [name for name in names if name not in baselines]
    styles = {name: _style(index, ARM_COLOURS[index % len(ARM_COLOURS)]) for index, name in enumerate(arms)}
    untrained = {
        name: ArmStyle(BASELINE_COLOUR, MARKERS[-1 - index % len(MARKERS)], "-", HATCHES[index % len(HATCHES)])
        for index, name in enumerate(baselines)
    }
    return {name: (styles | untrained)[name] for name in names}


def rgb(colour: str) -> tuple[float, float, float]:
    """Return a colour ``#RRGGBB`` as three numbers from 0 to 1."""
    red, green, blue = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    return red, green, blue


def pale(colour: str, *, share: float = 0.28) -> tuple[float, float, float]:
    """Return a colour mixed with white; ``share`` of it is left."""
    red, green, blue = (1 - share + share * part for part in rgb(colour))
    return red, green, blue


def _style(index: int, colour: str) -> ArmStyle:
    hatch = HATCHES[index // len(ARM_COLOURS) % len(HATCHES)]
    return ArmStyle(colour, MARKERS[index % len(MARKERS)], LINES[index % len(LINES)], hatch)

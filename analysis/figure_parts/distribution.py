"""One box with its points: median, quartiles, range, and every value while they can be told apart."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from analysis.figure_parts.arm_style import ArmStyle, pale
from analysis.figure_parts.swarm import swarm_offsets
from analysis.figure_style import POINTS_PER_MM
from analysis.statistics.summary import summarise

MOST_POINTS = 100
"""More values are drawn as a violin: a thousand points say less and take long to draw."""
POINT_MM = 1.15
DENSITY_STEPS = 120


@dataclass(frozen=True)
class Place:
    """Where a box stands: its middle and width on the axis, millimetres per unit of each axis, and the axis' top."""

    position: float
    width: float
    mm_per_step: float
    mm_per_value: float
    top: float


def draw_distribution(axis: Axes, values: npt.ArrayLike, place: Place, style: ArmStyle) -> None:
    """Draw a box of quartiles (R type 7) with whiskers over the range, and the finite values as points or a violin.

    Infinite values are in the quartiles and the range: what reaches them ends at the top of the axis with an arrow;
    the caller says how many there are. Nothing is drawn without a finite value.
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    sample = known[np.isfinite(known)]
    if len(sample) == 0:
        return
    many = len(sample) > MOST_POINTS
    if has_density(sample):
        _violin(axis, sample, place, style)
    if len(known) > 2:
        _box(axis, known, place, style, width=place.width * (0.34 if many else 0.8))
    if not many:
        _points(axis, sample, place, style)


def has_density(sample: npt.NDArray[np.float64]) -> bool:
    """Return whether values are drawn as a density: too many for points, and not all equal but for floating noise."""
    return len(sample) > MOST_POINTS and bool(np.ptp(sample) > 1e-9 * np.abs(sample).max())


def density_curve(sample: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return levels over the range of the values and their density there, 1 at its highest."""
    from scipy.stats import gaussian_kde

    levels = np.linspace(sample.min(), sample.max(), DENSITY_STEPS)
    density = gaussian_kde(sample)(levels)
    return levels, density / density.max()


def _box(axis: Axes, sample: npt.NDArray[np.float64], place: Place, style: ArmStyle, *, width: float) -> None:
    line = {"color": style.colour, "linewidth": 0.9}
    found = summarise(sample)
    ends = {"whislo": found.min, "q1": found.q1, "med": found.median, "q3": found.q3, "whishi": found.max}
    drawn = axis.bxp(
        [{name: min(value, place.top) for name, value in ends.items()}],
        positions=[place.position], widths=width, showfliers=False, patch_artist=True,
        manage_ticks=False, whiskerprops=line, capprops=line, medianprops={"color": style.colour, "linewidth": 1.9},
        boxprops={"facecolor": pale(style.colour), "edgecolor": style.colour, "linewidth": 0.9, "hatch": style.hatch},
    )  # fmt: skip
    if found.median > place.top:
        drawn["medians"][0].set_visible(False)
    for cap in drawn["caps"]:
        cap.set_linewidth(0.7)
    if found.infinite:
        axis.plot(
            place.position, place.top, marker="^", markersize=3.2, color=style.colour, clip_on=False, zorder=4,
        )  # fmt: skip


def _points(axis: Axes, sample: npt.NDArray[np.float64], place: Place, style: ArmStyle) -> None:
    half = max(0.0, place.width * place.mm_per_step / 2 - POINT_MM / 2)
    offsets = swarm_offsets(sample * place.mm_per_value, diameter=POINT_MM, half_width=half)
    axis.scatter(
        place.position + offsets / place.mm_per_step, sample, s=(POINT_MM * POINTS_PER_MM) ** 2, color=style.colour,
        marker=style.marker, edgecolors="white", linewidths=0.3, zorder=3, clip_on=False,
    )  # fmt: skip


def _violin(axis: Axes, sample: npt.NDArray[np.float64], place: Place, style: ArmStyle) -> None:
    """Draw the density as area, cut at the range."""
    levels, density = density_curve(sample)
    half = density * place.width / 2
    axis.fill_betweenx(
        levels, place.position - half, place.position + half, facecolor=pale(style.colour, share=0.16),
        edgecolor=style.colour, linewidth=0.6,
    )  # fmt: skip

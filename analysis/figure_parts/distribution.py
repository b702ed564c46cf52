"""One box with its points: median, quartiles, range, and every value while they can be told apart."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from analysis.figure_parts.arm_style import ArmStyle, pale
from analysis.figure_parts.swarm import swarm_offsets
from analysis.figure_style import POINTS_PER_MM

MOST_POINTS = 100
"""More values are drawn as a violin: a thousand points say less and take long to draw."""
POINT_MM = 1.15
DENSITY_STEPS = 120


@dataclass(frozen=True)
class Place:
    """Where a box stands: its middle and width on the axis, and how many millimetres one unit of each axis is."""

    position: float
    width: float
    mm_per_step: float
    mm_per_value: float


def draw_distribution(axis: Axes, values: npt.ArrayLike, place: Place, style: ArmStyle) -> None:
    """Draw the finite values: box of quartiles (R type 7), whiskers over the range, and points or a violin.

    Others are not drawn; the caller says how many there are. Nothing is drawn without a finite value.
    """
    sample = np.asarray(values, dtype=np.float64)
    sample = sample[np.isfinite(sample)]
    if len(sample) == 0:
        return
    many = len(sample) > MOST_POINTS
    if has_density(sample):
        _violin(axis, sample, place, style)
    if len(sample) > 2:
        _box(axis, sample, place, style, width=place.width * (0.34 if many else 0.8))
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
    drawn = axis.boxplot(
        sample, positions=[place.position], widths=width, whis=(0, 100), showfliers=False, patch_artist=True,
        manage_ticks=False, whiskerprops=line, capprops=line, medianprops={"color": style.colour, "linewidth": 1.9},
        boxprops={"facecolor": pale(style.colour), "edgecolor": style.colour, "linewidth": 0.9, "hatch": style.hatch},
    )  # fmt: skip
    for cap in drawn["caps"]:
        cap.set_linewidth(0.7)


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

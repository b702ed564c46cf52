"""Figures 4 and 5 of Lee et al. 2023: Bland-Altman plots of the volume, original beside standardised images."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.figure import FigureResult, caption_of, figure_name, sheet_names
from analysis.figure_parts.panel_grid import GridPanel, draw_panels, padded, quiet_axes
from analysis.figure_parts.text_fit import number
from analysis.figure_style import ARM_COLOURS, INK, SMALL_POINTS
from analysis.results import Results
from analysis.statistics.bland_altman import BlandAltman, bland_altman
from analysis.table_parts.standardised_pairs import Pairs, standardised_pairs

NAME = "standardisation_figure4_5"
TITLE = "Bland-Altman plots of the volume on original and standardised images"
DIFFERENCE, REFERENCE = "relative_volume_difference", "reference_volume"
SIDES = {"original": "Original", "standardised": "Standardised"}
PANEL_MM = 38.0
POINT_COLOUR, BIAS_COLOUR = ARM_COLOURS[0], ARM_COLOURS[3]
CAPTION = (
    "Difference of the volume of the {structure} segmented on each image from that on the reference image, in percent "
    "of the latter: 100 × (segmented − reference) / reference, against the reference volume; one point per patient. "
    "Reference: the prediction of the same model on {variant} images. Solid line: bias; dashed: 95% limits of "
    "agreement, bias ± 1.96 SD; shaded: 95% confidence intervals of each. The panels of a protocol share their axes."
)


def make(results: Results) -> tuple[FigureResult, ...]:
    """Return one figure per model: a row per protocol, original left and standardised right.

    Raises
    ------
    NotApplicableError
        If the study has no protocols or the run no volumes against the own prediction.
    """
    differences, references = (standardised_pairs(results, metric=metric) for metric in (DIFFERENCE, REFERENCE))
    pairs = list(zip(differences, references, strict=True))
    models = list(dict.fromkeys(difference.model for difference, _ in pairs))
    figures: list[FigureResult] = []
    for model in models:
        of_model = [(difference, reference) for difference, reference in pairs if difference.model == model]
        figures += _sheets(results, of_model, model.label if len(models) > 1 else "")
    return tuple(figures)


def _sheets(results: Results, pairs: Sequence[tuple[Pairs, Pairs]], model: str) -> Iterator[FigureResult]:
    frame = pd.concat([_points(*pair) for pair in pairs], ignore_index=True)
    panels = [
        _panel(frame[frame["protocol"].eq(difference.protocol.name)], side, difference)
        for difference, _ in pairs
        for side in SIDES
    ]
    settings = results.study.tables.standardisation
    caption = CAPTION.format(structure=settings.structure.replace("_", " "), variant=results.study.scoring.own_variant)
    sheets = draw_panels(panels, columns=2, height_mm=PANEL_MM)
    for sheet, (figure, names) in zip(sheet_names(figure_name(NAME, model), sheets), sheets, strict=True):
        shown = frame[(frame["protocol"] + "/" + frame["image"]).isin(names)].reset_index(drop=True)
        yield FigureResult(sheet, figure, shown, caption_of(TITLE, model, text=caption))


def _points(difference: Pairs, reference: Pairs) -> pd.DataFrame:
    """Return a row per image and patient; values that are missing or infinite stay, with ``shown`` false."""
    parts = []
    for side in SIDES:
        values = pd.DataFrame(
            {"difference_percent": getattr(difference, side), "reference_ml": getattr(reference, side)}
        )
        words = {
            "trainer": difference.model.trainer, "arm": difference.model.recipe, "protocol": difference.protocol.name,
            "label": difference.protocol.label or difference.protocol.name, "image": side,
        }  # fmt: skip
        shown = np.isfinite(values.to_numpy(dtype=np.float64)).all(axis=1)
        parts.append(values.reset_index().assign(**words, shown=shown))
    order = ["trainer", "arm", "protocol", "label", "image", "dataset", "patient", "reference_ml", "difference_percent"]
    return pd.concat(parts, ignore_index=True)[[*order, "shown"]]


def _panel(points: pd.DataFrame, side: str, pairs: Pairs) -> GridPanel:
    of_side = points[points["image"].eq(side)]
    shown = of_side[of_side["shown"]]
    agreement = bland_altman(
        shown["difference_percent"].to_numpy(dtype=np.float64), shown["reference_ml"].to_numpy(dtype=np.float64)
    )
    limits = _limits(points)

    def draw(axis: Axes, width_mm: float, height_mm: float) -> None:
        _draw(axis, shown, agreement, limits)

    protocol = pairs.protocol
    title = f"{protocol.label or protocol.name}, {SIDES[side].lower()}"
    lost = len(of_side) - len(shown)
    return GridPanel(f"{protocol.name}/{side}", title, _words(agreement, lost), draw)


def _limits(points: pd.DataFrame) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the limits of both axes for a protocol, with room for the limits of agreement of both images."""
    shown = points[points["shown"]]
    if shown.empty:
        return (0.0, 1.0), (-1.0, 1.0)
    ends = [0.0, shown["difference_percent"].min(), shown["difference_percent"].max()]
    for _, rows in shown.groupby("image"):
        found = bland_altman(rows["difference_percent"].to_numpy(), rows["reference_ml"].to_numpy())
        ends += [end for end in (found.lower_low, found.upper_high) if np.isfinite(end)]
    sizes = padded(shown["reference_ml"].min(), shown["reference_ml"].max())
    return sizes, padded(min(ends), max(ends))


def _draw(
    axis: Axes,
    points: pd.DataFrame,
    agreement: BlandAltman,
    limits: tuple[tuple[float, float], tuple[float, float]],
) -> None:
    many = len(points) > 200
    axis.scatter(
        points["reference_ml"], points["difference_percent"], s=6 if many else 12, color=POINT_COLOUR,
        edgecolors="white", linewidths=0.3, alpha=0.5 if many else 1.0, zorder=3,
    )  # fmt: skip
    axis.axhline(0, color=INK, linewidth=0.6, linestyle=":")
    for value, low, high, line in (
        (agreement.bias, agreement.bias_low, agreement.bias_high, "-"),
        (agreement.lower, agreement.lower_low, agreement.lower_high, "--"),
        (agreement.upper, agreement.upper_low, agreement.upper_high, "--"),
    ):
        if np.isfinite(value):
            axis.axhline(value, color=BIAS_COLOUR, linewidth=1.1, linestyle=line, zorder=2)
        if np.isfinite(low) and np.isfinite(high):
            axis.axhspan(low, high, color=BIAS_COLOUR, alpha=0.16, linewidth=0, zorder=1)
    quiet_axes(axis, x_label="Reference volume (ml)", y_label="Difference (%)")
    axis.set_xlim(*limits[0])
    axis.set_ylim(*limits[1])
    if points.empty:
        axis.text(0.5, 0.5, "no value", transform=axis.transAxes, ha="center", va="center", fontsize=SMALL_POINTS)


def _words(agreement: BlandAltman, lost: int) -> str:
    """Return bias, limits and n: ``bias −9.8%, limits −26.3% to 6.7%, n = 10``."""
    numbers: list[Any] = []
    if np.isfinite(agreement.bias):
        numbers.append(f"bias {number(agreement.bias, 1)}%")
    if np.isfinite(agreement.lower):
        numbers.append(f"limits {number(agreement.lower, 1)}% to {number(agreement.upper, 1)}%")
    return ", ".join([*numbers, f"n = {agreement.n}", *([f"{lost} without a volume"] if lost else [])])

"""Figure 5 of Chassagnon et al. 2020: predicted disease extent against every measurement of lung function."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.aggregate import rows_of_block
from analysis.errors import NotApplicableError
from analysis.figure import FigureResult, caption_of, figure_name, sheet_names
from analysis.figure_parts.arm_style import ArmStyle, arm_styles
from analysis.figure_parts.case_choice import best_recipe
from analysis.figure_parts.panel_grid import GridPanel, draw_panels, padded, quiet_axes
from analysis.figure_parts.text_fit import number
from analysis.results import Results
from analysis.shared_values import shared_case_values
from analysis.statistics.correlation import spearman
from analysis.statistics.p_values import format_p
from analysis.table_parts.cohort_values import (
    EXTENT,
    cohort_patients,
    extent_models,
    extent_of,
    predicted_extents,
    quantity,
)
from analysis.table_parts.hu_range_notes import hu_range_notes_of
from analysis.table_parts.model_rows import ModelRow, model_rows
from benchmarks.study import Characteristic, Cohort, TrainerUse

NAME = "ssc_figure5"
TITLE = "Predicted disease extent and lung function"
PANEL_MM = 40.0
NO_BREAK = "\u00a0"
POINT_MM2 = 11.0
CAPTION = (
    "Disease extent predicted by {model} (predicted disease over predicted lung, all slices) against lung function; "
    "one examination per patient, the first listed. Spearman's ρ with two-sided P, not corrected for the number of "
    "parameters; lines: least squares within a cohort, from 3 patients. {arm}{left_out}"
)

CHOICE = (
    "Of several arms the one tested on most of these patients, then with the highest mean Dice score of the disease."
)


def make(results: Results) -> tuple[FigureResult, ...]:
    """Return one figure per model: a panel per parameter of lung function, cohorts told apart by marker and line.

    Of each trainer one arm is shown; each baseline that measures an extent has a figure of its own.

    Raises
    ------
    NotApplicableError
        If the study names no cohorts or lung function, or no patient of a cohort has both values.
    """
    settings = results.study.tables.cohorts
    cohorts = (*settings.cohorts, *settings.external)
    if not cohorts or not settings.lung_function:
        raise NotApplicableError("needs [tables.cohorts] cohorts and lung_function")
    extents = predicted_extents(results)
    figures: list[FigureResult] = []
    models = [(_model(results, cohorts, extents, entry), entry.label) for entry in results.study.trainers]
    models += [(row, row.label) for row in extent_models(results.study) if not row.trained]
    for model, label in models:
        if model is not None:
            points = _points(results, cohorts, settings.lung_function, extents, model)
            part = label if len(models) > 1 else ""
            figures += _sheets(results, points, model, part) if points["shown"].any() else []
    if not figures:
        raise NotApplicableError(f"needs scores of the metric {EXTENT} on patients of a cohort with lung function")
    return tuple(figures)


def _model(
    results: Results, cohorts: tuple[Cohort, ...], extents: pd.DataFrame, trainer: TrainerUse
) -> ModelRow | None:
    """Return the arm with extents of most patients; of equals that with the highest mean Dice score of the disease."""
    study = results.study
    patients = [cohort_patients(results, cohort) for cohort in cohorts]
    models = [row for row in model_rows(study) if row.trainer == trainer.name]
    known = {row.recipe: sum(int(extent_of(part, extents, row).notna().sum()) for part in patients) for row in models}
    widest = {recipe for recipe, number in known.items() if number == max(known.values()) > 0}
    disease = study.scoring.disease or next(iter(study.structures))
    values = rows_of_block(shared_case_values(results), study, trainer=trainer.name, structure=disease)
    best = best_recipe(values[values["recipe"].isin(widest)], study)
    candidates = [row for row in models if row.recipe in widest]
    return next((row for row in candidates if row.recipe == best), candidates[0] if candidates else None)


def _points(
    results: Results,
    cohorts: tuple[Cohort, ...],
    parameters: tuple[Characteristic, ...],
    extents: pd.DataFrame,
    model: ModelRow,
) -> pd.DataFrame:
    """Return a row per parameter, cohort and patient; ``shown`` where both values are there."""
    parts = []
    for cohort in cohorts:
        patients = cohort_patients(results, cohort)
        extent = extent_of(patients, extents, model)
        if extent.notna().any():
            for entry in parameters:
                value = quantity(patients, entry.covariate)
                parts.append(
                    pd.DataFrame(
                        {
                            "parameter": entry.label or entry.covariate, "covariate": entry.covariate,
                            "cohort": cohort.name, "cohort_label": cohort.label or cohort.name,
                            "trainer": model.trainer, "arm": model.recipe, "dataset": patients["dataset"],
                            "patient": patients["patient"], "case": patients["case"], "lung_function": value,
                            "extent_percent": extent, "shown": extent.notna() & value.notna(),
                        }
                    )
                )  # fmt: skip
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"shown": pd.Series([], dtype=bool)})


def _sheets(results: Results, points: pd.DataFrame, model: ModelRow, part: str) -> Iterator[FigureResult]:
    shown = points[points["shown"]]
    cohorts = dict(zip(points["cohort"], points["cohort_label"], strict=True))
    styles = arm_styles(list(cohorts))
    panels = [
        _panel(shown[shown["covariate"].eq(covariate)], str(covariate), cohorts, styles)
        for covariate in dict.fromkeys(points["covariate"])
    ]
    legend = [(styles[name].line_and_point(), label) for name, label in cohorts.items()]
    sheets = draw_panels(panels, columns=min(3, len(panels)), height_mm=PANEL_MM, legend=legend)
    name, caption = figure_name(NAME, part), caption_of(TITLE, part, text=_caption(results, points, model))
    for sheet, (figure, names) in zip(sheet_names(name, sheets), sheets, strict=True):
        frame = shown[shown["covariate"].isin(names)].drop(columns="shown").reset_index(drop=True)
        yield FigureResult(sheet, figure, frame, caption)


def _panel(
    points: pd.DataFrame, covariate: str, cohorts: Mapping[str, str], styles: Mapping[str, ArmStyle]
) -> GridPanel:
    found = {name: points[points["cohort"].eq(name)] for name in cohorts}
    words = [_correlation(found[name], label, several=len(cohorts) > 1) for name, label in cohorts.items()]
    title = str(points["parameter"].iloc[0]) if len(points) else covariate

    def draw(axis: Axes, width_mm: float, height_mm: float) -> None:
        for name, rows in found.items():
            _scatter(axis, rows, styles[name])
        quiet_axes(axis, x_label=title, y_label="Predicted disease extent (%)")
        if len(points):
            axis.set_xlim(*padded(points["lung_function"].min(), points["lung_function"].max()))
            axis.set_ylim(*padded(min(0.0, points["extent_percent"].min()), points["extent_percent"].max()))

    return GridPanel(covariate, title, "\n".join(words), draw)


def _correlation(rows: pd.DataFrame, label: str, *, several: bool) -> str:
    result = spearman(
        rows["extent_percent"].to_numpy(dtype=np.float64), rows["lung_function"].to_numpy(dtype=np.float64)
    )
    if np.isnan(result.estimate):
        words = f"n = {len(rows)}, ρ not defined"
    else:
        p = format_p(result.p, style="radiology")
        p = p if p.startswith(("<", ">")) else f"= {p}"
        words = f"ρ = {number(result.estimate, 2)}, P {p}, n = {len(rows)}"
    words = words.replace(" ", NO_BREAK)
    return f"{label}: {words}" if several else words


def _scatter(axis: Axes, rows: pd.DataFrame, style: ArmStyle) -> None:
    if rows.empty:
        return
    x, y = (rows[name].to_numpy(dtype=np.float64) for name in ("lung_function", "extent_percent"))
    many = len(rows) > 200
    axis.scatter(
        x, y, s=POINT_MM2 / (2 if many else 1), color=style.colour, marker=style.marker, edgecolors="white",
        linewidths=0.3, alpha=0.5 if many else 0.9, zorder=3, clip_on=False,
    )  # fmt: skip
    if len(rows) > 2 and np.ptp(x) > 0:
        slope, start = np.polyfit(x, y, 1)
        ends = np.array([x.min(), x.max()])
        axis.plot(ends, start + slope * ends, color=style.colour, linestyle=style.line, linewidth=1.2, zorder=2)


def _caption(results: Results, points: pd.DataFrame, model: ModelRow) -> str:
    arms = {arm.recipe for arm in results.study.arms}
    arm = f"{CHOICE} " if len(arms) > 1 and model.trained else ""
    arm += "".join(f"{note} " for note in hu_range_notes_of(results, [model.recipe]))
    lost = int((~points["shown"]).sum())
    words: dict[str, Any] = {
        "model": model.label, "arm": arm,
        "left_out": f"{lost} of {len(points)} pairs of values left out: one is missing." if lost else "",
    }  # fmt: skip
    return CAPTION.format(**words).strip()

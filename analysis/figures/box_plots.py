"""Box plots of the Dice score of every arm on every test set, with each patient as a point."""

import textwrap
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from analysis.aggregate import blocks, patient_values, rows_of_block, rows_of_study
from analysis.figure import FigureResult, figure_name
from analysis.figure_style import ARM_COLOURS, BASELINE_COLOUR
from analysis.run_folder import RunFolder
from benchmarks.study import Study

NAME = "box_plots"
TITLE = "Dice score by training and test data"
CAPTION = (
    "Dice similarity coefficient of each patient (points), by test set and training data. Boxes: quartiles (R type 7) "
    "and median; whiskers: range. A missing prediction counts as 0."
)
GROUP_WIDTH = 0.82
LETTER_INCHES = 0.066
MANY_POINTS = 50


def make(scores: pd.DataFrame, study: Study, run: RunFolder) -> tuple[FigureResult, ...]:
    """Return one figure per trainer and structure, with one panel per dataset."""
    values = patient_values(scores, study)
    results = []
    for trainer, structure, title in blocks(study):
        rows = rows_of_block(values, study, trainer=trainer, structure=structure)
        frame = rows.drop(columns=["trainer"]).assign(trainer=trainer).reset_index(drop=True)
        results.append(FigureResult(figure_name(NAME, *title.split(", ")), _draw(study, frame), frame, CAPTION))
    return tuple(results)


def _draw(study: Study, values: pd.DataFrame) -> Figure:
    datasets = [entry for entry in study.datasets if entry.name in set(values["dataset"])] or [study.datasets[0]]
    groups = max(len(_sets_of(study, entry.name)) for entry in datasets)
    width = max(3.6, 0.36 * groups * len(rows_of_study(study)) + 1.0)
    figure = Figure(figsize=(max(4.2, width * len(datasets)), 3.5), layout="constrained")
    axes = figure.subplots(1, len(datasets), sharey=True, squeeze=False)[0]
    colours = _colours(study)
    for axis, dataset in zip(axes, datasets, strict=True):
        _panel(axis, study, values[values["dataset"].eq(dataset.name)], dataset=dataset.name, colours=colours)
        if len(datasets) > 1:
            axis.set_title(dataset.label)
    axes[0].set_ylabel("Dice similarity coefficient")
    labels = rows_of_study(study)
    handles = [Patch(facecolor=_pale(colour), edgecolor=colour, label=labels[name]) for name, colour in colours.items()]
    longest = max(len(labels[name]) for name in colours)
    columns = max(1, min(len(handles), int(figure.get_figwidth() / (0.45 + LETTER_INCHES * longest))))
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, handlelength=1.2, columnspacing=1.6)
    return figure


def _panel(axis: Axes, study: Study, values: pd.DataFrame, *, dataset: str, colours: dict[str, str]) -> None:
    sets = _sets_of(study, dataset)
    step = GROUP_WIDTH / len(colours)
    for group, (test_set, _) in enumerate(sets):
        for index, (recipe, colour) in enumerate(colours.items()):
            rows = values[values["test_set"].eq(test_set) & values["recipe"].eq(recipe)].sort_values("patient")
            position = group - GROUP_WIDTH / 2 + (index + 0.5) * step
            _box(axis, rows["value"].dropna().to_numpy(), position=position, width=step * 0.78, colour=colour)
    axis.set_xticks(range(len(sets)), [textwrap.fill(label, 20) for _, label in sets])
    axis.tick_params(axis="x", length=0)
    axis.set_xlim(-0.5, len(sets) - 0.5)
    axis.set_ylim(-0.02, 1.02)
    axis.set_yticks(np.linspace(0, 1, 6))
    axis.grid(axis="y", color="#E3E3E3", linewidth=0.6)
    axis.set_axisbelow(True)


def _box(axis: Axes, values: np.ndarray, *, position: float, width: float, colour: str) -> None:
    if len(values) == 0:
        return
    line = {"color": colour, "linewidth": 0.9}
    axis.boxplot(
        values, positions=[position], widths=width, whis=(0, 100), showfliers=False, patch_artist=True,
        manage_ticks=False, boxprops={"facecolor": _pale(colour), "edgecolor": colour, "linewidth": 0.9},
        whiskerprops=line, capprops=line, medianprops={"color": colour, "linewidth": 1.8},
    )  # fmt: skip
    spread = (np.arange(len(values)) * 0.618034) % 1.0 - 0.5
    few = len(values) <= MANY_POINTS
    axis.scatter(
        position + spread * width * 0.6,
        values,
        s=7 if few else 3.5,
        color=colour,
        edgecolors="white",
        linewidths=0.35 if few else 0.2,
        zorder=3,
    )


def _sets_of(study: Study, dataset: str) -> list[tuple[str, str]]:
    return [(entry.name, entry.label) for entry in study.test_sets if dataset in entry.datasets]


def _colours(study: Study) -> dict[str, str]:
    baselines = [entry.name for entry in study.baselines]
    arms = [name for name in rows_of_study(study) if name not in baselines]
    return dict(zip(arms, cycle(ARM_COLOURS), strict=False)) | dict.fromkeys(baselines, BASELINE_COLOUR)


def _pale(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    return tuple(0.72 + 0.28 * part for part in (red, green, blue))  # type: ignore[return-value]

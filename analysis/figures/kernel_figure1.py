"""Figure 1 of Hoang-Thi et al. 2021: one patient's slice, its readers, and every arm's prediction on each kernel."""

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from analysis.aggregate import blocks, patient_values, rows_of_block
from analysis.example_columns import ExampleColumn, example_columns
from analysis.figure import FigureResult, figure_name
from analysis.figure_style import PREDICTION_COLOUR, READER_COLOUR
from analysis.run_folder import RunFolder
from benchmarks.study import Study

NAME = "figure1"
TITLE = "Original image, readers and predictions on each kernel"
CELL_INCHES = 2.1
LARGEST_INCHES = (7.2, 9.6)
SIDE_INCHES = 0.6
TEXT_INCHES = 0.2
Window = tuple[float, float]
"""Lowest and highest HU shown."""


def make(scores: pd.DataFrame, study: Study, run: RunFolder) -> tuple[FigureResult, ...]:
    """Return one figure per dataset, trainer and structure.

    It shows the patient whose mean Dice score over arms and kernels is the median, on the slice with the most disease;
    in an unpaired study each kernel has its own median patient.
    """
    values = patient_values(scores, study)
    results = []
    for dataset in study.datasets:
        for trainer, structure, title in blocks(study):
            block, rows = (
                rows_of_block(frame[frame["dataset"].eq(dataset.name)], study, trainer=trainer, structure=structure)
                for frame in (values, scores)
            )
            columns = example_columns(run, rows, block, structure=structure)
            if columns:
                label = dataset.name if len(study.datasets) > 1 else ""
                name = figure_name(NAME, label, *title.split(", "))
                results.append(
                    FigureResult(
                        name,
                        _draw(columns, structure, study.image.display_window),
                        _frame(columns),
                        _caption(columns, study),
                    )
                )
    return tuple(results)


def _draw(columns: Sequence[ExampleColumn], structure: str, window: Window) -> Figure:
    readers = max(len(column.references) for column in columns)
    arms = len(columns[0].predictions)
    rows = 1 + readers + arms
    shape = columns[0].image.shown(columns[0].image.hu).shape
    spacing = columns[0].image.spacing_yx_mm
    ratio = shape[0] * spacing[0] / (shape[1] * spacing[1])
    widths = (LARGEST_INCHES[0] - SIDE_INCHES) / len(columns), ((LARGEST_INCHES[1] - 0.5) / rows - TEXT_INCHES) / ratio
    width = min(CELL_INCHES, *widths)
    size = (width * len(columns) + SIDE_INCHES, (width * ratio + TEXT_INCHES) * rows + 0.4)
    figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(w_pad=0.03, h_pad=0.03, wspace=0.01, hspace=0.0))
    axes = figure.subplots(rows, len(columns), squeeze=False)
    for index, column in enumerate(columns):
        axes[0, index].set_title(textwrap.fill(column.test_set.label, 26), fontsize=8.5, fontweight="bold")
        _draw_column(list(axes[:, index]), column, structure, readers=readers, window=window)
    for axis in axes[:, 1:].flat:
        axis.set_ylabel("")
    return figure


def _draw_column(axes: Sequence[Axes], column: ExampleColumn, structure: str, *, readers: int, window: Window) -> None:
    _show(axes[0], column, None, window=window, colour="", label="Original image")
    for index, axis in enumerate(axes[1 : 1 + readers]):
        reference = column.references[index] if index < len(column.references) else None
        mask = reference.slice_mask(structure, column.z) if reference else None
        _show(
            axis,
            column,
            mask,
            window=window,
            colour=READER_COLOUR,
            label="Ground truth" + (f"\n(reader {index + 1})" if readers > 1 else ""),
        )
        if mask is None:
            _say(axis, "not annotated")
    for axis, prediction in zip(axes[1 + readers :], column.predictions, strict=False):
        words = textwrap.fill(prediction.label, 22)
        _show(axis, column, prediction.mask, window=window, colour=PREDICTION_COLOUR, label=words)
        axis.set_xlabel(prediction.words(), labelpad=2)
        if prediction.mask is None:
            _say(axis, "no prediction")


def _show(
    axis: Axes, column: ExampleColumn, mask: npt.NDArray[np.bool_] | None, *, window: Window, colour: str, label: str
) -> None:
    image = column.image
    extent = image.extent_mm()
    low, high = window
    axis.imshow(image.shown(image.hu), cmap="gray", vmin=low, vmax=high, extent=extent, interpolation="bilinear")
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
    axis.set_ylabel(label, fontsize=7.5)
    if mask is not None and mask.any():
        overlay(axis, np.asarray(image.shown(mask), dtype=bool), extent, colour=colour)


def overlay(axis: Axes, mask: npt.NDArray[np.bool_], extent: tuple[float, float, float, float], *, colour: str) -> None:
    """Draw a mask as a translucent area with its outline."""
    rgb = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    area = np.zeros((*mask.shape, 4), dtype=np.float32)
    area[mask] = [*rgb, 0.3]
    axis.imshow(area, extent=extent, interpolation="nearest")
    axis.contour(mask, levels=[0.5], colors=[colour], linewidths=0.6, extent=extent, origin="upper")


def _say(axis: Axes, text: str) -> None:
    axis.text(0.5, 0.5, text, transform=axis.transAxes, ha="center", va="center", color="white", fontsize=8)


def _frame(columns: Sequence[ExampleColumn]) -> pd.DataFrame:
    rows: list[dict[str, Any]] = [
        {
            "test_set": column.test_set.name, "patient": column.patient, "variant": column.variant, "slice_z": column.z,
            "arm": prediction.arm,
            "label": prediction.label, "model": prediction.model, "dice": prediction.value,
        }
        for column in columns
        for prediction in column.predictions
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _caption(columns: Sequence[ExampleColumn], study: Study) -> str:
    who = "The median patient" if study.tables.paired else "The median patient of each kernel (different patients)"
    low, high = study.image.display_window
    return (
        f"{who} by Dice score over arms and kernels, on the annotated slice with the most disease. Blue: reader; "
        "orange: prediction. DSC: Dice similarity coefficient of the whole examination, mean over readers. "
        f"Display window: level {(low + high) / 2:.0f} HU, width {high - low:.0f} HU."
    )

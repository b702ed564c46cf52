"""Figure 4 of Chassagnon et al. 2020: contours of the model and of every reader on the same slice."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.aggregate import printed_structures, rows_of_block, rows_of_study
from analysis.errors import NotApplicableError
from analysis.figure import FigureResult, caption_of, figure_name
from analysis.figure_parts.case_choice import best_recipe, spread_cases
from analysis.figure_parts.case_image import CaseImage
from analysis.figure_parts.chosen_case import ChosenCase, SliceChoice, choose_cases, needs_images, value_of
from analysis.figure_parts.ct_slice import CtSlice, crop_densest
from analysis.figure_parts.picture_grid import Layer, Picture, PictureColumn, draw_pictures
from analysis.figure_parts.slice_choice import slice_with_most
from analysis.figure_parts.slice_masks import masks_of_model, masks_of_reader, members
from analysis.figure_parts.words import score_words, window_words
from analysis.figure_style import PREDICTION_COLOUR
from analysis.reference_masks import ReaderReference
from analysis.results import Results
from analysis.shared_values import shared_case_values
from benchmarks.study import Study, TrainerUse

NAME = "ssc_figure4"
TITLE = "Contours of model and readers"
PATIENTS = 3
ENLARGED_SHARE = 0.5
READER_STYLES: tuple[tuple[str, Any], ...] = (
    ("#56B4E9", "--"), ("#F0E442", ":"), ("#CC79A7", "-."), ("#009E73", (0, (1, 1))), ("#FFFFFF", (0, (4, 1, 1, 1)))
)  # fmt: skip
CAPTION = (
    "Contours of the {structure} by {model} (solid) and by each reader (broken lines) on the annotated slice where the "
    "readers drew most, and the part with most of them enlarged. Patients with the lowest, a median and the highest "
    "Dice score of those with two readers or more{arm}. DSC: Dice similarity coefficient of the whole examination, "
    "mean over readers. {window}"
)


def make(results: Results) -> tuple[FigureResult, ...]:
    """Return one figure per trainer, of the disease or, if the study names none, of every printed structure.

    Raises
    ------
    NotApplicableError
        If no image with two readers and a prediction is there.
    """
    study = results.study
    needs_images(results)
    structures = (study.scoring.disease,) if study.scoring.disease else printed_structures(study)
    figures = [
        figure
        for trainer in study.trainers
        for structure in structures
        for figure in _of_trainer(results, trainer, structure, several=len(structures) > 1)
    ]
    if not figures:
        raise NotApplicableError("needs a test case with two readers of the disease and a prediction")
    return tuple(figures)


def _of_trainer(results: Results, trainer: TrainerUse, structure: str, *, several: bool) -> Iterator[FigureResult]:
    study, run = results.study, needs_images(results)
    block = rows_of_block(shared_case_values(results), study, trainer=trainer.name, structure=structure)
    block = block[_read_twice(results, block) & ~block["status"].isin(("missing", "failed"))]
    recipe = best_recipe(block, study)
    if recipe is None:
        return
    rows = block[block["recipe"].eq(recipe)]
    name = members(study, structure)[0]
    cases = choose_cases(run, spread_cases(rows, PATIENTS), choose_slice=_slice(recipe, trainer.name, name))
    if not cases:
        return
    label = rows_of_study(study)[recipe]
    lines, columns = [], []
    for chosen in cases:
        value, status = value_of(rows, chosen, recipe)
        layers = _layers(study, chosen, recipe, structure, trainer=trainer.name)
        readers = ";".join(entry.reader for entry in chosen.case.read())
        words = {"arm": recipe, "label": label, "dice": value, "status": status, "readers": readers}
        lines.append(chosen.columns() | {"structure": structure} | words)
        columns.append(_column(study, chosen, layers, below=score_words(value)))
    model = trainer.label if len({arm.recipe for arm in study.arms}) == 1 else f"{trainer.label}, {label}"
    caption = CAPTION.format(
        structure=structure.replace("_", " "),
        model=model,
        arm="; the arm with the highest mean" if len({arm.recipe for arm in study.arms}) > 1 else "",
        window=window_words(study),
    )
    figure = draw_pictures(columns, ["Image", "Contours", "Enlarged"], window=study.image.display_window)
    parts = [trainer.label] if len(study.trainers) > 1 else []
    parts += [structure] if several else []
    yield FigureResult(figure_name(NAME, *parts), figure, pd.DataFrame(lines), caption_of(TITLE, *parts, text=caption))


def _read_twice(results: Results, block: pd.DataFrame) -> pd.Series:
    """Return whether each case has two readers or more."""
    references = results.run.matrix["references"] if results.run is not None else {}
    readers = {
        (entry["dataset"], entry["case"]): sum("_repeat" not in name for name in entry["readers"])
        for entry in references.values()
    }
    pairs = zip(block["dataset"], block["case"], strict=True)
    return pd.Series([readers.get(pair, 0) > 1 for pair in pairs], index=block.index, dtype=bool)


def _slice(recipe: str, trainer: str, structure: str) -> SliceChoice:
    def choose(case: CaseImage, references: Sequence[ReaderReference]) -> int | None:
        predicted = case.predicted(case.model(recipe, trainer=trainer))
        return None if predicted is None else slice_with_most(references, structure)

    return choose


def _layers(study: Study, chosen: ChosenCase, recipe: str, structure: str, *, trainer: str) -> tuple[Layer, ...]:
    names = members(study, structure)
    layers = []
    predicted = masks_of_model(chosen.case.predicted(chosen.case.model(recipe, trainer=trainer)), names, chosen.z)
    for mask in (predicted or {}).values():
        layers.append(Layer(mask, PREDICTION_COLOUR, "Model", filled=False))
    for index, reference in enumerate(chosen.case.read()):
        colour, line = READER_STYLES[index % len(READER_STYLES)]
        masks: Mapping[str, Any] = masks_of_reader(reference, names, chosen.z) or {}
        for mask in masks.values():
            layers.append(Layer(mask, colour, f"Reader {index + 1}", filled=False, line=line))
    return tuple(layers)


def _column(study: Study, chosen: ChosenCase, layers: tuple[Layer, ...], *, below: str) -> PictureColumn:
    labels = {entry.name: entry.label for entry in study.datasets}
    several = len(study.datasets) > 1
    title = chosen.words(labels) if several else f"Patient {chosen.letter}"
    enlarged = _enlarged(chosen.image, layers)
    pictures = (
        Picture(chosen.image),
        Picture(chosen.image, layers, below=below),
        Picture(enlarged, tuple(replace(layer, label="") for layer in layers)),
    )
    return PictureColumn(title, pictures)


def _enlarged(image: CtSlice, layers: Sequence[Layer]) -> CtSlice:
    together = np.logical_or.reduce([layer.mask for layer in layers])
    return crop_densest(image, together, share=ENLARGED_SHARE)

"""Figure 1 of Hofmanninger et al. 2020: cases as columns; the slice, the reference and every model's lung mask."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.aggregate import rows_of_block, rows_of_study
from analysis.errors import NotApplicableError
from analysis.figure import FigureResult, caption_of, figure_name, sheet_names
from analysis.figure_parts.case_choice import shares, spread_cases, widely_tested
from analysis.figure_parts.case_image import CaseImage
from analysis.figure_parts.chosen_case import ChosenCase, choose_cases, needs_images, tested_recipes, value_of
from analysis.figure_parts.lung_layers import LEFT, RIGHT, lung_layers
from analysis.figure_parts.picture_grid import (
    MOST_COLUMNS,
    MOST_ROWS,
    Layer,
    Picture,
    PictureColumn,
    draw_pictures,
    in_pages,
)
from analysis.figure_parts.slice_choice import slice_with_most
from analysis.figure_parts.words import score_words, window_words
from analysis.mask_pair import Mask
from analysis.reference_masks import ReaderReference
from analysis.results import Results
from analysis.shared_values import shared_case_values
from benchmarks.study import Study, TrainerUse

NAME = "diversity_figure1"
TITLE = "Lung masks of every model on selected cases"
CAPTION = (
    "Lung masks on cases spread from the lowest to the highest mean Dice score over the models, equally many of each "
    "test dataset, on the slice with most disease (without disease: most lung). Solid: right lung, dashed: left lung. "
    "DSC: Dice similarity coefficient of the whole examination. {window}"
)


def make(results: Results) -> tuple[FigureResult, ...]:
    """Return one figure per trainer: slice, reference, and a row per trained arm.

    Raises
    ------
    NotApplicableError
        If the study names no lung, or no image with a lung reference and a score is there.
    """
    study, run = results.study, needs_images(results)
    lung = study.scoring.lung
    if not lung:
        raise NotApplicableError("needs [scoring] lung")
    values = shared_case_values(results)
    figures: list[FigureResult] = []
    for trainer in study.trainers:
        block = rows_of_block(values, study, trainer=trainer.name, structure=lung)
        cases = choose_cases(run, _spread(study, block), choose_slice=_slice(study, lung))
        figures += _sheets(study, block, cases, trainer) if cases else []
    if not figures:
        raise NotApplicableError("needs a test case with a lung reference and a Dice score")
    return tuple(figures)


def _spread(study: Study, block: pd.DataFrame) -> pd.DataFrame:
    """Return the cases: at least six and one of each dataset, two sheets at most."""
    scored = widely_tested(block[block["value"].notna()])
    groups = [scored[scored["dataset"].eq(entry.name)] for entry in study.datasets]
    groups = [group for group in groups if len(group)][: 2 * MOST_COLUMNS]
    patients = [group["patient"].nunique() for group in groups]
    numbers = shares(max(MOST_COLUMNS, len(groups)), patients)
    chosen = [spread_cases(group, number) for group, number in zip(groups, numbers, strict=True)]
    return pd.concat(chosen) if chosen else scored


def _slice(study: Study, lung: str) -> Any:
    def choose(case: CaseImage, references: Sequence[ReaderReference]) -> int | None:
        disease = study.scoring.disease
        ill = [entry for entry in references if entry.masks is not None and disease in entry.masks]
        if any(entry.masks[disease].any() for entry in ill if entry.masks is not None):
            return slice_with_most(ill, disease)
        return slice_with_most(references, lung)

    return choose


def _sheets(
    study: Study, block: pd.DataFrame, cases: Sequence[ChosenCase], trainer: TrainerUse
) -> Iterator[FigureResult]:
    lung = study.scoring.lung
    labels = {recipe: label for recipe, label in rows_of_study(study).items() if recipe in set(block["recipe"])}
    trained = tested_recipes(study, block, cases)
    parts = [(shown, rows) for shown in in_pages(cases, MOST_COLUMNS) for rows in in_pages(trained, MOST_ROWS - 2)]
    part = trainer.label if len(study.trainers) > 1 else ""
    name = figure_name(NAME, part)
    for sheet, (shown, rows) in zip(sheet_names(name, parts), parts, strict=True):
        frame = pd.DataFrame([_line(block, chosen, recipe, labels) for chosen in shown for recipe in rows])
        columns = [_column(study, chosen, frame, lung, trainer=trainer.name) for chosen in shown]
        words = ["Original image", "Reference", *(labels[recipe] for recipe in rows)]
        figure = draw_pictures(columns, words, window=study.image.display_window)
        caption = caption_of(TITLE, part, text=CAPTION.format(window=window_words(study)))
        yield FigureResult(sheet, figure, frame, caption)


def _line(block: pd.DataFrame, chosen: ChosenCase, recipe: str, labels: Mapping[str, str]) -> dict[str, Any]:
    value, status = value_of(block, chosen, recipe)
    return chosen.columns() | {"arm": recipe, "label": labels[recipe], "dice": value, "status": status}


def _column(study: Study, chosen: ChosenCase, frame: pd.DataFrame, lung: str, *, trainer: str) -> PictureColumn:
    names = (lung, RIGHT, LEFT)

    def draw(masks: Mapping[str, Mask]) -> tuple[Layer, ...]:
        return lung_layers(masks, lung)

    reference = next(iter(chosen.case.read()), None)
    pictures: list[Picture | None] = [
        Picture(chosen.image), chosen.reader_picture(reference, names, draw=draw)
    ]  # fmt: skip
    for line in frame[frame["picture"].eq(chosen.letter)].to_dict("records"):
        words = score_words(line["dice"])
        tested = line["status"] != "not tested"
        pictures.append(
            chosen.model_picture(line["arm"], names, trainer=trainer, draw=draw, below=words) if tested else None
        )
    labels = {entry.name: entry.label for entry in study.datasets}
    return PictureColumn(chosen.words(labels), tuple(pictures))

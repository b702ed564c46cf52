"""Figure 2 of Hofmanninger et al. 2020: the cases where a model and the reference disagree most."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.aggregate import rows_of_block, rows_of_study
from analysis.errors import NotApplicableError
from analysis.figure import FigureResult, caption_of, figure_name, sheet_names
from analysis.figure_parts.case_choice import best_recipe, case_means, shares
from analysis.figure_parts.case_image import CaseImage
from analysis.figure_parts.chosen_case import ChosenCase, SliceChoice, choose_cases, needs_images, value_of
from analysis.figure_parts.lung_layers import LEFT, RIGHT, lung_layers
from analysis.figure_parts.picture_grid import MOST_COLUMNS, Layer, Picture, PictureColumn, draw_pictures, in_pages
from analysis.figure_parts.slice_choice import slice_of_most_difference
from analysis.figure_parts.words import score_words, window_words
from analysis.mask_pair import Mask
from analysis.reference_masks import ReaderReference
from analysis.results import Results
from analysis.shared_values import shared_case_values
from benchmarks.study import Study, TrainerUse

NAME = "diversity_figure2"
TITLE = "Lung masks with the lowest agreement with the reference"
CAPTION = (
    "Cases of each test dataset on which the lung mask of {model}, the arm with the highest mean Dice score, agrees "
    "least with the reference, lowest first, on the annotated slice where they differ most. Solid: right lung, dashed: "
    "left lung. DSC: Dice similarity coefficient of the whole examination.{missed} {window}"
)


def make(results: Results) -> tuple[FigureResult, ...]:
    """Return one figure per trainer: slice, reference and prediction of the arm with the highest mean.

    Raises
    ------
    NotApplicableError
        If the study names no lung, or no image with a lung reference and a prediction is there.
    """
    study = results.study
    needs_images(results)
    if not study.scoring.lung:
        raise NotApplicableError("needs [scoring] lung")
    figures = [figure for trainer in study.trainers for figure in _of_trainer(results, trainer)]
    if not figures:
        raise NotApplicableError("needs a predicted test case with a lung reference and a Dice score")
    return tuple(figures)


def _of_trainer(results: Results, trainer: TrainerUse) -> list[FigureResult]:
    study, run = results.study, needs_images(results)
    lung = study.scoring.lung
    block = rows_of_block(shared_case_values(results), study, trainer=trainer.name, structure=lung)
    recipe = best_recipe(block, study)
    if recipe is None:
        return []
    rows = block[block["recipe"].eq(recipe)]
    predicted = rows[~rows["status"].isin(("missing", "failed"))]
    cases = choose_cases(run, _lowest(study, predicted), choose_slice=_slice(recipe, trainer.name, lung))
    parts = in_pages(cases, MOST_COLUMNS) if cases else []
    missed = len(rows.drop_duplicates(["dataset", "case", "variant"])) - len(
        predicted.drop_duplicates(["dataset", "case", "variant"])
    )
    model = f"{trainer.label}, {rows_of_study(study)[recipe]}"
    caption = CAPTION.format(
        model=model,
        missed=f" {missed} missing predictions cannot be shown." if missed else "",
        window=window_words(study),
    )
    part = trainer.label if len(study.trainers) > 1 else ""
    name, caption = figure_name(NAME, part), caption_of(TITLE, part, text=caption)
    return [
        FigureResult(sheet, *_sheet(study, rows, shown, recipe, trainer=trainer.name), caption)
        for sheet, shown in zip(sheet_names(name, parts), parts, strict=True)
    ]


def _lowest(study: Study, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the cases: at least six and one of each dataset, two sheets at most; one variant of a patient."""
    groups = [case_means(rows[rows["dataset"].eq(entry.name)]) for entry in study.datasets]
    groups = [group.drop_duplicates("patient") for group in groups if len(group)][: 2 * MOST_COLUMNS]
    numbers = shares(max(MOST_COLUMNS, len(groups)), [len(group) for group in groups])
    chosen = [group.head(number) for group, number in zip(groups, numbers, strict=True)]
    return pd.concat(chosen) if chosen else rows.iloc[:0]


def _slice(recipe: str, trainer: str, lung: str) -> SliceChoice:
    def choose(case: CaseImage, references: Sequence[ReaderReference]) -> int | None:
        predicted = case.predicted(case.model(recipe, trainer=trainer))
        if predicted is None or lung not in predicted:
            return None
        return slice_of_most_difference(references, predicted, lung)

    return choose


def _sheet(
    study: Study, rows: pd.DataFrame, cases: Sequence[ChosenCase], recipe: str, *, trainer: str
) -> tuple[Any, pd.DataFrame]:
    lung = study.scoring.lung
    label = rows_of_study(study)[recipe]
    lines = []
    columns = []
    for chosen in cases:
        value, status = value_of(rows, chosen, recipe)
        lines.append(chosen.columns() | {"arm": recipe, "label": label, "dice": value, "status": status})
        columns.append(_column(study, chosen, recipe, lung, trainer=trainer, below=score_words(value)))
    words = ["Original image", "Reference", f"Prediction: {label}"]
    return draw_pictures(columns, words, window=study.image.display_window), pd.DataFrame(lines)


def _column(study: Study, chosen: ChosenCase, recipe: str, lung: str, *, trainer: str, below: str) -> PictureColumn:
    names = (lung, RIGHT, LEFT)

    def draw(masks: Mapping[str, Mask]) -> tuple[Layer, ...]:
        return lung_layers(masks, lung)

    reference = next(iter(chosen.case.read()), None)
    pictures = (
        Picture(chosen.image),
        chosen.reader_picture(reference, names, draw=draw),
        chosen.model_picture(recipe, names, trainer=trainer, draw=draw, below=below),
    )
    return PictureColumn(chosen.words({entry.name: entry.label for entry in study.datasets}), pictures)

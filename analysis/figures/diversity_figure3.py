"""Figure 3 of Hofmanninger et al. 2020: how much of a tumour each model's lung mask covers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.aggregate import rows_of_block, rows_of_study
from analysis.errors import NotApplicableError
from analysis.figure import FigureResult, caption_of, figure_name, sheet_names
from analysis.figure_parts.case_choice import best_recipe, case_means, one_variant, widely_tested
from analysis.figure_parts.case_image import CaseImage
from analysis.figure_parts.chosen_case import ChosenCase, choose_cases, needs_images, tested_recipes, value_of
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
from analysis.figure_parts.words import window_words
from analysis.figure_style import COVERED_COLOUR, READER_COLOUR, UNCOVERED_COLOUR
from analysis.mask_pair import Mask
from analysis.reference_masks import ReaderReference
from analysis.results import Results
from analysis.shared_values import shared_case_values
from benchmarks.study import Study, TrainerUse

NAME = "diversity_figure3"
TITLE = "Tumour covered by the lung masks"
METRIC = "tumour_overlap"
CAPTION = (
    "Tumour of the reference that the predicted lung covers (yellow) and does not cover (red, hatched), on the slice "
    "with most tumour; blue: outline of the predicted lung. The cases with the highest and with the lowest overlap for "
    "{model}, the arm with the highest mean overlap, highest first. Percent: covered share of the tumour's volume. "
    "{window}"
)


def make(results: Results) -> tuple[FigureResult, ...]:
    """Return one figure per trainer: slice, and a row per trained arm.

    Raises
    ------
    NotApplicableError
        If the study names no lung or tumour, or no image with a tumour and a score is there.
    """
    study = results.study
    needs_images(results)
    if not study.scoring.lung or not study.scoring.tumour:
        raise NotApplicableError("needs [scoring] lung and tumour")
    if METRIC not in set(results.scores["metric"]):
        raise NotApplicableError(f"needs scores of the metric {METRIC}")
    figures = [figure for trainer in study.trainers for figure in _of_trainer(results, trainer)]
    if not figures:
        raise NotApplicableError("needs a test case with a tumour in the reference and a prediction")
    return tuple(figures)


def _of_trainer(results: Results, trainer: TrainerUse) -> Iterator[FigureResult]:
    study, run = results.study, needs_images(results)
    values = shared_case_values(results, metric=METRIC)
    block = rows_of_block(values, study, trainer=trainer.name, structure=study.scoring.lung)
    best = best_recipe(block, study)
    if best is None:
        return
    cases = choose_cases(run, _extremes(block, best), choose_slice=_slice(study.scoring.tumour))
    labels = rows_of_study(study)
    parts = in_pages(tested_recipes(study, block, cases), MOST_ROWS - 1) if cases else []
    part = trainer.label if len(study.trainers) > 1 else ""
    name = figure_name(NAME, part)
    words = CAPTION.format(model=f"{trainer.label}, {labels[best]}", window=window_words(study))
    caption = caption_of(TITLE, part, text=words)
    for sheet, rows in zip(sheet_names(name, parts), parts, strict=True):
        frame = pd.DataFrame([_line(block, chosen, recipe, labels) for chosen in cases for recipe in rows])
        columns = [_column(study, chosen, frame, trainer=trainer.name) for chosen in cases]
        rows_shown = ["Original image", *(labels[recipe] for recipe in rows)]
        figure = draw_pictures(columns, rows_shown, window=study.image.display_window)
        yield FigureResult(sheet, figure, frame, caption)


def _extremes(block: pd.DataFrame, recipe: str) -> pd.DataFrame:
    """Return the cases with the highest and the lowest value, as many of each, highest first."""
    wide = one_variant(widely_tested(block[block["value"].notna()]))
    rows = wide[wide["recipe"].eq(recipe) & ~wide["status"].isin(("missing", "failed"))]
    means = case_means(rows).drop_duplicates(["dataset", "patient"])
    half = MOST_COLUMNS // 2
    chosen = means if len(means) <= MOST_COLUMNS else pd.concat([means.head(half), means.tail(half)])
    return chosen.iloc[::-1]


def _slice(tumour: str) -> Any:
    def choose(case: CaseImage, references: Sequence[ReaderReference]) -> int | None:
        outlined = [entry for entry in references if entry.masks is not None and tumour in entry.masks]
        return slice_with_most(outlined, tumour)

    return choose


def _line(block: pd.DataFrame, chosen: ChosenCase, recipe: str, labels: Mapping[str, str]) -> dict[str, Any]:
    value, status = value_of(block, chosen, recipe)
    words = {"arm": recipe, "label": labels[recipe], "overlap_percent": 100 * value, "status": status}
    return chosen.columns() | words


def _column(study: Study, chosen: ChosenCase, frame: pd.DataFrame, *, trainer: str) -> PictureColumn:
    lung, tumour = study.scoring.lung, study.scoring.tumour
    outlined = [entry for entry in chosen.case.read() if entry.masks is not None and tumour in entry.masks]
    truth = outlined[0].slice_mask(tumour, chosen.z) if outlined else None
    pictures: list[Picture | None] = [Picture(chosen.image)]

    def draw(masks: Mapping[str, Mask]) -> tuple[Layer, ...]:
        if truth is None:
            return (Layer(masks[lung], READER_COLOUR, "Predicted lung", filled=False),)
        return (
            Layer(masks[lung], READER_COLOUR, "Predicted lung", filled=False),
            Layer(truth & masks[lung], COVERED_COLOUR, "Tumour covered", opacity=0.75),
            Layer(truth & ~masks[lung], UNCOVERED_COLOUR, "Tumour not covered", hatch="//////", opacity=0.75),
        )

    for line in frame[frame["picture"].eq(chosen.letter)].to_dict("records"):
        share = line["overlap_percent"]
        words = f"{share:.0f}%" if share == share else "not defined"
        tested = line["status"] != "not tested"
        pictures.append(
            chosen.model_picture(line["arm"], [lung], trainer=trainer, draw=draw, below=words) if tested else None
        )
    return PictureColumn(chosen.words({entry.name: entry.label for entry in study.datasets}), tuple(pictures))

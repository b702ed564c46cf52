"""Figure 1 of Hoang-Thi et al. 2021: one patient's slice, its readers, and every arm's prediction on each kernel."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from analysis.aggregate import blocks, rows_of_block, rows_of_study
from analysis.errors import NotApplicableError
from analysis.figure import FigureResult, caption_of, figure_name, sheet_names
from analysis.figure_parts.case_choice import median_patient
from analysis.figure_parts.case_image import CaseImage, image_name
from analysis.figure_parts.ct_slice import CtSlice, share_crop
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
from analysis.figure_parts.slice_masks import masks_of_model, masks_of_reader, members
from analysis.figure_parts.words import score_words
from analysis.figure_style import PREDICTION_COLOUR, READER_COLOUR
from analysis.mask_pair import Mask
from analysis.reference_masks import ReaderReference
from analysis.results import Results
from analysis.run_folder import RunFolder
from analysis.shared_values import shared_case_values, shared_patient_values
from benchmarks.study import Study, TestSet

NAME = "kernel_figure1"
TITLE = "Original image, readers and predictions on each kernel"


@dataclass(frozen=True)
class _Column:
    test_set: TestSet
    patient: str
    row: dict[str, Any]
    z: int
    case: CaseImage
    image: CtSlice
    references: Sequence[ReaderReference]


def make(results: Results) -> tuple[FigureResult, ...]:
    """Return one figure per dataset, trainer and structure.

    It shows the patient whose mean Dice score over arms and kernels is the median, on the slice with most of the
    structure; in an unpaired study each kernel has its own median patient.

    Raises
    ------
    NotApplicableError
        If there are no images, or no dataset is tested on two variants apart.
    """
    study, run = results.study, results.run
    if run is None:
        raise NotApplicableError("needs the images of a run folder")
    datasets = [entry.name for entry in study.datasets if len(_single_sets(study, entry.name)) > 1]
    if not datasets:
        raise NotApplicableError("needs a dataset with two test sets of one variant each")
    figures = [
        figure
        for dataset in datasets
        for trainer, structure, title in blocks(study)
        for figure in _figures(results, run, dataset, trainer=trainer, structure=structure, title=title)
    ]
    if not figures:
        raise NotApplicableError("needs a patient with a Dice score and a readable annotation")
    return tuple(figures)


def _figures(
    results: Results, run: RunFolder, dataset: str, *, trainer: str, structure: str, title: str
) -> Iterator[FigureResult]:
    study = results.study
    cases = rows_of_block(shared_case_values(results), study, trainer=trainer, structure=structure)
    cases = cases[cases["dataset"].eq(dataset)]
    columns = _columns(results, run, cases, dataset=dataset, trainer=trainer, structure=structure)
    if not columns:
        return
    several = sum(len(_single_sets(study, entry.name)) > 1 for entry in study.datasets) > 1
    name = figure_name(NAME, dataset if several else "", *title.split(", "))
    label = next(entry.label for entry in study.datasets if entry.name == dataset) if several else ""
    baselines = [entry.name for entry in study.baselines]
    tested = set(cases.loc[cases["test_set"].isin([column.test_set.name for column in columns]), "recipe"])
    recipes = [recipe for recipe in rows_of_study(study) if recipe in tested.difference(baselines)]
    readers = max(len(column.references) for column in columns)
    parts = [
        (shown, rows)
        for shown in in_pages(columns, MOST_COLUMNS)
        for rows in in_pages(recipes, max(2, MOST_ROWS - 1 - readers))
    ]
    for sheet, (shown, rows) in zip(sheet_names(name, parts), parts, strict=True):
        frame = pd.DataFrame([_line(study, cases, column, recipe) for column in shown for recipe in rows])
        pictures = [_pictures(study, column, frame, structure, readers, trainer=trainer) for column in shown]
        labels = rows_of_study(study)
        words = ["Original image", *_reader_words(readers), *(labels[recipe] for recipe in rows)]
        figure = draw_pictures(pictures, words, window=study.image.display_window)
        yield FigureResult(sheet, figure, frame, caption_of(TITLE, label, title, text=_caption(study, structure)))


def _single_sets(study: Study, dataset: str) -> list[TestSet]:
    """Return the first test set of each single variant of a dataset."""
    sets = [entry for entry in study.test_sets if dataset in entry.datasets and len(entry.variants) == 1]
    found: dict[str, TestSet] = {}
    for entry in sets:
        found.setdefault(entry.variants[0], entry)
    return list(found.values())


def _columns(
    results: Results, run: RunFolder, cases: pd.DataFrame, *, dataset: str, trainer: str, structure: str
) -> list[_Column]:
    study = results.study
    scores, values = (
        rows_of_block(frame[frame["dataset"].eq(dataset)], study, trainer=trainer, structure=part)
        for frame, part in (
            (results.scores, members(study, structure)[0]),
            (shared_patient_values(results), structure),
        )
    )
    sets = _single_sets(study, dataset)
    shared = median_patient(scores, values, study, test_sets=[entry.name for entry in sets])
    columns = []
    for test_set in sets:
        paired = study.tables.paired
        patient = shared if paired else median_patient(scores, values, study, test_sets=[test_set.name])
        column = _column(run, cases, test_set, patient, structure=structure)
        columns += [] if column is None else [column]
    if study.tables.paired:
        images = share_crop([column.image for column in columns])
        columns = [replace(column, image=image) for column, image in zip(columns, images, strict=True)]
    return columns


def _column(
    run: RunFolder, cases: pd.DataFrame, test_set: TestSet, patient: str | None, *, structure: str
) -> _Column | None:
    rows = cases[cases["patient"].eq(patient or "") & cases["test_set"].eq(test_set.name)]
    if rows.empty or patient is None:
        return None
    first = {str(name): value for name, value in rows.sort_values(["case", "variant"]).iloc[0].items()}
    case = CaseImage(run, image_name(first))
    references = case.read(test_set.readers)
    z = slice_with_most(references, members(run.study, structure)[0])
    return None if z is None else _Column(test_set, patient, first, z, case, case.ct_slice(z), references)


def _line(study: Study, cases: pd.DataFrame, column: _Column, recipe: str) -> dict[str, Any]:
    rows = cases[cases["test_set"].eq(column.test_set.name) & cases["recipe"].eq(recipe)]
    rows = rows[rows["case"].eq(column.row["case"]) & rows["variant"].eq(column.row["variant"])]
    return {
        "test_set": column.test_set.name, "dataset": column.row["dataset"], "patient": column.patient,
        "variant": column.row["variant"], "slice_z": column.z, "arm": recipe, "label": rows_of_study(study)[recipe],
        "dice": float(rows["value"].iloc[0]) if len(rows) else float("nan"),
        "status": str(rows["status"].iloc[0]) if len(rows) else "not tested",
    }  # fmt: skip


def _pictures(
    study: Study, column: _Column, frame: pd.DataFrame, structure: str, readers: int, *, trainer: str
) -> PictureColumn:
    names = members(study, structure)
    pictures: list[Picture | None] = [Picture(column.image)]
    for index in range(readers):
        known = index < len(column.references)
        masks = masks_of_reader(column.references[index], names, column.z) if known else None
        pictures.append(_picture(column.image, masks, READER_COLOUR, "Reader", absent="not annotated"))
    for line in frame[frame["test_set"].eq(column.test_set.name)].to_dict("records"):
        if line["status"] == "not tested":
            pictures.append(None)
            continue
        predicted = column.case.predicted(column.case.model(line["arm"], trainer=trainer))
        masks = masks_of_model(predicted, names, column.z)
        picture = _picture(column.image, masks, PREDICTION_COLOUR, "Prediction", absent="no prediction")
        pictures.append(replace(picture, below=score_words(line["dice"])))
    return PictureColumn(column.test_set.label, tuple(pictures))


def _picture(image: CtSlice, masks: dict[str, Mask] | None, colour: str, label: str, *, absent: str) -> Picture:
    if masks is None:
        return Picture(image, message=absent)
    return Picture(image, tuple(Layer(mask, colour, label) for mask in masks.values()))


def _reader_words(readers: int) -> list[str]:
    return ["Ground truth"] if readers == 1 else [f"Ground truth (reader {index + 1})" for index in range(readers)]


def _caption(study: Study, structure: str) -> str:
    who = "The median patient" if study.tables.paired else "The median patient of each kernel (different patients)"
    low, high = study.image.display_window
    what = structure.replace("_", " ")
    seeds = " Several seeds: the first one's mask, the mean Dice." if len(study.seeds) > 1 else ""
    return (
        f"{who} by Dice score of the {what} over arms and kernels, on the annotated slice with most of it. Blue: "
        "reader; orange: prediction. DSC: Dice similarity coefficient of the whole examination, mean over readers."
        f"{seeds} Display window: level {(low + high) / 2:.0f} HU, width {high - low:.0f} HU."
    )

"""A case that a figure shows: the row that names it, the image, and the slice."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from analysis.errors import NotApplicableError
from analysis.figure_parts.case_image import CaseImage, image_name
from analysis.figure_parts.ct_slice import CtSlice
from analysis.figure_parts.picture_grid import Layer, Picture
from analysis.figure_parts.slice_masks import masks_of_model, masks_of_reader
from analysis.mask_pair import Mask
from analysis.reference_masks import ReaderReference
from analysis.results import Results
from analysis.run_folder import RunFolder
from benchmarks.study import Study

NOT_TESTED = "not tested"
Draw = Callable[[Mapping[str, Mask]], tuple[Layer, ...]]
SliceChoice = Callable[[CaseImage, Sequence[ReaderReference]], int | None]


@dataclass(frozen=True)
class ChosenCase:
    """A case, variant and slice; ``letter`` is its name in the figure."""

    letter: str
    row: Mapping[str, Any]
    case: CaseImage
    z: int
    image: CtSlice

    def reader_picture(self, reference: ReaderReference | None, structures: Iterable[str], *, draw: Draw) -> Picture:
        """Return the slice with a reader's masks."""
        masks = None if reference is None else masks_of_reader(reference, structures, self.z)
        return Picture(self.image, message="not annotated") if masks is None else Picture(self.image, draw(masks))

    def model_picture(
        self, recipe: str, structures: Iterable[str], *, trainer: str, draw: Draw, below: str = ""
    ) -> Picture:
        """Return the slice with the masks predicted by the model of a table row."""
        predicted = self.case.predicted(self.case.model(recipe, trainer=trainer))
        masks = masks_of_model(predicted, structures, self.z)
        picture = Picture(self.image, message="no prediction") if masks is None else Picture(self.image, draw(masks))
        return replace(picture, below=below)

    def words(self, labels: Mapping[str, str]) -> str:
        """Return the title of its column: letter and dataset."""
        return f"({self.letter}) {labels[str(self.row['dataset'])]}"

    def columns(self) -> dict[str, Any]:
        """Return what the CSV says about it."""
        names = ("dataset", "patient", "case", "variant")
        return {"picture": self.letter, **{name: self.row[name] for name in names}, "slice_z": self.z}


def choose_cases(run: RunFolder, rows: pd.DataFrame, *, choose_slice: SliceChoice) -> list[ChosenCase]:
    """Return the cases of rows (columns dataset, patient, case, variant) that have a slice to show, in their order."""
    return list(_chosen(run, rows, choose_slice))


def value_of(values: pd.DataFrame, chosen: ChosenCase, recipe: str) -> tuple[float, str]:
    """Return a case's value of one table row and its status; NaN and ``NOT_TESTED`` without a row."""
    rows = values[values["recipe"].eq(recipe)]
    for name in ("dataset", "patient", "case", "variant"):
        rows = rows[rows[name].eq(chosen.row[name])]
    return (float(rows["value"].iloc[0]), str(rows["status"].iloc[0])) if len(rows) else (float("nan"), NOT_TESTED)


def tested_recipes(study: Study, values: pd.DataFrame, cases: Sequence[ChosenCase]) -> list[str]:
    """Return the trained table rows that were tested on any of the cases, in the order of the study file."""
    recipes = dict.fromkeys(arm.recipe for arm in study.arms)
    return [name for name in recipes if any(value_of(values, chosen, name)[1] != NOT_TESTED for chosen in cases)]


def needs_images(results: Results) -> RunFolder:
    """Return the run folder.

    Raises
    ------
    NotApplicableError
        If the results were made in memory.
    """
    if results.run is None:
        raise NotApplicableError("needs the images of a run folder")
    return results.run


def _chosen(run: RunFolder, rows: pd.DataFrame, choose_slice: SliceChoice) -> Iterator[ChosenCase]:
    number = 0
    for _, row in rows.iterrows():
        named = {str(name): value for name, value in row.items()}
        case = CaseImage(run, image_name(named))
        z = choose_slice(case, case.read())
        if z is not None:
            yield ChosenCase(_letter(number), named, case, z, case.ct_slice(z))
            number += 1


def _letter(number: int) -> str:
    """Return a, b... z, then aa."""
    return chr(ord("a") + number) if number < 26 else _letter(number // 26 - 1) + _letter(number % 26)

"""The columns of a figure that shows one slice on several kernels: image, readers and predictions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from analysis.ct_slice import CtSlice, read_ct_slice, share_crop
from analysis.example_case import median_patient, slice_with_most_disease
from analysis.example_predictions import ExamplePrediction, predictions_of
from analysis.reference_masks import ReaderReference, read_references
from analysis.run_folder import RunFolder
from benchmarks.study import TestSet


@dataclass(frozen=True)
class ExampleColumn:
    """What one column shows: a slice of one patient on one variant."""

    test_set: TestSet
    patient: str
    variant: str
    z: int
    image: CtSlice
    references: Sequence[ReaderReference]
    predictions: Sequence[ExamplePrediction]


def example_columns(
    run: RunFolder, scores: pd.DataFrame, values: pd.DataFrame, *, structure: str
) -> list[ExampleColumn]:
    """Return a column for each test set of one variant that has a patient to show.

    Parameters
    ----------
    scores, values : DataFrame
        Score rows and patient values of one dataset, trainer and structure.
    """
    study = run.study
    sets = [
        entry for entry in study.test_sets if len(entry.variants) == 1 and set(entry.datasets) & set(values["dataset"])
    ]
    shared = median_patient(scores, values, study, test_sets=[entry.name for entry in sets])
    columns = []
    for test_set in sets:
        own = shared if study.tables.paired else median_patient(scores, values, study, test_sets=[test_set.name])
        column = None if own is None else _column(run, scores, test_set, patient=own, structure=structure)
        columns += [] if column is None else [column]
    return _aligned(columns) if study.tables.paired else columns


def _column(
    run: RunFolder, scores: pd.DataFrame, test_set: TestSet, *, patient: str, structure: str
) -> ExampleColumn | None:
    rows = scores[scores["patient"].eq(patient) & scores["variant"].isin(test_set.variants)]
    if rows.empty:
        return None
    first = rows.sort_values(["case", "variant"]).iloc[0]
    image_id = f"{first['dataset']}_{first['case']}-{first['variant']}"
    references = read_references(run, run.matrix["references"][f"{first['dataset']}_{first['case']}"])
    references = [entry for entry in references if not test_set.readers or entry.reader in test_set.readers]
    z = slice_with_most_disease(references, structure)
    if z is None:
        return None
    image = read_ct_slice(run.path(run.matrix["images"][image_id]["path"]), z)
    found = predictions_of(run, rows, image_id, z=z, structure=structure, test_set=test_set)
    return ExampleColumn(test_set, patient, first["variant"], z, image, references, found)


def _aligned(columns: Sequence[ExampleColumn]) -> list[ExampleColumn]:
    """Give the columns of one patient the same frame."""
    images = share_crop([column.image for column in columns])
    return [replace(column, image=image) for column, image in zip(columns, images, strict=True)]

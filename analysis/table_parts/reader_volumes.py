"""Volumes of readers and models on the same slices, one value per patient."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.results import Results
from analysis.shared_values import shared_reader_values
from analysis.table_parts.frames import places_by

Floats: TypeAlias = npt.NDArray[np.float64]
Key: TypeAlias = tuple[str, ...]
"""Structure, test set and dataset of a block, or trainer and recipe of a model."""
BLOCK = ["structure", "test_set", "dataset"]
CASE = ["patient", "case", "variant"]
MODEL = ["trainer", "recipe"]
SAME_SLICES = 1e-9


@dataclass(frozen=True)
class ModelVolumes:
    """Volumes (ml) of one model and block, a row per case, a column per reader; NaN where a reader has none.

    ``predicted`` is the model's volume on the slices of each reader, ``reference`` the reader's own. ``differs`` marks
    cases on which some model's volumes tell that the readers did not annotate the same slices.
    """

    patients: npt.NDArray[np.intp]
    reference: Floats
    predicted: Floats
    differs: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class VolumeBlock:
    """The volumes of one structure, test set and dataset, by trainer and recipe."""

    readers: tuple[str, ...]
    models: Mapping[Key, ModelVolumes]

    def with_reader(self, model: Key, reader: str) -> Floats:
        """Return reader's and model's volume per patient (n, 2), cases and variants averaged."""
        if model not in self.models or reader not in self.readers:
            return np.empty((0, 2))
        found, column = self.models[model], self.readers.index(reader)
        return _per_patient(found.patients, np.column_stack([found.reference[:, column], found.predicted[:, column]]))

    def with_all(self, model: Key, readers: Sequence[str]) -> Floats:
        """Return the mean of the readers and the model's volume per patient (n, 2), where the slices are the same."""
        if model not in self.models or not readers or not set(readers) <= set(self.readers):
            return np.empty((0, 2))
        found, columns = self.models[model], [self.readers.index(name) for name in readers]
        both = np.column_stack([found.reference[:, columns].mean(axis=1), found.predicted[:, columns[0]]])
        return _per_patient(found.patients[~found.differs], both[~found.differs])

    def of_readers(self, readers: Sequence[str]) -> Floats:
        """Return the readers' volumes per patient (n, readers), where the slices are the same."""
        if not self.models or not set(readers) <= set(self.readers):
            return np.empty((0, len(readers)))
        found, columns = next(iter(self.models.values())), [self.readers.index(name) for name in readers]
        return _per_patient(found.patients[~found.differs], found.reference[~found.differs][:, columns])


NOTHING = VolumeBlock((), {})


def reader_volumes(results: Results) -> dict[Key, VolumeBlock]:
    """Return the volumes of every structure, test set and dataset; nothing without both volume metrics."""
    if not {"volume", "reference_volume"} <= set(results.scores["metric"]):
        return {}
    keys = [*BLOCK, *MODEL, *CASE]
    sides = {}
    for metric in ("volume", "reference_volume"):
        values = shared_reader_values(results, metric=metric)
        values = values[values["kind"].eq("model")]
        sides[metric] = values.pivot(index=keys, columns="first", values="value")
    predicted, reference = sides["volume"], sides["reference_volume"].reindex_like(sides["volume"])
    index = predicted.index.to_frame(index=False)
    differs = _differs(index, predicted.to_numpy())
    return {
        key: _block(index.iloc[rows], predicted.iloc[rows], reference.iloc[rows], differs[rows])
        for key, rows in places_by(index, BLOCK).items()
    }


def _differs(index: pd.DataFrame, predicted: Floats) -> npt.NDArray[np.bool_]:
    """Return where some model's volumes on the readers' slices disagree: the score rows do not name the slices."""
    spread = np.nanmax(predicted, axis=1, initial=-np.inf) - np.nanmin(predicted, axis=1, initial=np.inf)
    differs = spread > SAME_SLICES * np.maximum(1, np.abs(np.nanmax(predicted, axis=1, initial=0)))
    codes = index.groupby([*BLOCK, *CASE], sort=False).ngroup().to_numpy()
    return np.asarray(np.bincount(codes, weights=differs)[codes] > 0)


def _block(
    index: pd.DataFrame, predicted: pd.DataFrame, reference: pd.DataFrame, differs: npt.NDArray[np.bool_]
) -> VolumeBlock:
    known = reference.notna().any().to_numpy()
    patients = pd.factorize(index["patient"])[0]
    models = {
        key: ModelVolumes(
            patients[rows],
            reference.to_numpy()[rows][:, known],
            predicted.to_numpy()[rows][:, known],
            differs[rows],
        )
        for key, rows in places_by(index, MODEL).items()
    }
    return VolumeBlock(tuple(map(str, reference.columns[known])), models)


def _per_patient(patients: npt.NDArray[np.intp], values: Floats) -> Floats:
    """Return the means over the cases of a patient in which every value is finite."""
    complete = np.isfinite(values).all(axis=1)
    codes, values = np.unique(patients[complete], return_inverse=True)[1], values[complete]
    counts = np.bincount(codes)
    sums = [np.bincount(codes, weights=column) for column in values.T]
    return np.column_stack(sums) / counts[:, None] if len(counts) else np.empty((0, values.shape[1]))

"""The masks of every reader of one examination, on the slices that reader annotated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.errors import AnalysisError
from analysis.label_map import LabelMap, read_label_map
from analysis.metric import Mask
from analysis.run_folder import RunFolder


@dataclass(frozen=True)
class ReaderReference:
    """One reader's annotation of one examination.

    Attributes
    ----------
    reader, slices : str
        Name, and ``annotated`` or ``all``.
    grid : LabelMap or None
        The whole annotation; None if it could not be read, ``reason`` then says why.
    index : int array or None
        The scored slices along z; None: all.
    masks : mapping
        Structure to bool array (z, y, x) of the scored slices.
    """

    reader: str
    slices: str
    grid: LabelMap | None = None
    index: npt.NDArray[np.intp] | None = None
    masks: Mapping[str, Mask] | None = None
    reason: str = ""

    def scored(self, labels: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
        """Return the scored slices of a label array (z, y, x)."""
        return labels if self.index is None else labels[self.index]

    def slice_mask(self, structure: str, z: int) -> Mask | None:
        """Return the mask (y, x) of one slice; None if this reader did not annotate it."""
        if self.masks is None:
            return None
        if self.index is None:
            return self.masks[structure][z]
        places = np.nonzero(self.index == z)[0]
        return self.masks[structure][places[0]] if len(places) else None


def read_references(run: RunFolder, reference: Mapping[str, Any]) -> list[ReaderReference]:
    """Read every reader's masks of one examination (an entry of ``references`` in the matrix)."""
    return [
        _read_reader(run, name, entry, structures=reference["structures"])
        for name, entry in reference["readers"].items()
    ]


def _read_reader(
    run: RunFolder, name: str, entry: Mapping[str, Any], *, structures: Mapping[str, Sequence[int]]
) -> ReaderReference:
    annotated = entry["annotated_slices"]
    slices = "all" if annotated is None else "annotated"
    try:
        grid = read_label_map(run.path(entry["annotation"]))
        index = _slice_index(annotated, depth=grid.labels.shape[0])
    except AnalysisError as error:
        return ReaderReference(name, slices, reason=f"annotation: {error}")
    scored = grid.labels if index is None else grid.labels[index]
    masks = {structure: np.isin(scored, values) for structure, values in structures.items()}
    return ReaderReference(name, slices, grid=grid, index=index, masks=masks)


def _slice_index(annotated: Sequence[int] | None, *, depth: int) -> npt.NDArray[np.intp] | None:
    if annotated is None:
        return None
    index = np.asarray(sorted(set(annotated)), dtype=np.intp)
    if index.size == 0 or index[0] < 0 or index[-1] >= depth:
        raise AnalysisError(f"annotated slices {list(annotated)[:5]}, wanted at least one of 0 to {depth - 1}")
    return index

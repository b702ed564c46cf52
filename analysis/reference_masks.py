"""The masks of every reader of one examination, on the slices that reader annotated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.errors import AnalysisError
from analysis.label_map import LabelMap, read_label_map
from analysis.mask_pair import Mask
from analysis.run_folder import RunFolder
from analysis.scoring.lazy_masks import LazyMasks, masks_of_labels
from analysis.scoring.structures import reference_structures

SliceIndex = npt.NDArray[np.intp]


@dataclass(frozen=True)
class ReaderReference:
    """One reader's annotation of one examination, or a consensus or prediction in its place.

    Attributes
    ----------
    reader, slices : str
        Name, and ``annotated``, ``lung`` or ``all``.
    grid : LabelMap or None
        The whole annotation; None if it could not be read, ``reason`` then says why.
    index : int array or None
        The scored slices along z; None: all.
    masks : mapping
        Structure to bool array (z, y, x) of the scored slices; None if nothing can be scored.
    open : bool array or None
        Voxels (z, y, x) of the scored slices that the reader left open, neither structure nor background; None: none.
    """

    reader: str
    slices: str
    grid: LabelMap | None = None
    index: SliceIndex | None = None
    masks: Mapping[str, Mask] | None = None
    reason: str = ""
    open: Mask | None = None

    @property
    def contiguous(self) -> bool:
        """Whether every scored slice has its neighbours, so that a distance across slices means something."""
        return self.index is None or bool((np.diff(self.index) == 1).all())

    def slice_mask(self, structure: str, z: int) -> Mask | None:
        """Return the mask (y, x) of one slice; None if this reader did not annotate it."""
        if self.masks is None:
            return None
        if self.index is None:
            return self.masks[structure][z]
        places = np.nonzero(self.index == z)[0]
        return self.masks[structure][places[0]] if len(places) else None


def read_references(run: RunFolder, reference: Mapping[str, Any]) -> list[ReaderReference]:
    """Read every reader's masks of one examination (an entry of ``references`` in the matrix).

    The masks are those of ``scoring.structures.reference_structures``: trained structures, unions and reference-only
    ones, as far as the dataset has labels for them. An annotation that cannot be read has no masks and a reason.

    Raises
    ------
    AnalysisError
        If the matrix names an annotation outside the run.
    """
    structures = reference_structures(run.study, reference)
    return [_read_reader(run, name, entry, structures=structures) for name, entry in reference["readers"].items()]


def restrict(reference: ReaderReference, index: SliceIndex | None, *, slices: str) -> ReaderReference:
    """Return the same masks on fewer slices (``index`` along z, all of them annotated; None: all) under another word.

    Without any slice the result has no masks and a reason.
    """
    if index is not None and index.size == 0:
        reason = f"no slice to score ({slices})"
        return ReaderReference(reference.reader, slices, grid=reference.grid, index=index, reason=reason)
    masks = reference.masks
    if masks is None or index is None or (reference.index is not None and np.array_equal(index, reference.index)):
        return replace(reference, slices=slices)
    places = _places(index if reference.index is None else np.searchsorted(reference.index, index))
    chosen = LazyMasks(masks, lambda structure: masks[structure][places])
    left = None if reference.open is None else reference.open[places]
    return replace(reference, slices=slices, index=index, masks=chosen, open=left)


def without(reference: ReaderReference, voxels: Mask | None) -> ReaderReference:
    """Return the same masks with some voxels (z, y, x) of the scored slices as background; None: none."""
    masks = reference.masks
    if voxels is None or masks is None:
        return reference
    known = ~voxels
    return replace(reference, masks=LazyMasks(masks, lambda structure: masks[structure] & known), open=voxels)


def left_open(references: Sequence[ReaderReference]) -> Mask | None:
    """Return the voxels that any of some references on the same slices left open."""
    found = [entry.open for entry in references if entry.open is not None]
    return np.logical_or.reduce(found) if found else None


def leaves_voxels_open(run: RunFolder) -> bool:
    """Say whether any reader of a run left single voxels open."""
    readers = [reader for entry in run.matrix["references"].values() for reader in entry["readers"].values()]
    return any(reader.get("ignore_value") is not None for reader in readers)


def shared_index(references: Sequence[ReaderReference]) -> SliceIndex | None:
    """Return the slices that all annotated; None: all slices."""
    sparse = [reference.index for reference in references if reference.index is not None]
    if not sparse:
        return None
    shared = sparse[0]
    for index in sparse[1:]:
        shared = np.intersect1d(shared, index)
    return shared


def _places(index: SliceIndex) -> slice | SliceIndex:
    """Return neighbouring slices as a Python slice, which copies nothing."""
    is_run = index.size == index[-1] - index[0] + 1
    return slice(int(index[0]), int(index[-1]) + 1) if is_run else index


def _read_reader(
    run: RunFolder, name: str, entry: Mapping[str, Any], *, structures: Mapping[str, Sequence[int]]
) -> ReaderReference:
    annotated = entry["annotated_slices"]
    slices = "all" if annotated is None else "annotated"
    path = run.path(entry["annotation"])
    try:
        grid = read_label_map(path)
        index = _slice_index(annotated, depth=grid.labels.shape[0])
    except AnalysisError as error:
        return ReaderReference(name, slices, reason=f"annotation: {error}")
    scored = grid.labels if index is None else grid.labels[index]
    masks, left = masks_of_labels(scored, structures), _left_open(scored, entry.get("ignore_value"))
    return ReaderReference(name, slices, grid=grid, index=index, masks=masks, open=left)


def _left_open(labels: npt.NDArray[np.integer], value: int | None) -> Mask | None:
    if value is None:
        return None
    found: Mask = labels == value
    return found if found.any() else None


def _slice_index(annotated: Sequence[int] | None, *, depth: int) -> SliceIndex | None:
    if annotated is None:
        return None
    index = np.asarray(sorted(set(annotated)), dtype=np.intp)
    if index.size == 0:
        raise AnalysisError("the reader has no annotated slice; wanted one at least")
    if index[0] < 0 or index[-1] >= depth:
        raise AnalysisError(f"annotated slices {list(annotated)[:5]}, wanted slices from 0 to {depth - 1}")
    return index

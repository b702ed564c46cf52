"""The references of one examination: its readers, their repeats, their consensus, and the slices to score."""

import re
from collections.abc import Sequence

import numpy as np

from analysis.mask_pair import Mask
from analysis.reference_masks import ReaderReference, left_open, restrict, shared_index, without
from analysis.scoring.lazy_masks import LazyMasks
from analysis.scoring.staple import majority_vote, staple

REPEAT = re.compile(r"(?P<reader>.+)_repeat\d*")
VOTES = {"majority": majority_vote, "staple": staple}


def split_repeats(
    readers: Sequence[ReaderReference],
) -> tuple[list[ReaderReference], list[tuple[ReaderReference, ReaderReference]]]:
    """Return the readers, and each repeat with the first reading it repeats.

    A reader ``reader1_repeat`` or ``reader1_repeat2`` repeats ``reader1``, if the examination has it.
    """
    named = {entry.reader: entry for entry in readers}
    found = [(entry, REPEAT.fullmatch(entry.reader)) for entry in readers]
    repeats = [(named[match["reader"]], entry) for entry, match in found if match and match["reader"] in named]
    repeated = {entry.reader for _, entry in repeats}
    return [entry for entry in readers if entry.reader not in repeated], repeats


def make_consensus(readers: Sequence[ReaderReference], rule: str) -> ReaderReference:
    """Return the ``majority`` or ``staple`` consensus of the readers, on the slices all of them annotated.

    Structures are decided one by one, a union as the union each reader drew. A voxel that half of the readers or
    fewer marked is no majority. A voxel that one reader left open is open in the consensus.
    """
    usable = [entry for entry in readers if entry.masks is not None]
    index = shared_index(usable)
    slices = "all" if index is None else "annotated"
    if len(usable) < 2:
        return ReaderReference(rule, slices, reason=f"consensus of {len(usable)} readers, wanted 2 at least")
    shapes = {entry.grid.labels.shape for entry in usable if entry.grid is not None}
    if len(shapes) > 1:
        return ReaderReference(rule, slices, reason=f"consensus: readers on grids of different size {sorted(shapes)}")
    chosen = [restrict(entry, index, slices=slices) for entry in usable]
    first = chosen[0]
    if first.masks is None:
        return ReaderReference(rule, slices, reason="consensus: the readers annotated no slice in common")

    left = left_open(chosen)
    closed = [without(entry, left) for entry in chosen]

    def make(structure: str) -> Mask:
        return VOTES[rule]([entry.masks[structure] for entry in closed if entry.masks is not None])

    masks = LazyMasks(first.masks, make)
    return ReaderReference(rule, slices, grid=first.grid, index=first.index, masks=masks, open=left)


def choose_slices(reference: ReaderReference, choice: str, *, lung: str) -> ReaderReference:
    """Return a reference on the slices of a test set: ``reader``, ``lung`` or ``all``.

    ``lung`` keeps the annotated slices on which this reference shows the structure named ``lung``. What cannot be
    scored has no masks and a reason: ``all`` of a reader who annotated some slices, ``lung`` without lung.
    """
    if choice == "reader":
        return reference
    if reference.masks is None or reference.grid is None:
        return ReaderReference(reference.reader, choice, reason=reference.reason)
    depth = reference.grid.labels.shape[0]
    if choice == "all":
        if reference.index is None or reference.index.size == depth:
            return restrict(reference, reference.index, slices="all")
        reason = f"annotation: {reference.index.size} of {depth} slices annotated, wanted all"
        return ReaderReference(reference.reader, "all", reason=reason)
    if lung not in reference.masks:
        return ReaderReference(reference.reader, "lung", reason=f"annotation: no label of {lung} in this dataset")
    shown = np.flatnonzero(reference.masks[lung].any(axis=(1, 2)))
    if not shown.size:
        return ReaderReference(reference.reader, "lung", reason=f"annotation: {lung} on none of the annotated slices")
    index = shown if reference.index is None else reference.index[shown]
    return restrict(reference, index, slices="lung")

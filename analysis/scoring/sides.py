"""Two label maps on the same slices, or why they cannot be compared."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from analysis.empties import Status
from analysis.label_map import LabelMap, grid_difference
from analysis.mask_pair import Mask, Spacing
from analysis.reference_masks import ReaderReference, left_open, restrict, shared_index, without
from analysis.scoring.lazy_masks import names_without_masks
from analysis.scoring.predictions import Prediction

Masks = Mapping[str, Mask]
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Sides:
    """What is compared: masks (z, y, x) of a reference and of a prediction by structure, on the same slices.

    Voxels that the reference leaves open are background in both, so no metric sees them. Where a mask ends at such a
    voxel it has a surface there, in both masks alike: a surface distance near it may come out too small.

    ``missed`` is the status and reason that every score gets instead of a value; the masks of what could not be read
    then only name structures.
    ``contiguous`` says whether the slices are neighbours, ``complete`` whether they are all of the image.
    ``direction`` is that of the grid, as SimpleITK gives it. ``surroundings`` reads body and air of the image, slices
    from the feet upwards; None: there is no image.
    """

    reference: Masks
    prediction: Masks
    spacing_zyx_mm: Spacing = (1.0, 1.0, 1.0)
    contiguous: bool = True
    missed: tuple[Status, str] | None = None
    complete: bool = True
    direction: tuple[float, ...] = AXIAL
    surroundings: Callable[[], tuple[Mask, Mask]] | None = None


def compare(
    reference: ReaderReference, prediction: Prediction, *, shown: Collection[str], predicted: Collection[str]
) -> Sides:
    """Return a prediction against a reference, on the reference's slices and without the voxels it leaves open.

    Parameters
    ----------
    shown, predicted : collection of str
        The structures that such a reference and such a prediction have, whether or not these could be read.
    """
    missed = prediction.missed
    if reference.masks is None:
        missed = ("no_reference", reference.reason)
    difference = "" if missed else _difference(reference.grid, prediction.side.grid)
    if difference:
        missed = ("failed", f"prediction: {difference}")
    if missed:
        known = names_without_masks(shown) if reference.masks is None else reference.masks
        return Sides(
            known,
            names_without_masks(predicted),
            contiguous=reference.contiguous,
            missed=missed,
            complete=reference.slices == "all",
        )
    scored = restrict(prediction.side, reference.index, slices=reference.slices)
    return _sides(reference, without(scored, reference.open))


def measure(prediction: Prediction, *, predicted: Collection[str]) -> Sides:
    """Return a prediction alone, on all slices."""
    if prediction.missed:
        return Sides(names_without_masks(()), names_without_masks(predicted), missed=prediction.missed)
    return _sides(replace(prediction.side, masks={}), prediction.side)


def compare_readers(
    first: ReaderReference, second: ReaderReference, *, shown: Collection[str]
) -> tuple[Sides, ReaderReference]:
    """Return a second reader against a first, on the slices both annotated, and the first on those slices.

    A voxel that one of the two left open is compared in neither.
    """
    unread = next((entry for entry in (first, second) if entry.masks is None), None)
    names = names_without_masks(shown)
    if unread is not None:
        reason = f"{unread.reader}: {unread.reason}"
        return Sides(names, names, missed=("no_reference", reason)), ReaderReference(first.reader, first.slices)
    index = shared_index((first, second))
    slices = "all" if index is None else "annotated"
    difference = _difference(first.grid, second.grid)
    if difference:
        missed: tuple[Status, str] = ("failed", f"{second.reader}: {difference}")
        return Sides(names, names, missed=missed), ReaderReference(first.reader, slices)
    one, other = (restrict(entry, index, slices=slices) for entry in (first, second))
    if one.masks is None:
        missed = ("no_reference", f"{first.reader} and {second.reader} annotated no slice in common")
        return Sides(names, names, contiguous=False, missed=missed), one
    left = left_open((one, other))
    one, other = without(one, left), without(other, left)
    return _sides(one, other), one


def _difference(reference: LabelMap | None, prediction: LabelMap | None) -> str:
    return grid_difference(reference, prediction) if reference is not None and prediction is not None else ""


def _sides(reference: ReaderReference, prediction: ReaderReference) -> Sides:
    spacing = reference.grid.spacing_zyx_mm if reference.grid is not None else (1.0, 1.0, 1.0)
    return Sides(
        reference.masks or {},
        prediction.masks or {},
        spacing,
        contiguous=reference.contiguous,
        complete=reference.index is None,
        direction=reference.grid.direction if reference.grid is not None else AXIAL,
    )

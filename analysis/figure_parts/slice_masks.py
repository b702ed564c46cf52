"""The masks of one slice, of a reader or of a model."""

from collections.abc import Iterable, Mapping

from analysis.mask_pair import Mask
from analysis.reference_masks import ReaderReference
from benchmarks.study import Study


def masks_of_reader(reference: ReaderReference, structures: Iterable[str], z: int) -> dict[str, Mask] | None:
    """Return the masks (y, x) of the structures the reader's dataset has; None if the slice was not annotated."""
    known = [name for name in structures if reference.masks is not None and name in reference.masks]
    found = {name: reference.slice_mask(name, z) for name in known}
    return {name: mask for name, mask in found.items() if mask is not None} or None


def masks_of_model(predicted: Mapping[str, Mask] | None, structures: Iterable[str], z: int) -> dict[str, Mask] | None:
    """Return the masks (y, x) of the structures that are predicted; None without a prediction of the slice."""
    if predicted is None:
        return None
    found = {name: predicted[name] for name in structures if name in predicted}
    return {name: mask[z] for name, mask in found.items() if z < len(mask)} or None


def members(study: Study, structure: str) -> tuple[str, ...]:
    """Return the structures that have masks: those an average is made of, or the structure itself."""
    return study.scoring.averages.get(structure, (structure,))

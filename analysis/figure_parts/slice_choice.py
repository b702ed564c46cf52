"""Which slice of an examination a figure shows."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from analysis.mask_pair import Mask
from analysis.reference_masks import ReaderReference

Areas = Mapping[int, Sequence[int]]


def slice_with_most(references: Sequence[ReaderReference], structure: str) -> int | None:
    """Return the z index where a structure has the largest area, averaged over readers; the lowest of equals.

    Only slices every reader annotated are considered, if there are any. None if no reader shows the structure.
    """
    areas: dict[int, list[int]] = {}
    for reference in references:
        if reference.masks is not None and structure in reference.masks:
            sizes = reference.masks[structure].sum(axis=(1, 2))
            _add(areas, _slices(reference, len(sizes)), sizes)
    return _largest(areas)


def slice_of_most_difference(
    references: Sequence[ReaderReference], predicted: Mapping[str, Mask], structure: str
) -> int | None:
    """Return the z index where prediction and readers differ in most voxels, averaged over readers."""
    areas: dict[int, list[int]] = {}
    for reference in references:
        if reference.masks is not None and structure in reference.masks:
            mask = reference.masks[structure]
            index = _slices(reference, len(mask))
            _add(areas, index, (mask ^ predicted[structure][index]).sum(axis=(1, 2)))
    return _largest(areas)


def _slices(reference: ReaderReference, depth: int) -> npt.NDArray[np.intp]:
    return np.arange(depth) if reference.index is None else reference.index


def _add(areas: dict[int, list[int]], index: npt.NDArray[np.intp], sizes: npt.NDArray[np.integer]) -> None:
    for z, size in zip(index.tolist(), sizes.tolist(), strict=True):
        areas.setdefault(z, []).append(size)


def _largest(areas: Areas) -> int | None:
    if not areas:
        return None
    most = max(len(found) for found in areas.values())
    means = {z: sum(found) / len(found) for z, found in areas.items() if len(found) == most}
    return min(means, key=lambda z: (-means[z], z))

"""One CT slice for display: windowed grey levels, seen from the feet, cropped to the body."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy import ndimage

from analysis.errors import AnalysisError
from analysis.mask_pair import Mask

AIR_HU = -500.0
MARGIN_MM = 6.0


@dataclass(frozen=True)
class CtSlice:
    """A slice (y, x) in HU, and how to show any mask of the same slice beside it."""

    hu: npt.NDArray[np.float32]
    spacing_yx_mm: tuple[float, float]
    flip_yx: tuple[bool, bool]
    crop: tuple[slice, slice]

    def shown(self, array: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """Return an array (y, x) of this slice turned and cropped for display."""
        steps = tuple(slice(None, None, -1 if flip else 1) for flip in self.flip_yx)
        return array[self.crop][steps]

    def extent_mm(self) -> tuple[float, float, float, float]:
        """Return left, right, bottom, top of the shown part, for an image drawn from the top."""
        height, width = self.shown(self.hu).shape
        return 0.0, width * self.spacing_yx_mm[1], height * self.spacing_yx_mm[0], 0.0


def read_ct_slice(path: Path, z: int) -> CtSlice:
    """Read one slice of a CT volume.

    Raises
    ------
    AnalysisError
        If the file cannot be read or has no such slice.
    """
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError:
        raise AnalysisError(f"{path} not readable; convert the dataset again") from None
    array = sitk.GetArrayViewFromImage(image)
    if not 0 <= z < array.shape[0]:
        raise AnalysisError(f"{path}: slice {z} wanted, found {array.shape[0]} slices; convert the dataset again")
    hu = np.array(array[z], dtype=np.float32)
    spacing, direction = image.GetSpacing(), image.GetDirection()
    spacing_yx_mm = (spacing[1], spacing[0])
    return CtSlice(hu, spacing_yx_mm, (direction[4] < 0, direction[0] < 0), _body_box(hu, spacing_yx_mm))


def share_crop(slices: Sequence[CtSlice]) -> list[CtSlice]:
    """Return slices on the same grid with one crop that holds each one's body; others as they are."""
    grids = {(entry.hu.shape, entry.spacing_yx_mm, entry.flip_yx) for entry in slices}
    if len(grids) != 1:
        return list(slices)
    crop = tuple(
        slice(min(entry.crop[axis].start for entry in slices), max(entry.crop[axis].stop for entry in slices))
        for axis in (0, 1)
    )
    return [replace(entry, crop=(crop[0], crop[1])) for entry in slices]


def crop_densest(image: CtSlice, mask: Mask, *, share: float) -> CtSlice:
    """Return the slice cropped to the part that holds most of a mask (y, x), the first of equals.

    The part has ``share`` of the shown width and height.
    """
    inside = mask[image.crop]
    size = [max(2, round(share * length)) for length in inside.shape]
    sums = np.pad(inside.astype(np.int64).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    high, wide = size
    within = sums[high:, wide:] - sums[:-high, wide:] - sums[high:, :-wide] + sums[:-high, :-wide]
    place = np.unravel_index(int(np.argmax(within)), within.shape)
    first, second = (
        slice(own.start + int(start), own.start + int(start) + length)
        for own, start, length in zip(image.crop, place, size, strict=True)
    )
    return replace(image, crop=(first, second))


def _body_box(hu: npt.NDArray[np.float32], spacing_yx_mm: tuple[float, float]) -> tuple[slice, slice]:
    """Return the box around the largest part that is not air, so that table and arms do not set the frame."""
    parts, _ = ndimage.label(ndimage.binary_opening(hu > AIR_HU, iterations=2))
    if not parts.any():
        return slice(0, hu.shape[0]), slice(0, hu.shape[1])
    largest = int(np.argmax(np.bincount(parts.ravel())[1:])) + 1
    box = ndimage.find_objects(parts)[largest - 1]
    grow = [int(np.ceil(MARGIN_MM / spacing_mm)) for spacing_mm in spacing_yx_mm]
    first, second = (
        slice(max(0, part.start - margin), min(size, part.stop + margin))
        for part, margin, size in zip(box, grow, hu.shape, strict=True)
    )
    return first, second

"""Where a voxel outside the lung lies, by rule from the lung, the body and the air in it: no organ is segmented."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy import ndimage

from analysis.errors import AnalysisError
from analysis.mask_pair import Mask, Spacing

REGIONS = ("lung_border", "outside_body", "below_diaphragm", "airways", "mediastinum", "chest_wall")
"""In the order of the rules: the first that holds decides."""
BORDER_MM = 3.0
BODY_HU = AIR_HU = -500.0
Regions: TypeAlias = npt.NDArray[np.uint8]
_SPECK = np.ones((1, 2, 2), dtype=bool)


def regions_outside(
    lung: Mask, *, spacing_zyx_mm: Spacing, body: Mask | None = None, air: Mask | None = None
) -> Regions:
    """Return the region of every voxel: 0 in the lung, else one more than its place in ``REGIONS``.

    ==================  ==============================================================================================
    ``lung_border``     at most 3 mm or one pixel from the lung in the same slice: a matter of outline
    ``outside_body``    not in the body
    ``below_diaphragm`` below the lowest lung voxel of its column (row and column), or of the nearest column with lung
                        where it has none: stomach, liver, bowel
    ``airways``         air in the body between or above the lungs: trachea, main bronchi, a gas-filled oesophagus
    ``mediastinum``     lung on both sides in its row: heart, vessels, hila, thymus
    ``chest_wall``      the rest: ribs, spine, muscles, breasts, and above the lungs neck and shoulders
    ==================  ==============================================================================================

    Parameters
    ----------
    lung : bool array (z, y, x)
        Every slice, from the feet upwards. An empty lung has no border and no diaphragm: body, then chest wall.
    spacing_zyx_mm : tuple of float
    body, air : bool array (z, y, x), optional
        ``body_of`` and ``air_of`` the image; without them all is body and none is air.
    """
    inside = np.ones_like(lung) if body is None else body
    between = _beside(lung, axis=2)
    above = _above(lung)
    gas = np.zeros_like(lung) if air is None else air & (between | above)
    rules = [_border(lung, spacing_zyx_mm), ~inside, _below(lung, spacing_zyx_mm), gas, between]
    places = np.select(rules, range(1, len(REGIONS)), default=len(REGIONS))
    return np.where(lung, 0, places).astype(np.uint8)


def read_surroundings(path: Path) -> tuple[Mask, Mask]:
    """Return body and air of an image file (z, y, x), slices from the feet upwards.

    Raises
    ------
    AnalysisError
        If it cannot be read.
    """
    try:
        image = sitk.ReadImage(str(path))
        hu = upright(sitk.GetArrayFromImage(image), image.GetDirection())
    except RuntimeError:
        raise AnalysisError(f"{path}: not readable as an image; convert the dataset again") from None
    return body_of(hu), air_of(hu)


def upright_order(direction: Sequence[float]) -> tuple[int, int, int]:
    """Return which axis of an array (z, y, x) goes from feet to head, front to back and side to side."""
    axes = np.abs(np.reshape(direction, (3, 3)))
    z, y, x = (2 - int(axes[patient_axis].argmax()) for patient_axis in (2, 1, 0))
    return (z, y, x) if sorted((z, y, x)) == [0, 1, 2] else (0, 1, 2)


def upright(array: npt.NDArray[Any], direction: Sequence[float]) -> npt.NDArray[Any]:
    """Return an array (z, y, x) on a grid of some direction (SimpleITK's, LPS) with slices from the feet upwards."""
    order = upright_order(direction)
    turned = np.transpose(array, order)
    is_down = np.reshape(direction, (3, 3))[2, 2 - order[0]] < 0
    return turned[::-1] if is_down else turned


def body_of(hu: npt.NDArray[Any]) -> Mask:
    """Return the body of a CT (z, y, x): the largest part above -500 HU, its holes filled slice by slice.

    Each slice is averaged over 3 x 3 pixels first: noise of a sharp kernel would cut into the skin. A table that
    touches the body in the image counts as body.
    """
    dense = ndimage.uniform_filter(hu, size=(1, 3, 3), output=np.float32, mode="nearest") > BODY_HU
    parts, number = ndimage.label(dense)
    if not number:
        return np.zeros(hu.shape, dtype=bool)
    largest = parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
    return np.stack([ndimage.binary_fill_holes(plane) for plane in largest]).astype(bool)


def air_of(hu: npt.NDArray[Any]) -> Mask:
    """Return what is below -500 HU, single voxels of noise left out."""
    air: Mask = ndimage.binary_opening(hu < AIR_HU, _SPECK)
    return air


def _border(lung: Mask, spacing_zyx_mm: Spacing) -> Mask:
    near = np.zeros_like(lung)
    limit_mm = max(BORDER_MM, *spacing_zyx_mm[-2:])
    for z in np.flatnonzero(lung.any(axis=(1, 2))):
        near[z] = ndimage.distance_transform_edt(~lung[z], sampling=spacing_zyx_mm[-2:]) <= limit_mm
    return near


def _below(lung: Mask, spacing_zyx_mm: Spacing) -> Mask:
    """Return what lies below the floor of the lungs, which columns without lung take from the nearest that has some."""
    has_lung = lung.any(axis=0)
    if not has_lung.any():
        return np.zeros_like(lung)
    floor = np.argmax(lung, axis=0)
    rows, columns = ndimage.distance_transform_edt(
        ~has_lung, sampling=spacing_zyx_mm[-2:], return_distances=False, return_indices=True
    )
    below: Mask = np.arange(len(lung))[:, None, None] < floor[rows, columns]
    return below


def _above(lung: Mask) -> Mask:
    """Return the slices above the highest with lung."""
    shown = np.flatnonzero(lung.any(axis=(1, 2)))
    above = np.zeros_like(lung)
    above[(shown[-1] + 1 if shown.size else len(lung)) :] = True
    return above


def _beside(lung: Mask, *, axis: int) -> Mask:
    """Return what has lung before and behind it along an axis."""
    before = np.logical_or.accumulate(lung, axis=axis)
    behind = np.flip(np.logical_or.accumulate(np.flip(lung, axis), axis=axis), axis)
    between: Mask = before & behind & ~lung
    return between

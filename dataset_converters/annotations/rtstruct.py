"""A contour set (RTSTRUCT) as a mask on a grid, in physical coordinates."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from dataset_converters.annotations.polygon_fill import fill_even_odd
from dataset_converters.annotations.structure_set import StructureSet, closed_contours, read_structures, roi_position
from dataset_converters.errors import ConversionError

SLICE_TOLERANCE = 0.2
"""Largest distance of a contour point from the plane of its slice, in slice distances."""
EDGE_TOLERANCE_PIXELS = 0.51
"""How far a contour may reach beyond the outermost pixel centres: to the pixels' outer edge, and rounding."""

_log = logging.getLogger(__name__)


def rasterise_rtstruct(
    file: Path | StructureSet,
    roi: str,
    grid: sitk.Image,
    *,
    dataset: str,
    case: str,
    frame_of_reference: str = "",
    names: Sequence[str] = (),
    empty: Literal["refuse", "zeros"] = "refuse",
) -> sitk.Image:
    """Voxels whose centre lies inside the contours of one ROI (1), all others 0; uint8 on the grid.

    Contours of one slice are combined by the even-odd rule (`fill_even_odd`), so a contour inside another is a hole
    and several separate ones are islands. Slices without a contour stay empty: nothing is interpolated. Loops smaller
    than a pixel and exact repetitions of a contour are tolerated and counted in the log.

    Parameters
    ----------
    file : Path or StructureSet
        RTSTRUCT file; as `read_structures` returns it where several ROIs are wanted, so that it is read once.
    roi : str
        ROIName, exactly (blanks around it do not count).
    grid : SimpleITK.Image
        The CT the contours were drawn on; any orthonormal direction.
    frame_of_reference : str
        FrameOfReferenceUID of the CT, empty if not known.
    names : sequence of str
        Further names of the ROI. Where no ROI is named exactly ``roi``, one that means ``roi`` or one of these
        (`roi_names.find_roi`) is taken.
    empty : str
        ``zeros`` gives a mask of 0 for an ROI that is listed but has no contour, or none around a voxel centre.

    Raises
    ------
    ConversionError
        Unreadable file, not an RTSTRUCT, ROI missing or there several times, no closed contours, another frame of
        reference, contours off the slices or outside the grid, no voxel centre inside.
    """
    where = (dataset, case)
    structures = read_structures(file, dataset=dataset, case=case) if isinstance(file, Path) else file
    position = roi_position(structures, roi, names, dataset=dataset, case=case, frame_of_reference=frame_of_reference)
    contours_mm = closed_contours(structures, position, roi, dataset=dataset, case=case)
    by_slice = _contours_by_slice(contours_mm, grid, roi, where)
    mask = np.zeros(grid.GetSize()[::-1], np.uint8)
    for index, polygons in by_slice.items():
        mask[index] = fill_even_odd(polygons, mask.shape[1:])
    if empty == "refuse" and not mask.any():
        inside = f"{len(contours_mm)} contours of ROI {roi} without any voxel centre inside"
        raise ConversionError(
            *where,
            found=inside if contours_mm else f"ROI {roi} without closed contours",
            wanted="a mask that is not empty",
            action="leave the case out, or check that the contours belong to this CT",
        )
    image = sitk.GetImageFromArray(mask)
    image.CopyInformation(grid)
    return image


def list_rois(file: Path | StructureSet, *, dataset: str, case: str) -> tuple[str, ...]:
    """Return the names of all ROIs in the file's order; a message may show them only through `known_texts.shown_texts`.

    Raises
    ------
    ConversionError
        Unreadable file, not an RTSTRUCT.
    """
    structures = read_structures(file, dataset=dataset, case=case) if isinstance(file, Path) else file
    return structures.names


def _contours_by_slice(
    contours_mm: list[NDArray[np.float64]], grid: sitk.Image, roi: str, where: tuple[str, str]
) -> dict[int, list[NDArray[np.float64]]]:
    """Contours as pixel coordinates (points, 2) by slice index."""
    direction = np.array(grid.GetDirection()).reshape(3, 3)
    to_index = np.diag(1 / np.array(grid.GetSpacing())) @ np.linalg.inv(direction)
    by_slice: dict[int, list[NDArray[np.float64]]] = defaultdict(list)
    small = 0
    for contour_mm in contours_mm:
        with np.errstate(all="ignore"):  # absurd coordinates become infinite, and are refused
            points = (contour_mm - np.array(grid.GetOrigin())) @ to_index.T
        index = _slice_index(points[:, 2], grid, roi, where)
        _refuse_outside(points, grid, roi, where)
        small += int(np.ptp(points[:, :2], axis=0).max() < 1)
        by_slice[index].append(points[:, :2])
    if small:
        _log.warning("%s: %s: ROI %s: %d loops smaller than a pixel", *where, roi, small)
    return by_slice


def _slice_index(z: NDArray[np.float64], grid: sitk.Image, roi: str, where: tuple[str, str]) -> int:
    middle = float(np.median(z))
    index = round(middle) if np.isfinite(middle) else 0
    distance = float(np.abs(z - index).max())
    if not distance <= SLICE_TOLERANCE:
        raise ConversionError(
            *where,
            found=f"a contour of ROI {roi} {distance * grid.GetSpacing()[2]:.3g} mm off the nearest slice ({index})",
            wanted=f"contours in the plane of the slices (within {SLICE_TOLERANCE * grid.GetSpacing()[2]:.3g} mm)",
            action="use the CT series the contours were drawn on",
        )
    return index


def _refuse_outside(points: NDArray[np.float64], grid: sitk.Image, roi: str, where: tuple[str, str]) -> None:
    last = np.array(grid.GetSize()) - 1
    beyond = np.maximum(-points, points - last).max(axis=0)
    if not (beyond <= EDGE_TOLERANCE_PIXELS).all():
        raise ConversionError(
            *where,
            found=f"a contour of ROI {roi} {beyond.max():.4g} voxels outside the grid (largest of x, y, z)",
            wanted=f"contours inside the grid of {grid.GetSize()} voxels",
            action="use the CT series the contours were drawn on, uncropped",
        )

"""A contour set (RTSTRUCT) as a mask on a grid, in physical coordinates."""

import logging
import warnings
from collections import defaultdict
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from numpy.typing import NDArray

from dataset_converters.dicom_headers import short_uid
from dataset_converters.errors import ConversionError
from dataset_converters.polygon_fill import fill_even_odd

SLICE_TOLERANCE = 0.2
"""Largest distance of a contour point from the plane of its slice, in slice distances."""
EDGE_TOLERANCE_PIXELS = 0.51
"""How far a contour may reach beyond the outermost pixel centres: to the pixels' outer edge, and rounding."""

_CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
_log = logging.getLogger(__name__)


def rasterise_rtstruct(
    file: Path, roi: str, grid: sitk.Image, *, dataset: str, case: str, frame_of_reference: str = ""
) -> sitk.Image:
    """Voxels whose centre lies inside the contours of one ROI (1), all others 0; uint8 on the grid.

    Contours of one slice are combined by the even-odd rule (`fill_even_odd`), so a contour inside another is a hole
    and several separate ones are islands. Slices without a contour stay empty: nothing is interpolated. Loops smaller
    than a pixel and exact repetitions of a contour are tolerated and counted in the log.

    Parameters
    ----------
    file : Path
        RTSTRUCT file.
    roi : str
        ROIName, exactly (blanks around it do not count).
    grid : SimpleITK.Image
        The CT the contours were drawn on; any orthonormal direction.
    frame_of_reference : str
        FrameOfReferenceUID of the CT, empty if not known.

    Raises
    ------
    ConversionError
        Unreadable file, not an RTSTRUCT, ROI missing or there several times, no closed contours, another frame of
        reference, contours off the slices or outside the grid, no voxel centre inside.
    """
    where = (dataset, case)
    structures = _read_structures(file, where)
    number = _roi_number(structures, roi, where, frame_of_reference)
    contours_mm = _closed_contours(structures, number, roi, where)
    by_slice = _contours_by_slice(contours_mm, grid, roi, where)
    mask = np.zeros(grid.GetSize()[::-1], np.uint8)
    for index, polygons in by_slice.items():
        mask[index] = fill_even_odd(polygons, mask.shape[1:])
    if not mask.any():
        raise ConversionError(
            *where,
            found=f"{len(contours_mm)} contours of ROI {roi} without any voxel centre inside",
            wanted="a mask that is not empty",
            action="check that the contours belong to this CT",
        )
    image = sitk.GetImageFromArray(mask)
    image.CopyInformation(grid)
    return image


def _read_structures(file: Path, where: tuple[str, str]) -> pydicom.Dataset:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's warnings quote attribute values
            structures = pydicom.dcmread(file)
            modality = str(structures.get("Modality") or "none")
    except Exception as error:
        raise ConversionError(
            *where,
            found=f"file {file.name} that cannot be read ({type(error).__name__})",
            wanted="a complete RTSTRUCT file",
            action="copy the file again",
        ) from None
    if modality != "RTSTRUCT":
        raise ConversionError(
            *where,
            found=f"file {file.name} of modality {modality}",
            wanted="modality RTSTRUCT",
            action="put the contour set there",
        )
    return structures


def _roi_number(structures: pydicom.Dataset, roi: str, where: tuple[str, str], frame_of_reference: str) -> int:
    items = structures.get("StructureSetROISequence") or []
    names = [str(item.get("ROIName") or "").strip() for item in items]
    found = [item for item, name in zip(items, names, strict=True) if name == roi.strip()]
    if len(found) != 1:
        count = f"{len(found)} ROIs named {roi}" if found else f"no ROI {roi}"
        raise ConversionError(
            *where,
            found=f"{count} among {', '.join(names) or 'none'}",
            wanted=f"1 ROI named {roi}",
            action="name the ROI as the file does" if not found else "rename or remove all but one of them",
        )
    own = str(found[0].get("ReferencedFrameOfReferenceUID") or structures.get("FrameOfReferenceUID") or "")
    if own and frame_of_reference and own != frame_of_reference:
        raise ConversionError(
            *where,
            found=f"ROI {roi} in frame of reference {short_uid(own)}",
            wanted=f"{short_uid(frame_of_reference)}, the frame of reference of the CT",
            action="use the contour set that was drawn on this CT",
        )
    return int(found[0].get("ROINumber") or 0)


def _closed_contours(
    structures: pydicom.Dataset, number: int, roi: str, where: tuple[str, str]
) -> list[NDArray[np.float64]]:
    """Points (n, 3) of each closed contour in mm, LPS; single points are left out."""
    sequence = structures.get("ROIContourSequence") or []
    items = [c for s in sequence if s.get("ReferencedROINumber") == number for c in s.get("ContourSequence") or []]
    contours = {}
    for item in items:
        values = _coordinates(item)
        kind = str(item.get("ContourGeometricType") or "none")
        if kind not in (*_CLOSED, "POINT") or values.size % 3 or not np.isfinite(values).all():
            raise ConversionError(
                *where,
                found=f"a contour of ROI {roi} of type {kind} with {values.size} coordinates",
                wanted="CLOSED_PLANAR with x, y, z of every point, in mm",
                action="correct the contour in the program it was drawn with",
            )
        if values.size >= 9:
            contours[values.tobytes()] = values.reshape(-1, 3)
    if not contours:
        raise ConversionError(
            *where,
            found=f"ROI {roi} without closed contours ({len(items)} items)",
            wanted="1 closed contour or more",
            action="leave the case out, or use the ROI that was drawn",
        )
    if len(contours) < len(items):
        _log.warning("%s: %s: ROI %s: %d points or repeated contours left out", *where, roi, len(items) - len(contours))
    return list(contours.values())


def _coordinates(item: pydicom.Dataset) -> NDArray[np.float64]:
    """ContourData as numbers; NaN if it is no list of numbers."""
    try:
        return np.asarray(item.get("ContourData") or [], dtype=float)
    except (ValueError, TypeError, ArithmeticError):
        return np.full(1, np.nan)


def _contours_by_slice(
    contours_mm: list[NDArray[np.float64]], grid: sitk.Image, roi: str, where: tuple[str, str]
) -> dict[int, list[NDArray[np.float64]]]:
    """Contours as pixel coordinates (points, 2) by slice index."""
    direction = np.array(grid.GetDirection()).reshape(3, 3)
    to_index = np.diag(1 / np.array(grid.GetSpacing())) @ np.linalg.inv(direction)
    by_slice: dict[int, list[NDArray[np.float64]]] = defaultdict(list)
    small = 0
    for contour_mm in contours_mm:
        points = (contour_mm - np.array(grid.GetOrigin())) @ to_index.T
        index = _slice_index(points[:, 2], grid, roi, where)
        _refuse_outside(points, grid, roi, where)
        small += int(np.ptp(points[:, :2], axis=0).max() < 1)
        by_slice[index].append(points[:, :2])
    if small:
        _log.warning("%s: %s: ROI %s: %d loops smaller than a pixel", *where, roi, small)
    return by_slice


def _slice_index(z: NDArray[np.float64], grid: sitk.Image, roi: str, where: tuple[str, str]) -> int:
    index = round(float(np.median(z)))
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
    if (beyond > EDGE_TOLERANCE_PIXELS).any():
        raise ConversionError(
            *where,
            found=f"a contour of ROI {roi} {beyond.max():.4g} voxels outside the grid (largest of x, y, z)",
            wanted=f"contours inside the grid of {grid.GetSize()} voxels",
            action="use the CT series the contours were drawn on, uncropped",
        )

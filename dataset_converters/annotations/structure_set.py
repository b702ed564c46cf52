"""The regions of interest of an RTSTRUCT file: their names, and the closed contours of each."""

import logging
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray

from dataset_converters.annotations.roi_names import find_roi
from dataset_converters.dicom.object import read_object, unreadable
from dataset_converters.errors import ConversionError
from dataset_converters.privacy.known_texts import shown_texts

_CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
_KINDS = (*_CLOSED, "OPEN_PLANAR", "OPEN_NONPLANAR", "POINT", "none")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StructureSet:
    """One RTSTRUCT file, parsed once, for several ROIs.

    Attributes
    ----------
    file : Path
        Where it was read from.
    names, numbers, frames : tuple
        ROIName, ROINumber and frame of reference (empty if unknown) of every ROI.
    content : pydicom.Dataset
        The file.
    """

    file: Path
    names: tuple[str, ...]
    numbers: tuple[int, ...]
    frames: tuple[str, ...]
    content: pydicom.Dataset


def read_structures(file: Path, *, dataset: str, case: str) -> StructureSet:
    """Read an RTSTRUCT file without its contours, which `closed_contours` takes from it.

    Raises
    ------
    ConversionError
        Unreadable file, not an RTSTRUCT.
    """
    content = read_object(file, "RTSTRUCT", dataset=dataset, case=case)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            items = list(content.get("StructureSetROISequence") or [])
            names = tuple(str(item.get("ROIName") or "").strip() for item in items)
            numbers = tuple(int(str(item.get("ROINumber") or 0)) for item in items)
            own = str(content.get("FrameOfReferenceUID") or "")
            frames = tuple(str(item.get("ReferencedFrameOfReferenceUID") or own) for item in items)
    except Exception as error:
        raise unreadable(file, "RTSTRUCT", error, dataset=dataset, case=case) from None
    return StructureSet(file, names, numbers, frames, content)


def roi_position(
    structures: StructureSet, roi: str, names: Sequence[str], *, dataset: str, case: str, frame_of_reference: str = ""
) -> int:
    """Return where the one ROI stands that is named exactly so, or, given further names, means one of them.

    Raises
    ------
    ConversionError
        No such ROI or several, or drawn in another frame of reference than the one given.
    """
    found = [name for name in structures.names if name == roi.strip()]
    fault = f"{len(found)} ROIs named {roi}" if len(found) > 1 else ""
    if names and not found:
        try:
            match = find_roi(structures.names, (roi, *names))
            found = [match] if match is not None else []
        except ValueError as error:
            fault = f"ROIs {error}"
    if fault or not found:
        raise ConversionError(
            dataset,
            case,
            found=f"{fault or f'no ROI {roi}'} among {shown_texts(structures.names)}",
            wanted=f"1 ROI named {' or '.join((roi, *names))}",
            action="rename or remove all but one of them" if fault else "name the ROI as the file does",
        )
    position = structures.names.index(found[0])
    if frame_of_reference and structures.frames[position] not in ("", frame_of_reference):
        raise ConversionError(
            dataset,
            case,
            found=f"ROI {roi} in another frame of reference than the CT",
            wanted="the frame of reference of the CT",
            action="use the contour set that was drawn on this CT",
        )
    return position


def closed_contours(
    structures: StructureSet, position: int, roi: str, *, dataset: str, case: str
) -> list[NDArray[np.float64]]:
    """Points (n, 3) of each closed contour in mm, LPS, empty if there is none.

    Single points, lines and exact repetitions are left out and counted in the log.

    Raises
    ------
    ConversionError
        An open contour, or coordinates that are no list of points.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            items = _contour_items(structures, position)
    except Exception as error:
        raise unreadable(structures.file, "RTSTRUCT", error, dataset=dataset, case=case) from None
    contours = {}
    for kind, values in items:
        if kind not in (*_CLOSED, "POINT") or values.size % 3 or not np.isfinite(values).all():
            raise ConversionError(
                dataset,
                case,
                found=f"a contour of ROI {roi} of type {kind if kind in _KINDS else 'unknown'} with {values.size}"
                " coordinates",
                wanted="CLOSED_PLANAR with x, y, z of every point, in mm",
                action="correct the contour in the program it was drawn with",
            )
        if values.size >= 9:
            contours[values.tobytes()] = values.reshape(-1, 3)
    if len(contours) < len(items):
        left_out = len(items) - len(contours)
        _log.warning("%s: %s: ROI %s: %d points or repeated contours left out", dataset, case, roi, left_out)
    return list(contours.values())


def _contour_items(structures: StructureSet, position: int) -> list[tuple[str, NDArray[np.float64]]]:
    """Return type and coordinates of every contour of an ROI."""
    drawn = structures.content.get("ROIContourSequence") or []
    number = structures.numbers[position]
    contours = [c for item in drawn if item.get("ReferencedROINumber") == number for c in _sequence(item)]
    return [(str(contour.get("ContourGeometricType") or "none"), _announced(contour)) for contour in contours]


def _sequence(item: pydicom.Dataset) -> list[pydicom.Dataset]:
    return list(item.get("ContourSequence") or [])


def _announced(item: pydicom.Dataset) -> NDArray[np.float64]:
    """Coordinates of a contour; NaN if they are not those of as many points as it says to have."""
    values, count = _coordinates(item), item.get("NumberOfContourPoints")
    return values if count is None or 3 * int(count) == values.size else np.full(max(1, values.size), math.nan)


def _coordinates(item: pydicom.Dataset) -> NDArray[np.float64]:
    """ContourData as numbers; NaN if it is no list of numbers."""
    # the text itself: pydicom makes an object of every number, which takes most of the time of a large file
    element = item.get_item("ContourData")
    value, kind = getattr(element, "value", None), getattr(element, "VR", None)
    if kind not in ("DS", "UN", None):  # None: a file that leaves representations out
        return np.full(1, math.nan)
    texts = value
    if isinstance(value, bytes):
        text = value.decode("ascii", "replace").strip(" \0")
        texts = text.replace("_", "?").split("\\") if text else []  # Python alone knows 1_000
    try:
        values = np.asarray(texts or [], dtype=float).ravel()
    except (ValueError, TypeError, ArithmeticError):
        return np.full(1, math.nan)
    return values

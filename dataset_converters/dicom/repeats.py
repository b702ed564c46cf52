"""Slices at one position: repeated files, which are left out, and stacked acquisitions, which are refused."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pydicom

from dataset_converters.dicom.headers import multiple
from dataset_converters.dicom.pixels import PixelError, read_hounsfield, slice_pixels
from dataset_converters.dicom.slice_stack import DUPLICATE_TOLERANCE_MM, common_axes
from dataset_converters.errors import ConversionError

_SHOWN = 6


def drop_repeats(headers: Sequence[pydicom.Dataset], *, dataset: str, case: str) -> tuple[list[pydicom.Dataset], int]:
    """Return the headers without exact repetitions, and how many those were.

    An exact repetition has the position, the acquisition and the pixels (read for such slices only) of another slice.

    Raises
    ------
    ConversionError
        Different slices at one position: several acquisitions stacked in one series, or changed copies; different
        orientations.
    """
    orientations = np.array([header.ImageOrientationPatient for header in headers], dtype=float)
    positions = np.array([header.ImagePositionPatient for header in headers], dtype=float)
    along_mm = positions @ common_axes(orientations, dataset=dataset, case=case)[2]
    groups = _same_places(along_mm)
    repeated = [group for group in groups if len(group) > 1]
    if not repeated:
        return list(headers), 0
    differing = [group for group in repeated if not _all_equal([headers[i] for i in group])]
    if differing:
        raise ConversionError(
            dataset,
            case,
            found=f"several slices at one position along the normal: {_shown([along_mm[g[0]] for g in differing])} mm; "
            f"{_stacked(headers, differing)}",
            wanted="one slice per position",
            action="keep one acquisition of the series, or remove the files that repeat a position",
        )
    kept = sorted(group[0] for group in groups)
    return [headers[i] for i in kept], len(headers) - len(kept)


def acquisition_key(header: pydicom.Dataset) -> str:
    """``number|time`` of the acquisition a slice belongs to; for comparison only, never for output."""
    return "|".join(str(header.get(name) or "") for name in ("AcquisitionNumber", "AcquisitionTime"))


def _same_places(along_mm: np.ndarray) -> list[list[int]]:
    """Indices of slices by place along the normal; within a place in the order given."""
    order = np.argsort(along_mm, kind="stable")
    breaks = np.flatnonzero(np.diff(along_mm[order]) > DUPLICATE_TOLERANCE_MM) + 1
    return [sorted(int(i) for i in group) for group in np.split(order, breaks)]


def _all_equal(headers: Sequence[pydicom.Dataset]) -> bool:
    first = headers[0]
    if any(acquisition_key(header) != acquisition_key(first) for header in headers):
        return False
    corners = np.array([header.ImagePositionPatient for header in headers], dtype=float)
    if np.abs(corners - corners[0]).max() > DUPLICATE_TOLERANCE_MM:
        return False
    try:
        planes = [read_hounsfield(slice_pixels(header)) for header in headers]
    except PixelError:
        return False
    return all(np.array_equal(plane, planes[0]) for plane in planes)


def _stacked(headers: Sequence[pydicom.Dataset], places: Sequence[Sequence[int]]) -> str:
    """Counts that tell stacked acquisitions from changed copies, as text."""
    slices = sum(map(len, places))
    for tag, what in (("AcquisitionNumber", "acquisitions"), ("AcquisitionTime", "acquisition times")):
        counts = Counter(str(value) for header in headers for value in multiple(header.get(tag)))
        if 1 < len(counts) < len(headers) - len(places) + 2:
            numbers = ", ".join(map(str, sorted(counts.values(), reverse=True)[:_SHOWN]))
            return f"{len(counts)} {what} of {numbers} slices are stacked ({slices} slices at {len(places)} positions)"
    return f"{slices} slices with different pixels or acquisitions at {len(places)} positions"


def _shown(values: Sequence[float]) -> str:
    shown = ", ".join(f"{value:.6g}" for value in values[:_SHOWN])
    return f"({shown}{', ...' if len(values) > _SHOWN else ''})"

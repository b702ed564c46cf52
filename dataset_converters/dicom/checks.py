"""Checks that DICOM headers belong to one CT series that can be read; each names what was found and what to do."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pydicom
from pydicom.pixels import get_decoder

from dataset_converters.dicom.headers import GEOMETRY_TAGS, PIXEL_TAGS, RESCALE_TAGS, kernel_of, multiple
from dataset_converters.dicom.tree import series_key, shown_modality
from dataset_converters.errors import ConversionError
from dataset_converters.privacy.known_texts import known_kernel
from dataset_converters.privacy.shown_name import shown_place

PIXEL_SPACING_TOLERANCE_MM = 1e-4
"""Largest difference of the pixel spacing between the slices of a series."""
LARGEST_SIDE = 8192
"""Rows or columns beyond this are a damaged header, not a CT slice."""
LARGEST_VOLUME_BYTES = 2**34

_OPTIONAL = ("HighBit", "SamplesPerPixel", "PhotometricInterpretation")
_LENGTHS = {"ImagePositionPatient": 3, "ImageOrientationPatient": 6, "PixelSpacing": 2}
_UNITS = ("HU", "US")


def refuse_other_objects(headers: list[pydicom.Dataset], where: tuple[str, str]) -> None:
    """Raise `ConversionError` unless every header is a CT slice, alone in its file or a frame of an enhanced CT."""
    modalities = sorted({shown_modality(str(h.get("Modality") or "none")) for h in headers})
    if modalities != ["CT"]:
        raise ConversionError(
            *where,
            found=f"modality {', '.join(modalities)} in {len(headers)} files",
            wanted="modality CT only",
            action="keep the CT series alone in its folder; modality 'none' can also mean a file that is cut off",
        )
    many = [h for h in headers if str(h.get("NumberOfFrames") or 1) != "1"]
    if many:
        raise ConversionError(
            *where,
            found=f"a multi-frame file that is no enhanced CT ({len(many)} of {len(headers)} files)",
            wanted="one file per slice, or enhanced (multi-frame) CT",
            action="convert it to single-frame or enhanced CT first",
        )


def refuse_mixed_series(headers: list[pydicom.Dataset], where: tuple[str, str]) -> None:
    """Raise `ConversionError` unless all headers have one SeriesInstanceUID (or none) and one kernel."""
    groups: dict[tuple[str, ...], list[pydicom.Dataset]] = defaultdict(list)
    for header in headers:
        groups[series_key(header)].append(header)
    if len(groups) > 1:
        parts = [f"{len(group)} slices with kernel {_shown_kernel(group[0])}" for group in groups.values()]
        raise ConversionError(
            *where,
            found=f"{len(groups)} series mixed: {'; '.join(sorted(parts)[:6])}",
            wanted="1 series",
            action="put every series into a folder of its own",
        )


def refuse_missing_attributes(headers: list[pydicom.Dataset], where: tuple[str, str]) -> None:
    """Raise `ConversionError` unless every slice has geometry, pixel and rescale attributes, and is grey, in HU."""
    paths = [Path(str(header.filename)) for header in headers]
    for header, path in zip(headers, paths, strict=True):
        if missing := _missing(header):
            raise ConversionError(
                *where,
                found=f"{shown_place(path, paths, of='of the series')} without {', '.join(missing)}",
                wanted="geometry, pixel and rescale attributes in every slice",
                action="the file may be cut off or stripped; copy or export it again",
            )
        if odd := _odd_pixels(header):
            raise ConversionError(
                *where,
                found=f"{shown_place(path, paths, of='of the series')} with {odd}",
                wanted="1 sample, MONOCHROME2, rescaled to HU, 8, 16 or 32 bits of which the lower ones are stored",
                action="leave derived (colour, material, screenshot) series out",
            )


def refuse_unreadable_compression(headers: list[pydicom.Dataset], where: tuple[str, str]) -> None:
    """Raise `ConversionError` if no installed decoder reads the compression of the pixels."""
    for syntax in sorted({str(h.file_meta.get("TransferSyntaxUID") or "") for h in headers if h.pixels is None}):
        uid = pydicom.uid.UID(syntax)
        try:
            readable = uid.is_transfer_syntax and (not uid.is_encapsulated or get_decoder(uid).is_available)
        except (NotImplementedError, ValueError):
            readable = False
        if not readable:
            raise ConversionError(
                *where,
                found=f"pixels compressed as {uid.name if uid.is_transfer_syntax else 'none of the standard ways'}",
                wanted="a compression that an installed decoder reads",
                action="pip install ctshift[compressed,jpeg] (the decoder of jpeg is GPL-3)",
            )


def common_plane(headers: list[pydicom.Dataset], where: tuple[str, str]) -> tuple[int, int, float, float]:
    """Rows, columns, row spacing and column spacing (mm) of all slices; raise `ConversionError` where they differ."""
    sizes = sorted({(int(h.Rows), int(h.Columns)) for h in headers})
    spacings = np.array([h.PixelSpacing for h in headers], dtype=float)
    faults = []
    if len(sizes) > 1:
        faults.append("sizes " + ", ".join(f"{rows} x {columns}" for rows, columns in sizes[:4]))
    if np.ptp(spacings, axis=0).max() > PIXEL_SPACING_TOLERANCE_MM:
        faults.append(f"pixel spacings from {spacings.min():.6g} to {spacings.max():.6g} mm")
    if faults or not spacings.min() > 0:
        raise ConversionError(
            *where,
            found="slices of different " + " and ".join(faults) if faults else f"pixel spacing {spacings.min():g} mm",
            wanted=f"one size and one positive spacing (within {PIXEL_SPACING_TOLERANCE_MM} mm)",
            action="keep one reconstruction per series",
        )
    _refuse_size(*sizes[0], len(headers), where)
    return (*sizes[0], *(float(v) for v in spacings[0]))  # type: ignore[return-value]


def _shown_kernel(header: pydicom.Dataset) -> str:
    return known_kernel(kernel_of(header)) or "none"


def _missing(header: pydicom.Dataset) -> list[str]:
    names = [*GEOMETRY_TAGS, *RESCALE_TAGS, *(name for name in PIXEL_TAGS if name not in _OPTIONAL)]
    return [name for name in names if not _is_numbers(multiple(header.get(name)), _LENGTHS.get(name, 1))]


def _is_numbers(values: list[object], length: int) -> bool:
    try:
        plain = all("_" not in str(value) for value in values)  # Python alone knows 1_000
        return plain and len(values) == length and all(abs(float(value)) < float("inf") for value in values)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False


def _odd_pixels(header: pydicom.Dataset) -> str:
    """What is not as in a grey CT slice, as text; empty if nothing is."""
    samples = str(header.get("SamplesPerPixel") or 1)
    colour = str(header.get("PhotometricInterpretation") or "MONOCHROME2")
    unit = str(header.get("RescaleType") or "HU").upper()
    if samples != "1" or colour != "MONOCHROME2":
        return f"{samples if samples.isdigit() and len(samples) < 4 else 'odd'} samples per pixel, or not MONOCHROME2"
    if unit not in _UNITS:
        return "values rescaled to a unit other than HU"
    allocated, stored = int(header.BitsAllocated), int(header.BitsStored)
    high = multiple(header.get("HighBit")) or [stored - 1]
    if allocated not in (8, 16, 32) or not 1 <= stored <= allocated or high != [stored - 1]:
        return f"{stored} bits stored of {allocated}, the highest in another place"
    return ""


def _refuse_size(rows: int, columns: int, slices: int, where: tuple[str, str]) -> None:
    if (
        not (0 < rows <= LARGEST_SIDE and 0 < columns <= LARGEST_SIDE)
        or 4 * rows * columns * slices > LARGEST_VOLUME_BYTES
    ):
        raise ConversionError(
            *where,
            found=f"{slices} slices of {rows} x {columns} pixels",
            wanted=f"1 to {LARGEST_SIDE} rows and columns, and at most {LARGEST_VOLUME_BYTES / 2**30:g} GiB in all",
            action="the file may be damaged; copy or export it again",
        )

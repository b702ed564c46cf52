"""Checks that DICOM headers belong to one CT series that can be read; each names what was found and what to do."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pydicom
from pydicom.pixels import get_decoder

from dataset_converters.dicom_headers import GEOMETRY_TAGS, RESCALE_TAGS, kernel_of, multiple, short_uid
from dataset_converters.errors import ConversionError

PIXEL_SPACING_TOLERANCE_MM = 1e-4
"""Largest difference of the pixel spacing between the slices of a series."""


def refuse_other_objects(headers: list[pydicom.Dataset], where: tuple[str, str]) -> None:
    """Raise `ConversionError` unless every header is single-frame CT."""
    modalities = sorted({str(h.get("Modality") or "none") for h in headers})
    if modalities != ["CT"]:
        raise ConversionError(
            *where,
            found=f"modality {', '.join(modalities)} in {len(headers)} files",
            wanted="modality CT only",
            action="keep the CT series alone in its folder; modality 'none' can also mean a file that is cut off",
        )
    frames = [int(h.get("NumberOfFrames") or 1) for h in headers]
    if max(frames) > 1:
        raise ConversionError(
            *where,
            found=f"a multi-frame file ({max(frames)} frames)",
            wanted="one file per slice",
            action="multi-frame (enhanced) CT is not supported yet; convert it to single-frame CT first",
        )


def refuse_mixed_series(headers: list[pydicom.Dataset], where: tuple[str, str]) -> None:
    """Raise `ConversionError` unless all headers have one SeriesInstanceUID (or none) and one kernel."""
    groups: dict[tuple[str, str], int] = defaultdict(int)
    for header in headers:
        groups[series_key(header)] += 1
    if len(groups) > 1:
        parts = [
            f"{n} slices with kernel {kernel or 'none'} (series {short_uid(uid)})"
            for (uid, kernel), n in groups.items()
        ]
        raise ConversionError(
            *where,
            found=f"{len(groups)} series mixed: {'; '.join(sorted(parts)[:6])}",
            wanted="1 series",
            action="put every series into a folder of its own",
        )


def series_key(header: pydicom.Dataset) -> tuple[str, str]:
    """What keeps two series apart: SeriesInstanceUID and kernel; some archives blank the first."""
    return str(header.get("SeriesInstanceUID") or ""), kernel_of(header)


def refuse_missing_attributes(headers: list[pydicom.Dataset], where: tuple[str, str]) -> None:
    """Raise `ConversionError` unless every slice has geometry and rescale attributes, and is a grey image in HU."""
    lengths = {"ImagePositionPatient": 3, "ImageOrientationPatient": 6, "PixelSpacing": 2}
    for header in headers:
        names = [*GEOMETRY_TAGS, *RESCALE_TAGS]
        missing = [name for name in names if len(multiple(header.get(name))) != lengths.get(name, 1)]
        if missing:
            raise ConversionError(
                *where,
                found=f"file {Path(str(header.filename)).name} without {', '.join(missing)}",
                wanted="geometry and rescale attributes in every slice",
                action="the file may be cut off or stripped; copy or export it again",
            )
        grey = (int(header.get("SamplesPerPixel") or 1), str(header.get("PhotometricInterpretation") or "MONOCHROME2"))
        unit = str(header.get("RescaleType") or "HU").upper()
        if grey != (1, "MONOCHROME2") or unit not in ("HU", "US"):
            raise ConversionError(
                *where,
                found=f"file {Path(str(header.filename)).name} with {grey[0]} samples, {grey[1]}, rescaled to {unit}",
                wanted="1 sample, MONOCHROME2, rescaled to HU",
                action="leave derived (colour, material, screenshot) series out",
            )


def refuse_unreadable_compression(headers: list[pydicom.Dataset], where: tuple[str, str]) -> None:
    """Raise `ConversionError` if no installed decoder reads the compression of the pixels."""
    for syntax in sorted({str(h.file_meta.get("TransferSyntaxUID") or "") for h in headers}):
        uid = pydicom.uid.UID(syntax)
        try:
            readable = not syntax or not uid.is_encapsulated or get_decoder(uid).is_available
        except (NotImplementedError, ValueError):
            readable = False
        if not readable:
            raise ConversionError(
                *where,
                found=f"pixels compressed as {uid.name}",
                wanted="a compression that an installed decoder reads",
                action="pip install ctshift[compressed]",
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
    return (*sizes[0], *(float(v) for v in spacings[0]))  # type: ignore[return-value]

"""One CT series of DICOM files as a volume in Hounsfield units."""

import warnings
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from numpy.typing import NDArray

from dataset_converters.dicom_checks import (
    common_plane,
    refuse_missing_attributes,
    refuse_mixed_series,
    refuse_other_objects,
    refuse_unreadable_compression,
    series_key,
)
from dataset_converters.dicom_headers import FACT_TAGS, find_dicom_files, is_ct_slice, kernel_of, multiple, read_headers
from dataset_converters.errors import ConversionError
from dataset_converters.grid import Grid
from dataset_converters.records import CtImage
from dataset_converters.slice_stack import stack_slices


@dataclass(frozen=True)
class DicomSeries:
    """A CT series whose headers were checked and whose pixels were not read yet.

    Attributes
    ----------
    files : tuple of Path
        Sorted along the slice normal.
    size_xyz, spacing_mm_xyz, origin_mm, direction
        Geometry of the volume as SimpleITK writes it (LPS).
    frame_of_reference : str
        FrameOfReferenceUID, empty if not given. For comparison only, never for output.
    facts : mapping
        See `CtImage`; ``kernel`` and ``manufacturer`` are there if the files give them.
    """

    dataset: str
    case: str
    files: tuple[Path, ...]
    size_xyz: tuple[int, int, int]
    spacing_mm_xyz: tuple[float, float, float]
    origin_mm: tuple[float, ...]
    direction: tuple[float, ...]
    frame_of_reference: str
    facts: dict[str, str]

    @property
    def grid(self) -> Grid:
        """Where the voxels lie."""
        affine = np.eye(4)
        affine[:3, :3] = np.reshape(self.direction, (3, 3)) * np.asarray(self.spacing_mm_xyz)
        affine[:3, 3] = self.origin_mm
        return Grid(self.size_xyz, affine)

    def on_grid(self, array_zyx: NDArray[np.generic]) -> sitk.Image:
        """Give an array the geometry of the series."""
        image = sitk.GetImageFromArray(array_zyx)
        image.SetSpacing(self.spacing_mm_xyz)
        image.SetOrigin(self.origin_mm)
        image.SetDirection(self.direction)
        return image


def read_dicom_series(files_or_folder: Path | Iterable[Path], *, dataset: str, case: str) -> CtImage:
    """Read one CT series: sorted along the slice normal, in HU, with geometry and acquisition facts.

    Values outside the scanned circle stay as the scanner gives them (-1024, -2000, -3024 HU...).

    Returns
    -------
    CtImage
        int16 if every value is a whole number that fits, else float32.

    Raises
    ------
    ConversionError
        No DICOM files, several series, a series that is not one uniform CT stack (see `inspect_dicom_series`),
        pixels that cannot be read.
    """
    headers = read_headers(_dicom_files(files_or_folder, (dataset, case)), dataset=dataset, case=case)
    return load_dicom_series(inspect_dicom_series(headers, dataset=dataset, case=case))


def group_dicom_series(files: Iterable[Path], *, dataset: str, case: str) -> list[list[pydicom.Dataset]]:
    """Headers of every CT series among the files, by SeriesInstanceUID and kernel; other objects are left out."""
    groups: dict[tuple[str, str], list[pydicom.Dataset]] = defaultdict(list)
    for header in read_headers(files, dataset=dataset, case=case):
        if is_ct_slice(header):
            groups[series_key(header)].append(header)
    return [groups[key] for key in sorted(groups)]


def inspect_dicom_series(headers: list[pydicom.Dataset], *, dataset: str, case: str) -> DicomSeries:
    """Check that headers are one uniform CT stack and give its geometry and facts.

    Raises
    ------
    ConversionError
        Not CT, multi-frame, several series or kernels, attributes missing, compression that no installed decoder
        reads, slices of different size, spacing or orientation, gantry tilt, repeated or missing slices.
    """
    where = (dataset, case)
    refuse_other_objects(headers, where)
    refuse_mixed_series(headers, where)
    refuse_missing_attributes(headers, where)
    refuse_unreadable_compression(headers, where)
    rows, columns, row_mm, column_mm = common_plane(headers, where)
    stack = stack_slices(
        np.array([h.ImagePositionPatient for h in headers], dtype=float),
        np.array([h.ImageOrientationPatient for h in headers], dtype=float),
        dataset=dataset,
        case=case,
    )
    return DicomSeries(
        dataset=dataset,
        case=case,
        files=tuple(Path(str(headers[i].filename)) for i in stack.order),
        size_xyz=(columns, rows, len(headers)),
        spacing_mm_xyz=(column_mm, row_mm, stack.slice_spacing_mm),
        origin_mm=stack.origin_mm,
        direction=stack.direction,
        frame_of_reference=str(headers[0].get("FrameOfReferenceUID") or ""),
        facts=_facts(headers),
    )


def load_dicom_series(series: DicomSeries) -> CtImage:
    """Read the pixels of a checked series, in HU.

    Raises
    ------
    ConversionError
        The pixels of a file are cut off or cannot be decoded.
    """
    volume: NDArray[np.generic] = np.empty(series.size_xyz[::-1], np.int16)
    for index, path in enumerate(series.files):
        plane = _read_hounsfield(path, series)
        if plane.dtype != np.int16 and volume.dtype == np.int16:
            volume = volume.astype(np.float32)
        volume[index] = plane
    return CtImage(series.on_grid(volume), series.facts)


def _dicom_files(files_or_folder: Path | Iterable[Path], where: tuple[str, str]) -> list[Path]:
    is_folder = isinstance(files_or_folder, Path)
    files = find_dicom_files(files_or_folder) if isinstance(files_or_folder, Path) else list(files_or_folder)
    if not files:
        place = f" in folder {files_or_folder.name}" if isinstance(files_or_folder, Path) else ""
        there = "" if not is_folder or Path(str(files_or_folder)).is_dir() else " (the folder is not there)"
        raise ConversionError(
            *where,
            found=f"no DICOM files{place}{there}",
            wanted="one CT series",
            action="check the path and whether the files were unpacked",
        )
    return files


def _facts(headers: list[pydicom.Dataset]) -> dict[str, str]:
    facts = {"kernel": kernel_of(headers[0])}
    for name, tag in FACT_TAGS.items():
        facts[name] = _range([value for h in headers for value in multiple(h.get(tag))])
    return {name: text for name, text in facts.items() if text}


def _range(values: list[object]) -> str:
    try:
        numbers = [float(str(value)) for value in values]
    except ValueError:
        return ", ".join(sorted({str(value).strip() for value in values}))
    if not numbers:
        return ""
    low, high = min(numbers), max(numbers)
    return f"{low:.6g}" if low == high else f"{low:.6g} to {high:.6g}"


def _read_hounsfield(path: Path, series: DicomSeries) -> NDArray[np.generic]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's warnings quote attribute values
            file = pydicom.dcmread(path)
            stored = file.pixel_array
            slope, intercept = float(file.RescaleSlope), float(file.RescaleIntercept)
    except Exception as error:
        raise _pixel_fault(path, series, f"{type(error).__name__}: {str(error)[:120]}") from None
    if stored.shape != series.size_xyz[1::-1] or not np.isfinite([slope, intercept]).all() or slope == 0:
        raise _pixel_fault(path, series, f"{stored.shape} pixels, rescaled by {slope:g} and {intercept:g}")
    hounsfield = stored * slope + intercept
    limits = np.iinfo(np.int16)
    whole = slope.is_integer() and intercept.is_integer()
    if whole and hounsfield.min() >= limits.min and hounsfield.max() <= limits.max:
        return hounsfield.astype(np.int16)
    return hounsfield.astype(np.float32)


def _pixel_fault(path: Path, series: DicomSeries, found: str) -> ConversionError:
    return ConversionError(
        series.dataset,
        series.case,
        found=f"file {path.name} whose pixels cannot be read ({found})",
        wanted=f"{series.size_xyz[1]} x {series.size_xyz[0]} pixels",
        action="the file is cut off or damaged; copy it again",
    )

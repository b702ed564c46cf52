"""One CT series of DICOM files as a volume in Hounsfield units."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pydicom
import SimpleITK as sitk
from numpy.typing import NDArray

from dataset_converters.dicom.checks import (
    common_plane,
    refuse_missing_attributes,
    refuse_mixed_series,
    refuse_other_objects,
    refuse_unreadable_compression,
)
from dataset_converters.dicom.facts import facts_of
from dataset_converters.dicom.headers import find_case_files, multiple, read_headers
from dataset_converters.dicom.pixels import PixelError, SlicePixels, read_compressed, read_hounsfield, slice_pixels
from dataset_converters.dicom.repeats import acquisition_key, drop_repeats
from dataset_converters.dicom.slice_stack import SliceStack, stack_slices
from dataset_converters.dicom.tilt import Shear, undo_shear
from dataset_converters.dicom.tree import group_series
from dataset_converters.errors import ConversionError
from dataset_converters.kernels.names import KernelTable
from dataset_converters.privacy.shown_name import shown_place
from dataset_converters.records import CtImage
from dataset_converters.volumes.grid import Grid

Tilt = Literal["refuse", "shear"]

_OVERLAP_TOLERANCE_MM = 0.01


@dataclass(frozen=True)
class DicomSeries:
    """A CT series whose headers were checked and whose pixels were not read yet.

    What is marked (memory) is for comparison within a program, never for output.

    Attributes
    ----------
    files : tuple of Path
        Sorted along the slice normal, each once: a multi-frame file holds many slices.
    slices : tuple of SlicePixels
        Where the pixels of each slice are, sorted along the slice normal.
    size_xyz, spacing_mm_xyz, origin_mm, direction
        Geometry of the volume as SimpleITK writes it (LPS); after the correction of a tilt.
    frame_of_reference : str
        FrameOfReferenceUID, empty if not given (memory).
    facts : mapping
        See `CtImage`; ``kernel`` and ``manufacturer`` are there if the files give them.
    sop_instance_uids : tuple of str
        By slice (memory); of a multi-frame file the same for all its slices.
    study_uid : str
        StudyInstanceUID, empty if not given (memory).
    acquisition : str
        ``number|time`` of the first slice's acquisition (memory).
    shear : Shear or None
        Gantry tilt that is corrected when the pixels are read.
    """

    dataset: str
    case: str
    files: tuple[Path, ...]
    slices: tuple[SlicePixels, ...]
    size_xyz: tuple[int, int, int]
    spacing_mm_xyz: tuple[float, float, float]
    origin_mm: tuple[float, ...]
    direction: tuple[float, ...]
    frame_of_reference: str
    facts: dict[str, str]
    sop_instance_uids: tuple[str, ...] = ()
    study_uid: str = ""
    acquisition: str = ""
    shear: Shear | None = None

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


def read_dicom_series(
    files_or_folder: Path | Iterable[Path],
    *,
    dataset: str,
    case: str,
    tilt: Tilt = "refuse",
    table: KernelTable | None = None,
) -> CtImage:
    """Read one CT series: sorted along the slice normal, in HU, with geometry and acquisition facts.

    Values outside the scanned circle stay as the scanner gives them (-1024, -2000, -3024 HU...).

    Parameters
    ----------
    tilt : str
        ``refuse`` series of a tilted gantry, or correct them (``shear``, see `dicom_tilt`).
    table : KernelTable or None
        Kernels that the facts may name besides those of the built-in table.

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
    return load_dicom_series(inspect_dicom_series(headers, dataset=dataset, case=case, tilt=tilt, table=table))


def group_dicom_series(files: Iterable[Path], *, dataset: str, case: str) -> list[list[pydicom.Dataset]]:
    """Headers of every CT series among the files, in the order of their first files; other objects are left out.

    Series are kept apart by SeriesInstanceUID and kernel, or by what stands in for a blank UID (`group_series`).
    """
    found = group_series(read_headers(files, dataset=dataset, case=case))
    return [list(series.headers) for series in found if series.modality == "CT"]


def inspect_dicom_series(
    headers: Sequence[pydicom.Dataset],
    *,
    dataset: str,
    case: str,
    tilt: Tilt = "refuse",
    table: KernelTable | None = None,
) -> DicomSeries:
    """Check that headers are one uniform CT stack and give its geometry and facts.

    Facts beyond those of `facts_of`: ``duplicate_slices_dropped`` (exact repetitions), ``slice_overlap_mm`` (slices
    thicker than their distance), ``tilt_corrected_deg``, ``series_grouping`` (blank SeriesInstanceUID).

    Raises
    ------
    ConversionError
        Not CT, several series or kernels, attributes missing, compression that no installed decoder reads, slices of
        different size, spacing or orientation, gantry tilt, missing slices, different slices at one position.
    """
    where = (dataset, case)
    headers = list(headers)
    refuse_other_objects(headers, where)
    refuse_mixed_series(headers, where)
    refuse_missing_attributes(headers, where)
    refuse_unreadable_compression(headers, where)
    rows, columns, row_mm, column_mm = common_plane(headers, where)
    headers, dropped = drop_repeats(headers, dataset=dataset, case=case)
    stack = stack_slices(
        np.array([h.ImagePositionPatient for h in headers], dtype=float),
        np.array([h.ImageOrientationPatient for h in headers], dtype=float),
        dataset=dataset,
        case=case,
        tilt=tilt,
    )
    headers = [headers[i] for i in stack.order]
    shear = _shear(stack, column_mm, row_mm)
    grown = shear.added_xy if shear else (0, 0)
    return DicomSeries(
        dataset=dataset,
        case=case,
        files=tuple(dict.fromkeys(Path(str(h.filename)) for h in headers)),
        slices=tuple(slice_pixels(h) for h in headers),
        size_xyz=(columns + grown[0], rows + grown[1], len(headers)),
        spacing_mm_xyz=(column_mm, row_mm, stack.slice_spacing_mm),
        origin_mm=_origin(stack, shear, column_mm, row_mm),
        direction=stack.direction,
        frame_of_reference=str(headers[0].get("FrameOfReferenceUID") or ""),
        facts=facts_of(headers, table=table) | _notes(headers, stack, dropped),
        sop_instance_uids=tuple(str(h.get("SOPInstanceUID") or "") for h in headers),
        study_uid=str(headers[0].get("StudyInstanceUID") or ""),
        acquisition=acquisition_key(headers[0]),
        shear=shear,
    )


def load_dicom_series(series: DicomSeries) -> CtImage:
    """Read the pixels of a checked series, in HU.

    Raises
    ------
    ConversionError
        The pixels of a file are cut off or cannot be decoded.
    """
    volume: NDArray[np.generic] = np.empty(series.size_xyz[::-1], np.int16)
    opened: dict[Path, pydicom.Dataset] = {}
    for index, pixels in enumerate(series.slices):
        plane = _read_plane(pixels, series, opened)
        if plane.dtype != np.int16 and volume.dtype == np.int16:
            volume = volume.astype(np.float32)
        volume[index] = undo_shear(plane, index, series.shear) if series.shear else plane
    return CtImage(series.on_grid(volume), series.facts)


def _dicom_files(files_or_folder: Path | Iterable[Path], where: tuple[str, str]) -> list[Path]:
    there = ""
    if isinstance(files_or_folder, Path):
        files = find_case_files(files_or_folder, dataset=where[0], case=where[1])
        there = "" if files_or_folder.is_dir() else " (the folder is not there)"
    else:
        files = list(files_or_folder)
    if not files:
        raise ConversionError(
            *where,
            found=f"no DICOM files{there}",
            wanted="one CT series",
            action="check the path and whether the files were unpacked",
        )
    return files


def _shear(stack: SliceStack, column_mm: float, row_mm: float) -> Shear | None:
    shift_x, shift_y = stack.shift_mm_xy
    return Shear((shift_x / column_mm, shift_y / row_mm), len(stack.order)) if stack.tilt_deg else None


def _origin(stack: SliceStack, shear: Shear | None, column_mm: float, row_mm: float) -> tuple[float, ...]:
    if shear is None:
        return stack.origin_mm
    axes = np.reshape(stack.direction, (3, 3))
    moved = np.array(stack.origin_mm) - axes[:, :2] @ (np.array(shear.before_xy) * (column_mm, row_mm))
    return tuple(float(value) for value in moved)


def _notes(headers: Sequence[pydicom.Dataset], stack: SliceStack, dropped: int) -> dict[str, str]:
    """What is unusual about the series and was accepted or corrected."""
    notes = {}
    overlap_mm = _thickness_mm(headers) - stack.slice_spacing_mm
    if _OVERLAP_TOLERANCE_MM < overlap_mm < np.inf:
        notes["slice_overlap_mm"] = f"{overlap_mm:.4g}"
    if dropped:
        notes["duplicate_slices_dropped"] = str(dropped)
    if stack.tilt_deg:
        notes["tilt_corrected_deg"] = f"{stack.tilt_deg:.2f}"
    if not str(headers[0].get("SeriesInstanceUID") or "").strip():
        notes["series_grouping"] = "no series UID: by geometry and kernel"
    return notes


def _thickness_mm(headers: Sequence[pydicom.Dataset]) -> float:
    """Least SliceThickness, 0 if it is not given or no number: no volume depends on it."""
    try:
        return min((float(str(value)) for h in headers for value in multiple(h.get("SliceThickness"))), default=0.0)
    except ValueError:
        return 0.0


def _read_plane(pixels: SlicePixels, series: DicomSeries, opened: dict[Path, pydicom.Dataset]) -> NDArray[np.generic]:
    try:
        if pixels.span is None and len(series.files) < len(series.slices) and pixels.file not in opened:
            opened.clear()  # one file with many frames at a time
            opened[pixels.file] = read_compressed(pixels.file)
        return read_hounsfield(pixels, opened)
    except (PixelError, OSError) as error:
        reason = str(error) if isinstance(error, PixelError) else type(error).__name__
        place = shown_place(pixels.file, series.files, of="of the series")
        raise ConversionError(
            series.dataset,
            series.case,
            found=f"{place} whose pixels cannot be read ({reason})",
            wanted=f"{pixels.size_yx[0]} x {pixels.size_yx[1]} pixels",
            action="the file is cut off or damaged; copy it again",
        ) from None

"""Write tiny synthetic CT series and contour sets as DICOM, for samples and tests."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from numpy.typing import NDArray
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    RTStructureSetStorage,
    generate_uid,
)


@dataclass(frozen=True)
class WrittenSeries:
    """What was written: the files by slice, and the frame of reference."""

    files: tuple[Path, ...]
    frame_of_reference: str


def ball_mask(
    *, size_xyz: tuple[int, int, int], spacing_mm: tuple[float, float, float], radius_mm: float
) -> sitk.Image:
    """Ball in the middle of a grid: 1 inside, 0 outside, uint8."""
    axes = [(np.arange(n) - (n - 1) / 2) * mm for n, mm in zip(size_xyz, spacing_mm, strict=True)]
    z, y, x = np.meshgrid(*reversed(axes), indexing="ij")
    mask = sitk.GetImageFromArray((x**2 + y**2 + z**2 <= radius_mm**2).astype(np.uint8))
    mask.SetSpacing(spacing_mm)
    mask.SetOrigin((-20.0, 10.0, -300.0))
    return mask


def ct_of_mask(
    mask: sitk.Image, *, inside_hu: int = 40, outside_hu: int = -850, noise_hu: float = 20.0, seed: int = 0
) -> sitk.Image:
    """CT (int16 HU) with one value inside the mask, another outside, and Gaussian noise."""
    array = sitk.GetArrayFromImage(mask)
    noise = np.random.default_rng(seed).normal(0, noise_hu, array.shape)
    image = sitk.GetImageFromArray((np.where(array > 0, inside_hu, outside_hu) + noise).astype(np.int16))
    image.CopyInformation(mask)
    return image


def write_ct_series(
    folder: Path,
    image: sitk.Image,
    *,
    kernel: str | list[str],
    manufacturer: str,
    frame_of_reference: str = "",
    **attributes: object,
) -> WrittenSeries:
    """Write an int16 HU image as one CT series, last slice first, so that file names are in no useful order.

    Parameters
    ----------
    attributes
        Further DICOM attributes of every slice by keyword; they replace the defaults.
    """
    folder.mkdir(parents=True, exist_ok=True)
    array, direction = sitk.GetArrayFromImage(image), np.array(image.GetDirection()).reshape(3, 3)
    series_uid = generate_uid(entropy_srcs=[*folder.parts[-3:], str(kernel), manufacturer])
    frame_of_reference = frame_of_reference or str(generate_uid(entropy_srcs=[series_uid]))
    files: list[Path] = []
    for index in range(len(array)):
        file = _new_file(CTImageStorage, "CT", generate_uid(entropy_srcs=[series_uid, str(index)]))
        file.SeriesInstanceUID, file.FrameOfReferenceUID = series_uid, frame_of_reference
        file.ImageType, file.InstanceNumber = ["ORIGINAL", "PRIMARY", "AXIAL"], index + 1
        file.Manufacturer, file.ConvolutionKernel, file.KVP = manufacturer, kernel, "120"
        file.SliceThickness = f"{image.GetSpacing()[2]:.6g}"
        file.ImagePositionPatient = _decimal(image.TransformIndexToPhysicalPoint((0, 0, index)))
        file.ImageOrientationPatient = _decimal([*direction[:, 0], *direction[:, 1]])
        file.PixelSpacing = _decimal([image.GetSpacing()[1], image.GetSpacing()[0]])
        _set_pixels(file, array[index])
        for keyword, value in attributes.items():
            setattr(file, keyword, value)
        files.append(folder / f"{len(array) - 1 - index:06d}.dcm")
        file.save_as(files[-1], enforce_file_format=True)
    return WrittenSeries(tuple(files), frame_of_reference)


def write_enhanced_ct(
    path: Path,
    image: sitk.Image,
    *,
    kernel: str | list[str],
    manufacturer: str,
    **attributes: object,
) -> WrittenSeries:
    """Write an int16 HU image as one multi-frame (enhanced) CT file, last slice first.

    Parameters
    ----------
    attributes
        Further DICOM attributes of the whole file by keyword; they replace the defaults.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    array, direction = sitk.GetArrayFromImage(image)[::-1], np.array(image.GetDirection()).reshape(3, 3)
    file = _new_file(EnhancedCTImageStorage, "CT", generate_uid(entropy_srcs=[str(path), str(kernel)]))
    file.SeriesInstanceUID = generate_uid(entropy_srcs=[*path.parts[-3:], str(kernel), manufacturer])
    file.FrameOfReferenceUID = generate_uid(entropy_srcs=[file.SeriesInstanceUID])
    file.ImageType, file.Manufacturer = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], manufacturer
    _set_pixels(file, array[0])
    shared = _groups(
        PixelMeasuresSequence={
            "PixelSpacing": _decimal([image.GetSpacing()[1], image.GetSpacing()[0]]),
            "SliceThickness": f"{image.GetSpacing()[2]:.6g}",
        },
        PlaneOrientationSequence={"ImageOrientationPatient": _decimal([*direction[:, 0], *direction[:, 1]])},
        CTReconstructionSequence={"ConvolutionKernel": kernel},
        CTXRayDetailsSequence={"KVP": 120.0},
    )
    file.SharedFunctionalGroupsSequence, file.PerFrameFunctionalGroupsSequence = [shared], []
    for index in range(len(array)):
        corner = image.TransformIndexToPhysicalPoint((0, 0, len(array) - 1 - index))
        frame = _groups(
            PlanePositionSequence={"ImagePositionPatient": _decimal(corner)},
            PixelValueTransformationSequence={
                "RescaleSlope": file.RescaleSlope,
                "RescaleIntercept": file.RescaleIntercept,
                "RescaleType": "HU",
            },
            FrameContentSequence={"StackID": "1", "InStackPositionNumber": index + 1},
        )
        file.PerFrameFunctionalGroupsSequence.append(frame)
    del file.RescaleSlope, file.RescaleIntercept, file.RescaleType
    file.NumberOfFrames = len(array)
    file.PixelData = (array.astype(np.int32) + 1024).astype("<i2").tobytes()
    for keyword, value in attributes.items():
        setattr(file, keyword, value)
    file.save_as(path, enforce_file_format=True)
    return WrittenSeries((path,), str(file.FrameOfReferenceUID))


def write_rtstruct(path: Path, masks: Mapping[str, sitk.Image], *, frame_of_reference: str) -> None:
    """Write masks (ROI name to 0/1 image) as a contour set that encloses exactly their voxels."""
    contours = {roi: _voxel_outlines(mask) for roi, mask in masks.items()}
    write_contours(path, contours, frame_of_reference=frame_of_reference)


def write_contours(
    path: Path, contours_mm: Mapping[str, list[NDArray[np.float64]]], *, frame_of_reference: str
) -> None:
    """Write contours (ROI name to arrays (points, 3) in mm, LPS) as an RTSTRUCT file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = _new_file(RTStructureSetStorage, "RTSTRUCT", generate_uid(entropy_srcs=[frame_of_reference, path.name]))
    file.FrameOfReferenceUID = frame_of_reference
    file.StructureSetROISequence, file.ROIContourSequence = [], []
    for number, (roi, loops) in enumerate(contours_mm.items(), start=1):
        structure, drawn = pydicom.Dataset(), pydicom.Dataset()
        structure.ROINumber, structure.ROIName = number, roi
        structure.ReferencedFrameOfReferenceUID = frame_of_reference
        drawn.ReferencedROINumber, drawn.ContourSequence = number, [_contour(loop) for loop in loops]
        file.StructureSetROISequence.append(structure)
        file.ROIContourSequence.append(drawn)
    file.save_as(path, enforce_file_format=True)


def _new_file(sop_class: pydicom.uid.UID, modality: str, uid: pydicom.uid.UID) -> pydicom.Dataset:
    file = pydicom.Dataset()
    file.file_meta = FileMetaDataset()
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.file_meta.MediaStorageSOPClassUID, file.file_meta.MediaStorageSOPInstanceUID = sop_class, uid
    file.SOPClassUID, file.SOPInstanceUID, file.Modality = sop_class, uid, modality
    file.PatientName, file.PatientID = "ANONYMOUS", "ANONYMOUS"
    return file


def _set_pixels(file: pydicom.Dataset, plane_hu: NDArray[np.int16]) -> None:
    file.Rows, file.Columns = plane_hu.shape
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
    file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 16, 16, 15, 1
    file.RescaleSlope, file.RescaleIntercept, file.RescaleType = "1", "-1024", "HU"
    file.PixelData = (plane_hu.astype(np.int32) + 1024).astype("<i2").tobytes()


def _groups(**sequences: dict[str, object]) -> pydicom.Dataset:
    """Functional groups of a multi-frame file: each a sequence of one item."""
    item = pydicom.Dataset()
    for name, attributes in sequences.items():
        group = pydicom.Dataset()
        for keyword, value in attributes.items():
            setattr(group, keyword, value)
        setattr(item, name, [group])
    return item


def _voxel_outlines(mask: sitk.Image) -> list[NDArray[np.float64]]:
    """One rectangle per run of voxels of a row, along the voxels' outer edges."""
    loops = []
    for z, plane in enumerate(sitk.GetArrayFromImage(mask) > 0):
        steps = np.diff(np.pad(plane, ((0, 0), (1, 1))).astype(np.int8), axis=1)
        starts, ends = np.argwhere(steps == 1), np.argwhere(steps == -1)
        for (y, start), (_, end) in zip(starts.tolist(), ends.tolist(), strict=True):
            xs, ys = (start - 0.5, end - 0.5), (y - 0.5, y + 0.5)
            corners = [(xs[0], ys[0], z), (xs[1], ys[0], z), (xs[1], ys[1], z), (xs[0], ys[1], z)]
            loops.append(np.array([mask.TransformContinuousIndexToPhysicalPoint(c) for c in corners]))
    return loops


def _contour(points_mm: NDArray[np.float64]) -> pydicom.Dataset:
    item = pydicom.Dataset()
    item.ContourGeometricType, item.NumberOfContourPoints = "CLOSED_PLANAR", len(points_mm)
    item.ContourData = _decimal(points_mm.ravel())
    return item


def _decimal(values: object) -> list[str]:
    return [f"{float(value):.10g}"[:16] for value in np.ravel(np.asarray(values))]

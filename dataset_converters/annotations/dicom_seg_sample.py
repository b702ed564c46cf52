"""Write tiny DICOM SEG objects for samples and tests."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SegmentationStorage, generate_uid

LABELMAP_STORAGE = pydicom.uid.UID("1.2.840.10008.5.1.4.1.1.66.7")
_LARGEST_FRACTION = 200


def write_seg(
    path: Path,
    masks: Mapping[str, sitk.Image],
    *,
    frame_of_reference: str,
    kind: Literal["BINARY", "FRACTIONAL", "LABELMAP"] = "BINARY",
) -> None:
    """Write masks (segment label to image on one grid) with one frame per slice that is not empty, last slice first.

    Binary masks are 0 and 1, fractional ones 0.0 to 1.0; the parts of a label map must not overlap.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    first = next(iter(masks.values()))
    file = _new_object(path, first, frame_of_reference, kind)
    frames = []
    for number, (label, mask) in enumerate(masks.items(), start=1):
        file.SegmentSequence.append(_segment(number, label))
        frames += [(z, number, plane) for z, plane in enumerate(sitk.GetArrayFromImage(mask)) if plane.any()]
    frames = sorted(frames, key=lambda frame: -frame[0])
    if kind == "LABELMAP":
        depths = sorted({z for z, _, _ in frames}, reverse=True)
        frames = [(z, 0, sum((plane > 0) * number for at, number, plane in frames if at == z)) for z in depths]
    for z, number, _ in frames:
        groups = pydicom.Dataset()
        groups.PlanePositionSequence = [pydicom.Dataset()]
        groups.PlanePositionSequence[0].ImagePositionPatient = _decimal(first.TransformIndexToPhysicalPoint((0, 0, z)))
        if number:
            groups.SegmentIdentificationSequence = [pydicom.Dataset()]
            groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber = number
        file.PerFrameFunctionalGroupsSequence.append(groups)
    file.NumberOfFrames = len(frames)
    _set_pixels(file, np.stack([plane for _, _, plane in frames]), kind)
    file.save_as(path, enforce_file_format=True)


def _new_object(path: Path, grid: sitk.Image, frame_of_reference: str, kind: str) -> pydicom.Dataset:
    file = pydicom.Dataset()
    file.file_meta = FileMetaDataset()
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.SOPClassUID = LABELMAP_STORAGE if kind == "LABELMAP" else SegmentationStorage
    file.SOPInstanceUID = generate_uid(entropy_srcs=[frame_of_reference, path.name])
    file.file_meta.MediaStorageSOPClassUID = file.SOPClassUID
    file.file_meta.MediaStorageSOPInstanceUID = file.SOPInstanceUID
    file.Modality, file.SegmentationType, file.FrameOfReferenceUID = "SEG", kind, frame_of_reference
    file.PatientName, file.PatientID = "ANONYMOUS", "ANONYMOUS"
    file.Columns, file.Rows, _ = grid.GetSize()
    file.SegmentSequence, file.PerFrameFunctionalGroupsSequence = [], []
    direction = np.reshape(grid.GetDirection(), (3, 3))
    shared = pydicom.Dataset()
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [pydicom.Dataset()], [pydicom.Dataset()]
    shared.PlaneOrientationSequence[0].ImageOrientationPatient = _decimal([*direction[:, 0], *direction[:, 1]])
    shared.PixelMeasuresSequence[0].PixelSpacing = _decimal([grid.GetSpacing()[1], grid.GetSpacing()[0]])
    shared.PixelMeasuresSequence[0].SliceThickness = _decimal(grid.GetSpacing()[2])[0]
    file.SharedFunctionalGroupsSequence = [shared]
    return file


def _segment(number: int, label: str) -> pydicom.Dataset:
    segment = pydicom.Dataset()
    segment.SegmentNumber, segment.SegmentLabel, segment.SegmentAlgorithmType = number, label, "MANUAL"
    segment.SegmentedPropertyCategoryCodeSequence = [_code("91723000", "Anatomical Structure")]
    segment.SegmentedPropertyTypeCodeSequence = [_code("91723000", "Anatomical Structure")]
    return segment


def _code(value: str, meaning: str) -> pydicom.Dataset:
    code = pydicom.Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "SCT", meaning
    return code


def _set_pixels(file: pydicom.Dataset, planes: np.ndarray, kind: str) -> None:
    file.SamplesPerPixel, file.PhotometricInterpretation, file.PixelRepresentation = 1, "MONOCHROME2", 0
    bits = 1 if kind == "BINARY" else 8
    file.BitsAllocated, file.BitsStored, file.HighBit = bits, bits, bits - 1
    if kind == "FRACTIONAL":
        file.SegmentationFractionalType, file.MaximumFractionalValue = "PROBABILITY", _LARGEST_FRACTION
        planes = np.rint(planes * _LARGEST_FRACTION)
    content = np.packbits(planes > 0, bitorder="little") if kind == "BINARY" else planes.astype(np.uint8)
    data = content.tobytes()
    file.PixelData = data + b"\0" * (len(data) % 2)


def _decimal(values: object) -> list[str]:
    return [f"{float(value):.10g}"[:16] for value in np.ravel(np.asarray(values))]

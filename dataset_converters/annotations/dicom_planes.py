"""Masks published as one DICOM file per CT slice, without a position of their own: laid where their slice lies."""

import io
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from numpy.typing import NDArray
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from dataset_converters.dicom.encoding import refuse_large_deflated
from dataset_converters.dicom.headers import read_headers
from dataset_converters.dicom.object import unreadable
from dataset_converters.errors import ConversionError
from dataset_converters.privacy.shown_name import shown_name
from dataset_converters.volumes.stored_voxels import read_bytes

OFF_VOXEL = 0.01
"""Largest distance of a slice from a slice of the grid, in voxels."""


def stack_planes(
    masks: Mapping[int, Path], slices: Mapping[int, Path], grid: sitk.Image, *, dataset: str, case: str
) -> NDArray[np.int32]:
    """Stored values of the masks (z, y, x) on the grid; slices without a mask are 0.

    Rescale tags of mask files do not count: they are leftovers of the CT.

    Parameters
    ----------
    masks, slices : mapping
        Slice number to the mask file, and to the CT file that says where the slice lies.
    grid : SimpleITK.Image
        The CT.

    Raises
    ------
    ConversionError
        A mask of another size, not one plane of whole numbers, unreadable; a slice off the grid, two in one place.
    """
    width, height, depth = grid.GetSize()
    values = np.zeros((depth, height, width), np.int32)
    headers = read_headers([slices[number] for number in masks], dataset=dataset, case=case)
    taken: set[int] = set()
    for file, header in zip(masks.values(), headers, strict=True):
        z = _slice_index(header, grid)
        if z is None or z in taken:
            raise _fault(file, (dataset, case), "a slice that is off the CT or there twice", "one mask per slice")
        taken.add(z)
        values[z] = _plane(file, (height, width), (dataset, case))
    return values


def write_planes(folder: Path, planes: Mapping[str, NDArray[np.uint8]]) -> None:
    """Write masks (file name to plane) without any geometry, for samples and tests."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, plane in planes.items():
        file = pydicom.Dataset()
        file.file_meta = FileMetaDataset()
        file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        uid = generate_uid(entropy_srcs=[*folder.parts[-3:], name])
        file.file_meta.MediaStorageSOPClassUID = file.SOPClassUID = SecondaryCaptureImageStorage
        file.file_meta.MediaStorageSOPInstanceUID = file.SOPInstanceUID = uid
        file.Rows, file.Columns = plane.shape
        file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
        file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 16, 16, 15, 0
        file.PixelData = plane.astype("<u2").tobytes()
        file.save_as(folder / name, enforce_file_format=True)


def _slice_index(header: pydicom.Dataset, grid: sitk.Image) -> int | None:
    """Return the z index at which a slice's first pixel lies, None if that is no first pixel of a slice."""
    try:
        position = [float(value) for value in header.get("ImagePositionPatient") or ()]
    except (TypeError, ValueError):
        return None
    if len(position) != 3:
        return None
    index = np.array(grid.TransformPhysicalPointToContinuousIndex(position))
    nearest = np.round(index)
    inside = 0 <= nearest[2] < grid.GetSize()[2]
    return int(nearest[2]) if inside and not nearest[:2].any() and abs(index - nearest).max() < OFF_VOXEL else None


def _plane(file: Path, size_yx: tuple[int, int], where: tuple[str, str]) -> NDArray[np.generic]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's warnings quote attribute values
            stream = io.BytesIO(read_bytes(file))
            refuse_large_deflated(stream)
            content = pydicom.dcmread(stream)
            found = int(content.Rows), int(content.Columns)
            frames, colours = int(content.get("NumberOfFrames") or 1), int(content.get("SamplesPerPixel") or 1)
            plain = found == size_yx and (frames, colours) == (1, 1)
            plane = content.pixel_array if plain else np.empty((0, 0, 0))  # no larger one is decoded
    except Exception as error:
        raise unreadable(file, "mask", error, dataset=where[0], case=where[1]) from None
    if found != size_yx:
        raise _fault(file, where, f"{found} pixels", f"{size_yx} as the CT")
    if plane.ndim != 2 or plane.dtype.kind not in "iu":
        raise _fault(file, where, "several planes or colours", "one plane of whole numbers")
    return plane


def _fault(file: Path, where: tuple[str, str], found: str, wanted: str) -> ConversionError:
    return ConversionError(*where, found=f"{shown_name(file)}: {found}", wanted=wanted, action="unpack the case again")

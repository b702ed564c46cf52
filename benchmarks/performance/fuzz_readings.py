"""What damaged files say, read a second time by other programs and plain arithmetic, to compare a volume with."""

import io
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import SimpleITK as sitk
from numpy.typing import NDArray

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_WITHIN_SPACING = 0.02
_GROUPS = {
    "ImagePositionPatient": "PlanePositionSequence",
    "ImageOrientationPatient": "PlaneOrientationSequence",
    "PixelSpacing": "PixelMeasuresSequence",
    "RescaleSlope": "PixelValueTransformationSequence",
    "RescaleIntercept": "PixelValueTransformationSequence",
}


class NotComparableError(Exception):
    """The other program does not read this file."""


class MalformedError(Exception):
    """A number that decides the volume is none; no reader may accept it."""


@dataclass(frozen=True)
class Reading:
    """A volume as one program sees it: voxels (z, y, x), and the affine from voxel (x, y, z, 1) to mm, LPS."""

    voxels_zyx: NDArray[np.generic]
    affine_lps: NDArray[np.float64]


def reading_of(image: sitk.Image) -> Reading:
    """Return the voxels and affine of a SimpleITK image."""
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.asarray(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return Reading(sitk.GetArrayFromImage(image), affine)


def difference(ours: Reading, other: Reading) -> str:
    """Return how two readings of a file differ, empty if they do not; a slice axis may run the other way."""
    if np.linalg.det(other.affine_lps[:3, :3]) < 0:
        other = _slices_reversed(other)
    if ours.voxels_zyx.shape != other.voxels_zyx.shape:
        return f"shape {ours.voxels_zyx.shape} against {other.voxels_zyx.shape}"
    corners = np.array(np.meshgrid(*((0, n - 1) for n in ours.voxels_zyx.shape[::-1]), [1])).reshape(4, -1)
    away_mm = np.linalg.norm(((ours.affine_lps - other.affine_lps) @ corners)[:3], axis=0).max()
    spacing_mm = np.linalg.norm(other.affine_lps[:3, :3], axis=0).min()
    scale = max(1.0, float(np.abs(other.affine_lps).max()))
    if not away_mm <= max(_WITHIN_SPACING * spacing_mm, 1e-6 * scale):
        return f"voxels {away_mm:.4g} mm away at a spacing of {spacing_mm:.4g} mm"
    left, right = np.asarray(ours.voxels_zyx, float), np.asarray(other.voxels_zyx, float)
    same = np.isclose(left, right, rtol=1e-5, atol=1e-3, equal_nan=True)
    return "" if same.all() else f"{(~same).sum()} voxels, first {left[~same][0]:g} against {right[~same][0]:g}"


def read_dicom(path: Path) -> pydicom.Dataset:
    """Read a DICOM file from memory: a file would be asked for as many bytes as a damaged length says."""
    return pydicom.dcmread(io.BytesIO(path.read_bytes()))


def read_slices(folder: Path) -> Reading:
    """Single-frame DICOM files as a volume: pixels from their bytes, sorted by position along the normal."""
    return _stacked([_slice(*_before_pixels(path), 0) for path in sorted(folder.iterdir())])


def read_frames(path: Path) -> Reading:
    """A multi-frame CT file as a volume; what a frame says of itself counts more than what all share."""
    file, content = _before_pixels(path)
    shared = _flat(file.SharedFunctionalGroupsSequence[0])
    slices = []
    for index, item in enumerate(file.PerFrameFunctionalGroupsSequence):
        frame = pydicom.Dataset({**{element.tag: element for element in file}, **shared, **_flat(item)})
        frame.file_meta = file.file_meta
        slices.append(_slice(frame, content, index))
    return _stacked(slices)


def read_nibabel(path: Path) -> Reading:
    """Return a NIfTI file as nibabel reads it; a fourth axis of length 1 does not count."""
    try:
        file = nib.load(path)
        voxels = np.asarray(file.get_fdata())  # type: ignore[attr-defined]
        affine = np.array(file.affine, dtype=np.float64)  # type: ignore[attr-defined]
    except Exception as error:
        raise NotComparableError(type(error).__name__) from None
    while voxels.ndim > 3 and voxels.shape[-1] == 1:
        voxels = voxels[..., 0]
    return Reading(voxels.T, _LPS_TO_RAS @ affine)


def read_itk(path: Path) -> Reading:
    """Return an image file as ITK reads it; without the size of the packed voxels ITK does not unpack all of them."""
    head = path.read_bytes()[:4096]
    if b"CompressedData = True" in head and b"CompressedDataSize" not in head:
        raise NotComparableError("no CompressedDataSize")
    try:
        return reading_of(sitk.ReadImage(path))
    except RuntimeError as error:
        raise NotComparableError(type(error).__name__) from None


def read_contours(path: Path, roi: str, grid: sitk.Image) -> Reading:
    """Voxels whose centre lies inside the contours of an ROI, by counting crossings of a ray, polygon by polygon."""
    file = read_dicom(path)
    numbers = [item.ROINumber for item in file.StructureSetROISequence if str(item.get("ROIName", "")).strip() == roi]
    drawn = [item for item in file.ROIContourSequence if item.get("ReferencedROINumber") in numbers]
    voxels = np.zeros(grid.GetSize()[::-1], np.uint8)
    seen = set()
    for contour in (contour for item in drawn for contour in item.ContourSequence):
        points = _floats(contour.ContourData).reshape(-1, 3)
        if len(points) < 3 or points.tobytes() in seen:
            continue
        seen.add(points.tobytes())
        index = np.array([grid.TransformPhysicalPointToContinuousIndex(point) for point in points])
        voxels[round(float(np.median(index[:, 2])))] ^= inside_polygon(index[:, :2], voxels.shape[1:])
    return Reading(voxels, reading_of(grid).affine_lps)


def inside_polygon(points: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """1 where the centre of a pixel lies inside a polygon of (x, y), by the crossings of a ray."""
    y, x = np.indices(shape, dtype=float)
    inside = np.zeros(shape, bool)
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        crosses = (y0 > y) != (y1 > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return inside.astype(np.uint8)


def _slices_reversed(reading: Reading) -> Reading:
    affine = reading.affine_lps.copy()
    affine[:3, 3] += affine[:3, 2] * (len(reading.voxels_zyx) - 1)
    affine[:3, 2] *= -1
    return Reading(reading.voxels_zyx[::-1], affine)


@dataclass(frozen=True)
class _Slice:
    position: NDArray[np.float64]
    axes: NDArray[np.float64]
    spacing: tuple[float, float]
    plane: NDArray[np.generic]


def _stacked(slices: list[_Slice]) -> Reading:
    row, column = (axis / np.linalg.norm(axis) for axis in slices[0].axes.reshape(2, 3))
    normal = np.cross(row, column)
    ordered = sorted(slices, key=lambda one: float(one.position @ normal))
    start, end = ordered[0].position, ordered[-1].position
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = row * slices[0].spacing[1], column * slices[0].spacing[0]
    affine[:3, 2] = normal * float((end - start) @ normal) / (len(slices) - 1)
    affine[:3, 3] = start
    return Reading(np.stack([one.plane for one in ordered]), affine)


def _slice(header: pydicom.Dataset, content: bytes, frame: int) -> _Slice:
    rows, columns, bits, stored = (int(header[key].value) for key in ("Rows", "Columns", "BitsAllocated", "BitsStored"))
    order = ">" if header.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRBigEndian else "<"
    form = f"{order}{rows * columns}{ {8: 'B', 16: 'H', 32: 'I'}[bits] }"
    raw = np.array(struct.unpack_from(form, content, frame * struct.calcsize(form)), dtype=np.int64)
    values = (raw >> (int(header.get("HighBit", stored - 1)) + 1 - stored)) & ((1 << stored) - 1)
    if int(header.PixelRepresentation):
        values = np.where(values >= 1 << (stored - 1), values - (1 << stored), values)
    hounsfield = values * plain_float(header.RescaleSlope) + plain_float(header.RescaleIntercept)
    height_mm, width_mm = _floats(header.PixelSpacing)
    place, axes = _floats(header.ImagePositionPatient), _floats(header.ImageOrientationPatient)
    return _Slice(place, axes, (height_mm, width_mm), hounsfield.reshape(rows, columns))


def _before_pixels(path: Path) -> tuple[pydicom.Dataset, bytes]:
    """Return what stands before the pixels, and their bytes; elements that a damage put behind them do not count."""
    stream = io.BytesIO(path.read_bytes())
    file = pydicom.dcmread(stream, stop_before_pixels=True)
    syntax = pydicom.uid.UID(str(file.file_meta.TransferSyntaxUID))
    if syntax.is_encapsulated or syntax.is_deflated or int(file.BitsAllocated) not in (8, 16, 32):
        raise NotComparableError("compressed or packed pixels")
    rest, (implicit, little) = stream.read(), file.original_encoding
    start = 8 if implicit else 12
    length = int.from_bytes(rest[start - 4 : start], "little" if little else "big")
    return file, rest[start : start + length]


def _flat(item: pydicom.Dataset) -> dict[pydicom.tag.BaseTag, pydicom.DataElement]:
    """Geometry and rescale attributes of an item, each from the group it belongs to."""
    found = [group[0][name] for name, place in _GROUPS.items() if (group := item.get(place)) and name in group[0]]
    return {element.tag: element for element in found}


def _floats(values: Iterable[object]) -> NDArray[np.float64]:
    listed = values.split("\\") if isinstance(values, str) else values  # of another representation
    return np.array([plain_float(value) for value in listed])


def plain_float(value: object) -> float:
    """Return a number written in digits, point and exponent, as the standard has it."""
    text = str(getattr(value, "original_string", value)).strip()
    if not re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", text):
        raise MalformedError("accepted a number that is none")
    return float(text)

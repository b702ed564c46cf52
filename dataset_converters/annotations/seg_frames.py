"""The frames of a DICOM SEG object: where each lies on an image's voxels, and which of its pixels are inside."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.pixels import iter_pixels
from pydicom.uid import UID, ExplicitVRBigEndian

from dataset_converters.volumes.grid import Grid
from dataset_converters.volumes.grid_repair import Turn, find_turn
from dataset_converters.volumes.stored_voxels import UnreadableFileError

FRAME_TOLERANCE = 0.05
"""Largest distance of a frame's pixel from a voxel centre of the image, as a part of the smallest spacing."""

_KINDS = ("BINARY", "FRACTIONAL", "LABELMAP")


@dataclass(frozen=True)
class Frame:
    """One frame.

    Attributes
    ----------
    index : int
        From 0, in the order of the file.
    number : int or None
        Number of its segment; None in a label map, which holds all.
    turn : Turn
        How it lies on the image.
    covered_zyx : tuple of slice
        The image's voxels under it.
    """

    index: int
    number: int | None
    turn: Turn
    covered_zyx: tuple[slice, slice, slice]


def read_frames(content: pydicom.Dataset, target: Grid) -> list[Frame]:
    """Return all frames and where they lie on the target.

    Raises
    ------
    UnreadableFileError
        Another kind of object, positions missing, a frame off the target's voxels or beyond them, two frames of
        one segment at one place.
    """
    kind = str(content.get("SegmentationType") or "")
    if kind not in _KINDS:
        raise UnreadableFileError(found="another SegmentationType", wanted=", ".join(_KINDS))
    shared = (content.get("SharedFunctionalGroupsSequence") or [pydicom.Dataset()])[0]
    own = content.get("PerFrameFunctionalGroupsSequence") or []
    count = int(content.get("NumberOfFrames") or 1)
    if len(own) != count:
        raise UnreadableFileError(
            found=f"positions of {len(own)} frames of {count}", wanted="the position of every frame in the file"
        )
    size = (int(content.Columns), int(content.Rows), 1)
    frames = [
        _frame(index, (groups, shared), size, target, numbered=kind != "LABELMAP") for index, groups in enumerate(own)
    ]
    if len({(frame.number, frame.turn.start) for frame in frames}) != len(frames):
        raise UnreadableFileError(found="two frames of one segment at one place", wanted="one frame for each place")
    return frames


def segment_planes(
    content: pydicom.Dataset, frames: Sequence[Frame], number: int
) -> Iterator[tuple[Frame, NDArray[np.bool_]]]:
    """Return each frame that may hold a segment, with the pixels (rows, columns) that belong to it.

    Raises
    ------
    UnreadableFileError
        Fewer or more pixels than announced, no MaximumFractionalValue.
    """
    wanted = [frame for frame in frames if frame.number in (None, number)]
    kind = content.SegmentationType
    half = 0.5 * float(content.get("MaximumFractionalValue") or 0)
    if kind == "FRACTIONAL" and not half > 0:
        raise UnreadableFileError(found="fractions without MaximumFractionalValue", wanted="a value above 0")
    for frame, pixels in zip(wanted, _pixels(content, [frame.index for frame in wanted]), strict=True):
        yield frame, pixels == number if kind == "LABELMAP" else pixels >= (half if kind == "FRACTIONAL" else 1)


def _frame(
    index: int,
    groups: tuple[pydicom.Dataset, pydicom.Dataset],
    size: tuple[int, int, int],
    target: Grid,
    *,
    numbered: bool,
) -> Frame:
    axes = np.reshape(_numbers(groups, "PlaneOrientationSequence", "ImageOrientationPatient", 6), (2, 3))
    row_mm, column_mm = _numbers(groups, "PixelMeasuresSequence", "PixelSpacing", 2)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = axes[0] * column_mm, axes[1] * row_mm
    normal = np.cross(axes[0], axes[1])
    # a frame has no third axis of its own: the target's that runs along its normal
    affine[:3, 2] = normal * target.spacing_mm[np.abs(target.direction.T @ normal).argmax()]
    affine[:3, 3] = _numbers(groups, "PlanePositionSequence", "ImagePositionPatient", 3)
    turn = find_turn(Grid(size, affine), target, tolerance=FRAME_TOLERANCE)
    if turn is None:
        raise UnreadableFileError(
            found=f"frame {index + 1} off the image's voxels: {Grid(size, affine)}",
            wanted=f"frames on {target}, to {FRAME_TOLERANCE:g} of the smallest spacing",
        )
    number = _item(groups, "SegmentIdentificationSequence").ReferencedSegmentNumber if numbered else None
    return Frame(index, None if number is None else int(number), turn, _covered(turn, size, target))


def _covered(turn: Turn, size: tuple[int, int, int], target: Grid) -> tuple[slice, slice, slice]:
    x, y, z = (slice(low, low + size[axis]) for low, axis in zip(turn.start, turn.axes, strict=True))
    if any(span.start < 0 or span.stop > end for span, end in zip((x, y, z), target.size_xyz, strict=True)):
        raise UnreadableFileError(found="a frame that reaches beyond the image", wanted=f"frames inside {target}")
    return z, y, x


def _numbers(groups: tuple[pydicom.Dataset, pydicom.Dataset], sequence: str, name: str, count: int) -> list[float]:
    values = [float(value) for value in _item(groups, sequence).get(name) or []]
    if len(values) != count or not all(math.isfinite(value) and abs(value) < 1e7 for value in values):
        raise UnreadableFileError(found=f"a frame without {name} of {count} numbers", wanted="its place in the patient")
    return values


def _item(groups: tuple[pydicom.Dataset, pydicom.Dataset], sequence: str) -> pydicom.Dataset:
    """Return the one item of a functional group, the frame's own before the shared one."""
    for group in groups:
        items = group.get(sequence) or []
        if len(items) == 1:
            return items[0]
    raise UnreadableFileError(found=f"a frame without {sequence}", wanted="its place in the patient and segment")


def _pixels(content: pydicom.Dataset, indices: Sequence[int]) -> Iterator[np.ndarray]:
    """Return the stored values (rows, columns) of frames."""
    if not indices:
        return iter(())
    rows, columns, bits = int(content.Rows), int(content.Columns), int(content.BitsAllocated)
    syntax = UID(content.file_meta.TransferSyntaxUID)
    if bits not in (1, 8, 16) or int(content.get("SamplesPerPixel") or 1) != 1 or syntax == ExplicitVRBigEndian:
        raise UnreadableFileError(found="pixels of another form", wanted="1, 8 or 16 bits, little endian")
    if syntax.is_encapsulated:
        return _decompressed(content, indices, (rows, columns))
    count = len(content.PerFrameFunctionalGroupsSequence)
    wanted = math.ceil(rows * columns * count * bits / 8)
    if not wanted <= len(content.PixelData) <= wanted + 1:
        raise UnreadableFileError(found=f"{len(content.PixelData)} bytes of pixels", wanted=f"{wanted} bytes")
    return (_native(content.PixelData, index, (rows, columns), bits) for index in indices)


def _native(data: bytes, index: int, shape: tuple[int, int], bits: int) -> np.ndarray:
    length = shape[0] * shape[1]
    if bits > 1:
        dtype = np.dtype(f"<u{bits // 8}")
        return np.frombuffer(data, dtype, length, index * length * dtype.itemsize).reshape(shape)
    first, end = index * length, (index + 1) * length  # frames follow each other without a gap, lowest bit first
    packed = np.frombuffer(data[first // 8 : -(-end // 8)], np.uint8)
    return np.unpackbits(packed, bitorder="little")[first % 8 :][:length].reshape(shape)


def _decompressed(content: pydicom.Dataset, indices: Sequence[int], shape: tuple[int, int]) -> Iterator[np.ndarray]:
    for plane in iter_pixels(content, indices=list(indices)):
        if plane.shape != shape:
            raise UnreadableFileError(found="a frame of another size than announced", wanted=f"{shape} pixels")
        yield plane

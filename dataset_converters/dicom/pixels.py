"""The pixels of one CT slice in Hounsfield units."""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.pixels import pixel_array

from dataset_converters.dicom.encoding import PixelSpan
from dataset_converters.dicom.quiet_pydicom import quiet

_LIMITS = np.iinfo(np.int16)


class PixelError(Exception):
    """Pixels that cannot be read; the text says why, without any value of the file."""


@dataclass(frozen=True)
class SlicePixels:
    """Where the pixels of one slice are and how they become Hounsfield units.

    Attributes
    ----------
    file : Path
        One slice, or many (``frame`` counts from 0).
    size_yx : tuple of int
        Rows, columns.
    slope, intercept : float
        Hounsfield units = stored value * slope + intercept.
    bits : tuple of int
        Allocated and stored per pixel.
    signed : bool
        Two's complement.
    span : PixelSpan or None
        Where the pixels of all frames lie; None if they must be decoded.
    has_overlay : bool
        The unused high bits hold drawings, as a header says.
    """

    file: Path
    frame: int
    size_yx: tuple[int, int]
    slope: float
    intercept: float
    bits: tuple[int, int]
    signed: bool
    span: PixelSpan | None
    has_overlay: bool = False


def slice_pixels(header: pydicom.Dataset) -> SlicePixels:
    """Return where the pixels of a checked header (`read_headers`) are."""
    return SlicePixels(
        file=Path(str(header.filename)),
        frame=header.frame,
        size_yx=(int(header.Rows), int(header.Columns)),
        slope=float(header.RescaleSlope),
        intercept=float(header.RescaleIntercept),
        bits=(int(header.BitsAllocated), int(header.BitsStored)),
        signed=bool(header.PixelRepresentation),
        span=header.pixels,
        has_overlay=any(element.tag.group >> 8 == 0x60 and element.value for element in header),
    )


def read_hounsfield(pixels: SlicePixels, opened: Mapping[Path, pydicom.Dataset] = {}) -> NDArray[np.generic]:
    """Return the slice (rows, columns) in HU: int16 if all values are whole and fit, else float32.

    Bits above those the header counts as stored are cut off where the header says that drawings (overlays) are there;
    else they must repeat the sign, and a value that needs more bits is an error: the header would be wrong.

    Parameters
    ----------
    opened : mapping
        Files with compressed frames that were read already (`read_compressed`).

    Raises
    ------
    PixelError
        Cut off, not decodable, values that need more bits than are stored, no finite slope other than 0.
    """
    if not np.isfinite([pixels.slope, pixels.intercept]).all() or pixels.slope == 0:
        raise PixelError(f"rescaled by {pixels.slope:g} and {pixels.intercept:g}")
    stored = _used_bits(_decoded(pixels, opened) if pixels.span is None else _stored(pixels, pixels.span), pixels)
    whole = pixels.slope.is_integer() and pixels.intercept.is_integer()
    return _whole_hounsfield(stored, pixels) if whole else _hounsfield(stored, pixels)


def read_compressed(file: Path) -> pydicom.Dataset:
    """Read a file with all its pixels, as they are compressed, to decode one frame after another."""
    with quiet():
        return pydicom.dcmread(BytesIO(file.read_bytes()))  # a damaged length cannot ask for more than there is


def _stored(pixels: SlicePixels, span: PixelSpan) -> NDArray[np.generic]:
    """Pixels as they lie in the file: neither copied nor decoded."""
    start, wanted = _frame_bytes(pixels)
    with pixels.file.open("rb") as stream:
        stream.seek(span.start + start)
        content = stream.read(max(0, min(wanted, span.length - start)))
    return _plane(content, pixels, span.byte_order)


def _decoded(pixels: SlicePixels, opened: Mapping[Path, pydicom.Dataset]) -> NDArray[np.generic]:
    try:
        with quiet():
            file = opened.get(pixels.file) or read_compressed(pixels.file)
            packed = file.file_meta.TransferSyntaxUID.is_encapsulated
            plane = pixel_array(file, index=pixels.frame) if packed else np.empty((0, 0))
            start, wanted = _frame_bytes(pixels)
            whole = b"" if packed else bytes(file.PixelData)
            whole_bytes = wanted * int(file.get("NumberOfFrames") or 1)
    except Exception as error:  # decoders raise whatever a damaged byte leads to
        raise PixelError(type(error).__name__) from None
    if not packed:  # pydicom guesses where they start if their representation is not a known one
        if len(whole) != whole_bytes + whole_bytes % 2:
            raise PixelError(f"{len(whole)} bytes instead of {whole_bytes}")
        return _plane(whole[start : start + wanted], pixels, "<")
    if plane.shape != pixels.size_yx or plane.dtype.kind not in "iu":
        raise PixelError(f"{' x '.join(map(str, plane.shape))} pixels of type {plane.dtype}")
    return plane


def _frame_bytes(pixels: SlicePixels) -> tuple[int, int]:
    """Where a frame starts among those of its file, and its size."""
    size = pixels.size_yx[0] * pixels.size_yx[1] * pixels.bits[0] // 8
    return pixels.frame * size, size


def _plane(content: bytes, pixels: SlicePixels, byte_order: str) -> NDArray[np.generic]:
    wanted = _frame_bytes(pixels)[1]
    if len(content) < wanted:
        raise PixelError(f"{len(content)} bytes instead of {wanted}")
    dtype = np.dtype(f"{byte_order}{'i' if pixels.signed else 'u'}{pixels.bits[0] // 8}")
    return np.frombuffer(content, dtype).reshape(pixels.size_yx).astype(dtype.newbyteorder("="), copy=False)


def _used_bits(stored: NDArray[np.generic], pixels: SlicePixels) -> NDArray[np.generic]:
    allocated, used = stored.dtype.itemsize * 8, pixels.bits[1]
    if used >= allocated:
        return stored
    cut = (stored << (allocated - used)) >> (allocated - used)  # type: ignore[operator]
    if pixels.has_overlay:
        return cut
    differing = int(np.count_nonzero(cut != stored))
    if differing:
        raise PixelError(f"{differing} values that need more than the {used} bits the header says are stored")
    return stored


def _whole_hounsfield(stored: NDArray[np.generic], pixels: SlicePixels) -> NDArray[np.generic]:
    slope, intercept = int(pixels.slope), int(pixels.intercept)
    ends = sorted(int(value) * slope + intercept for value in (stored.min(), stored.max()))
    if not _LIMITS.min <= ends[0] <= ends[1] <= _LIMITS.max:
        return _hounsfield(stored, pixels)
    plane: NDArray[np.int16] = stored.astype(np.int16, casting="unsafe", copy=True)
    if slope != 1:
        plane *= _modulo(slope)
    plane += _modulo(intercept)
    return plane


def _modulo(number: int) -> np.int16:
    """Return the number modulo 2**16: arithmetic with it is exact where every result fits."""
    return np.int16((number + 2**15) % 2**16 - 2**15)


def _hounsfield(stored: NDArray[np.generic], pixels: SlicePixels) -> NDArray[np.float32]:
    with np.errstate(all="ignore"):
        plane = (stored.astype(np.float64) * pixels.slope + pixels.intercept).astype(np.float32)
    if not np.isfinite(plane).all():
        raise PixelError(f"rescaled by {pixels.slope:g} and {pixels.intercept:g} to infinity")
    return plane

"""Where the pixels of a DICOM file lie, if they can be taken from it as they are stored."""

import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO

import pydicom
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

LARGEST_INFLATED = 2**26
"""Bytes that a deflated file may unpack to: one byte can become a thousand."""

_START = 132  # preamble and prefix
_META_ELEMENT = struct.Struct("<HH2sH")
_LONG = (b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UC", b"UN", b"UR", b"UT")
_PIXEL_TAG = (0x7FE0, 0x0010)
_UNDEFINED = 0xFFFFFFFF


@dataclass(frozen=True)
class PixelSpan:
    """Bytes of a file that are its pixels, not compressed.

    Attributes
    ----------
    start, length : int
        In bytes.
    byte_order : str
        ``<`` or ``>``, as numpy has it.
    """

    start: int
    length: int
    byte_order: str


def find_pixels(stream: BinaryIO, file_meta: pydicom.Dataset) -> PixelSpan | None:
    """Return where the pixels lie, from a stream that stands at the PixelData element; None if they are compressed.

    The stream stands there after ``pydicom.dcmread(stream, stop_before_pixels=True)``.
    """
    syntax = file_meta.get("TransferSyntaxUID")
    if syntax not in (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian):
        return None
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    block = stream.read(12)
    if len(block) < 12 or struct.unpack(f"{order}HH", block[:4]) != _PIXEL_TAG:
        return None
    if syntax == ImplicitVRLittleEndian:
        length, header_bytes = struct.unpack(f"{order}I", block[4:8])[0], 8
    elif block[4:6] in (b"OW", b"OB"):
        length, header_bytes = struct.unpack(f"{order}I", block[8:12])[0], 12
    else:
        return None
    if length == _UNDEFINED:
        return None
    return PixelSpan(stream.tell() - 12 + header_bytes, length, order)


def refuse_large_deflated(stream: BinaryIO) -> None:
    """Raise `ValueError` for a deflated file that unpacks to too much; leave the stream at its start.

    Raises
    ------
    ValueError
        More than `LARGEST_INFLATED` bytes.
    """
    syntax, start = _transfer_syntax(stream)
    if syntax == DeflatedExplicitVRLittleEndian:
        stream.seek(start)
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        size = 0
        block = stream.read(2**16)
        while block and not inflater.eof:
            size += len(inflater.decompress(block, LARGEST_INFLATED))
            if size > LARGEST_INFLATED:
                raise ValueError("deflated file that unpacks to too much")
            block = inflater.unconsumed_tail or stream.read(2**16)
    stream.seek(0)


def _transfer_syntax(stream: BinaryIO) -> tuple[str, int]:
    """Transfer syntax, and where the data set starts; read by hand, as pydicom unpacks a deflated file at once."""
    stream.seek(0)
    if stream.read(_START)[-4:] != b"DICM":
        return "", 0
    found = ""
    while len(block := stream.read(_META_ELEMENT.size)) == _META_ELEMENT.size:
        group, element, kind, length = _META_ELEMENT.unpack(block)
        if group != 2:
            return found, stream.tell() - _META_ELEMENT.size
        if kind in _LONG:
            length = struct.unpack("<I", stream.read(4).ljust(4, b"\0"))[0]
        if element == 0x0010:
            found = stream.read(length).rstrip(b"\0 ").decode("ascii", errors="replace")
        else:
            stream.seek(length, 1)
    return found, stream.tell()

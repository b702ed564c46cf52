"""The wanted attributes of a regular DICOM file, found without reading the rest.

A series has hundreds of headers that repeat most values. This walks the elements of a file by their lengths, and lets
pydicom decode each value once for all files that repeat it. Files that are anything but regular are left to pydicom.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

import pydicom
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import FileMetaDataset
from pydicom.tag import BaseTag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dataset_converters.dicom.encoding import PixelSpan

_WINDOW_BYTES = 2**13
_START = 132  # preamble and prefix
_TRANSFER_SYNTAX, _PIXELS = 0x00020010, 0x7FE00010
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
_DEEPEST = 16
_MOST_VALUE_BYTES = 2**22
_LONG = frozenset(
    b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split(),
)
_SHORT = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())


class _IrregularError(Exception):
    """Something that pydicom may be able to make sense of."""


@dataclass(frozen=True)
class HeaderScanner:
    """Reads headers of one kind of file after another, and remembers values they share.

    Attributes
    ----------
    wanted : mapping
        Tags to read (as keys).
    known : dict
        Decoded elements by tag, type and bytes. Headers of several files share them: they must not be changed.
    """

    wanted: Mapping[int, BaseTag]
    known: dict[tuple[object, ...], DataElement] = field(default_factory=dict)

    def scan(self, stream: BinaryIO) -> pydicom.Dataset | None:
        """Return the header as `read_headers` describes it (without ``filename``); None for an irregular file."""
        try:
            return self._scan(stream)
        except (_IrregularError, struct.error):
            return None

    def _scan(self, stream: BinaryIO) -> pydicom.Dataset:
        window = _Window(stream)
        if window.bytes_at(_START - 4, 4) != b"DICM":
            raise _IrregularError
        syntax, start = _read_meta(window)
        implicit = syntax == ImplicitVRLittleEndian
        raw, pixels = _read_elements(window, start, implicit, self.wanted)
        packed = syntax.is_encapsulated
        header = pydicom.Dataset(self._decoded(raw, implicit))
        header.file_meta = FileMetaDataset()
        header.file_meta.TransferSyntaxUID = syntax
        header.pixels = None if packed or pixels is None else pixels
        return header

    def _decoded(
        self, raw: dict[int, tuple[str | None, bytes]], implicit: bool
    ) -> dict[BaseTag, DataElement | RawDataElement]:
        charset = raw.get(0x00080005, ("", b""))[1]
        elements: dict[BaseTag, DataElement | RawDataElement] = {}
        new = []
        for tag, (kind, value) in raw.items():
            key = (tag, kind, value, charset)
            if key in self.known:
                elements[self.wanted[tag]] = self.known[key]
            else:
                new.append((key, self.wanted[tag]))
                elements[self.wanted[tag]] = RawDataElement(
                    self.wanted[tag], kind, len(value), value or None, 0, implicit, True
                )
        decoder = pydicom.Dataset(elements)
        for key, known_tag in new:
            self.known[key] = decoder[known_tag]  # decodes, also in elements
        return elements


class _Window:
    """Part of a file; moves along with what is asked for."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream, self.start, self.block = stream, 0, b""
        self.size = stream.seek(0, 2)

    def bytes_at(self, position: int, count: int) -> bytes:
        offset = position - self.start
        if offset < 0 or offset + count > len(self.block):
            if position + count > self.size:
                raise _IrregularError
            self.stream.seek(position)
            self.start, self.block, offset = position, self.stream.read(max(count, _WINDOW_BYTES)), 0
        return self.block[offset : offset + count]


def _read_meta(window: _Window) -> tuple[pydicom.uid.UID, int]:
    """Transfer syntax (one of those read here) and where the data set starts."""
    position, syntax = _START, ""
    while window.bytes_at(position, 2) == b"\2\0":
        tag, _, length, start = _element(window, position, implicit=False)
        if tag == _TRANSFER_SYNTAX:
            syntax = window.bytes_at(start, length).rstrip(b"\0 ").decode("ascii", errors="replace")
        position = start + length
    uid = pydicom.uid.UID(syntax)
    known = uid in (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
    if not known and not (uid.is_transfer_syntax and uid.is_encapsulated):
        raise _IrregularError
    return uid, position


def _read_elements(
    window: _Window, position: int, implicit: bool, wanted: Mapping[int, BaseTag]
) -> tuple[dict[int, tuple[str | None, bytes]], PixelSpan | None]:
    """Type and bytes of the wanted elements, and where the pixels are."""
    raw: dict[int, tuple[str | None, bytes]] = {}
    last = 0
    if implicit and window.bytes_at(position + 4, 2).isalpha():
        raise _IrregularError  # announced as implicit, but not written so
    while position < window.size:
        tag, kind, length, position = _element(window, position, implicit)
        if not last < tag <= _PIXELS:
            raise _IrregularError
        last = tag
        if tag >= 0x7FE00008:
            known = tag == _PIXELS and length != _UNDEFINED and kind in (None, b"OW", b"OB")
            return raw, PixelSpan(position, length, "<") if known else None
        if length == _UNDEFINED:
            if tag in wanted or kind not in (None, b"SQ"):
                raise _IrregularError
            position = _after_sequence(window, position, implicit, 0)
            continue
        if tag in wanted:
            if length > _MOST_VALUE_BYTES:
                raise _IrregularError
            raw[tag] = None if kind is None else kind.decode("ascii"), window.bytes_at(position, length)
        position += length
    if position != window.size:
        raise _IrregularError
    return raw, None


def _element(window: _Window, position: int, implicit: bool) -> tuple[int, bytes | None, int, int]:
    """Tag, type, length and where the value starts."""
    block = window.bytes_at(position, 8)
    if implicit:
        group, element, length = struct.unpack("<HHI", block)
        return group << 16 | element, None, length, position + 8
    group, element, kind, length = struct.unpack("<HH2sH", block)
    tag = group << 16 | element
    if group == 0xFFFE:
        return tag, None, struct.unpack("<I", block[4:])[0], position + 8
    if kind in _SHORT:
        return tag, kind, length, position + 8
    if kind not in _LONG:
        raise _IrregularError
    return tag, kind, struct.unpack("<I", window.bytes_at(position + 8, 4))[0], position + 12


def _after_sequence(window: _Window, position: int, implicit: bool, depth: int) -> int:
    """Where a sequence of undefined length ends."""
    if depth > _DEEPEST:
        raise _IrregularError
    while True:
        tag, _, length, position = _element(window, position, implicit)
        if tag == _SEQUENCE_END:
            return position
        if tag != _ITEM:
            raise _IrregularError
        position = position + length if length != _UNDEFINED else _after_item(window, position, implicit, depth)


def _after_item(window: _Window, position: int, implicit: bool, depth: int) -> int:
    """Where an item of undefined length ends."""
    while True:
        tag, kind, length, position = _element(window, position, implicit)
        if tag == _ITEM_END:
            return position
        if tag >= 0xFFFE0000 or (length == _UNDEFINED and kind not in (None, b"SQ")):
            raise _IrregularError
        position = position + length if length != _UNDEFINED else _after_sequence(window, position, implicit, depth + 1)

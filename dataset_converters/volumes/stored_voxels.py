"""Bytes of voxels as a file announces them: no more are read, no fewer are accepted."""

import gzip
import math
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dataset_converters.volumes.grid import Grid

LARGEST_BYTES = 32 * 2**30
HIGHEST_COMPRESSION = 1100
"""Bytes that one compressed byte can become: deflate cannot exceed 1032."""

Packing = Literal["raw", "gzip", "zlib"]

_FIRST_BLOCK, _LARGEST_BLOCK = 2**12, 2**24  # what is left behind a short member is copied: little of it


class UnreadableFileError(Exception):
    """A file is truncated, damaged or not one 3-D volume; ``found`` and ``wanted`` say how, without file content."""

    def __init__(self, *, found: str, wanted: str) -> None:
        super().__init__(f"found {found}; wanted {wanted}")
        self.found = found
        self.wanted = wanted


@dataclass(frozen=True)
class StoredVolume:
    """One file of voxels as stored.

    Attributes
    ----------
    grid : Grid
        As the header describes it: any handedness, perhaps not orthonormal.
    voxels_zyx : numpy.ndarray
        (z, y, x); NaN and infinities are kept.
    note : str
        What of the header had to be settled (two descriptions of the grid that differ a little), or empty.
    plain : bool
        The file is a ``.nii.gz`` that holds these very numbers, without scale, on this very grid.
    """

    grid: Grid
    voxels_zyx: np.ndarray
    note: str = ""
    plain: bool = False


def check_announced(size_xyz: tuple[int, ...], item_bytes: int, *, stored_bytes: int, packing: Packing) -> int:
    """Return how many bytes of voxels a header announces, before anything is allocated.

    Raises
    ------
    UnreadableFileError
        Fewer than one voxel along an axis, or more bytes than the stored ones can hold.
    """
    if len(size_xyz) != 3 or min(size_xyz) < 1:
        raise UnreadableFileError(found=f"size {size_xyz} (x, y, z...)", wanted="one 3-D volume")
    wanted = math.prod(size_xyz) * item_bytes
    possible = stored_bytes * (1 if packing == "raw" else HIGHEST_COMPRESSION)
    if wanted > min(possible, LARGEST_BYTES):
        raise UnreadableFileError(
            found=f"a header that announces {wanted} bytes in {stored_bytes} stored ones ({packing})",
            wanted=f"a complete file, and at most {LARGEST_BYTES} bytes",
        )
    return wanted


def unpack(stored: bytes, packing: Packing, *, wanted: int, skipped: int = 0) -> NDArray[np.uint8]:
    """Return exactly the announced bytes after the skipped ones, checksum of a compressed stream included.

    Raises
    ------
    UnreadableFileError
        Truncated, damaged, or more bytes than announced.
    """
    content, complete = (stored, True) if packing == "raw" else _inflated(stored, packing, skipped + wanted)
    if not complete and len(content) <= skipped + wanted:
        raise UnreadableFileError(
            found=f"a truncated or damaged {packing} stream (no valid end or checksum)", wanted="a complete stream"
        )
    if len(content) != skipped + wanted:
        many = len(content) > skipped + wanted
        raise UnreadableFileError(
            found="more bytes than that" if many else f"{max(len(content) - skipped, 0)} bytes of voxels",
            wanted=f"{wanted} bytes as the header says (truncated or wrong header)",
        )
    return np.frombuffer(content, dtype=np.uint8)[skipped:]


def read_bytes(path: Path) -> bytes:
    """Return a file's bytes; a file that is missing or not readable becomes an `UnreadableFileError`."""
    try:
        if path.exists() and not path.is_file():
            raise UnreadableFileError(found="no regular file", wanted="a file")  # a pipe or device need not end
        return path.read_bytes()
    except OSError as error:
        raise UnreadableFileError(
            found=f"a file that cannot be opened ({type(error).__name__})", wanted="a readable file"
        ) from None


def _inflated(stored: bytes, packing: Packing, wanted: int) -> tuple[bytearray, bool]:
    """Unpack at most one byte more than wanted; several gzip members may follow each other."""
    content, start, left = bytearray(), 0, memoryview(stored)
    while start < len(left):
        stream, block = zlib.decompressobj(wbits=31 if packing == "gzip" else 15), _FIRST_BLOCK
        while not stream.eof:
            piece = left[start : start + block]
            try:
                content += stream.decompress(piece, wanted + 1 - len(content))
            except (zlib.error, gzip.BadGzipFile):
                return content, False
            start += len(piece) - len(stream.unused_data)
            if len(content) > wanted or not piece:
                return content, False
            block = min(8 * block, _LARGEST_BLOCK)
        if packing == "zlib":
            return content, start == len(left)
        while start < len(left) and not left[start]:  # gzip files may be padded
            start += 1
    return content, bool(stored)

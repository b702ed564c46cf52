"""MetaImage files (``.mha``, ``.mhd`` with ``.raw`` or ``.zraw``) read strictly.

Source: MetaIO documentation, https://itk.org/Wiki/ITK/MetaIO/Documentation.
"""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dataset_converters.volumes.grid import Grid
from dataset_converters.volumes.stored_voxels import (
    Packing,
    StoredVolume,
    UnreadableFileError,
    check_announced,
    read_bytes,
    unpack,
)

_TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
_ALIASES = {
    "Position": "Offset",
    "Origin": "Offset",
    "Rotation": "TransformMatrix",
    "Orientation": "TransformMatrix",
    "DirectionCosines": "TransformMatrix",
    "ElementByteOrderMSB": "BinaryDataByteOrderMSB",
}
_LONGEST_HEADER = 2**16
_LONGEST_NAME = 256


def read_meta_image(path: Path) -> StoredVolume:
    """Read a ``.mha`` or ``.mhd`` file and its voxels.

    Each three numbers of ``TransformMatrix`` are the direction of one axis in millimetres left, posterior, superior
    (as ITK reads it); ``AnatomicalOrientation`` does not count.

    Raises
    ------
    UnreadableFileError
        Truncated, damaged, not one 3-D volume of one number per voxel, voxels in several files, or in a file
        outside the folder.
    """
    content = read_bytes(path)
    entries, header_bytes = _entries(content)
    _refuse_other_kinds(entries)
    size = _integers(entries, "DimSize")
    dtype = np.dtype(_chosen(entries, "ElementType", _TYPES)).newbyteorder(
        ">" if _truth(entries, "BinaryDataByteOrderMSB", default=False) else "<"
    )
    packing: Packing = "zlib" if _truth(entries, "CompressedData", default=False) else "raw"
    stored = _stored(path, content[header_bytes:], entries)
    wanted = check_announced(size, dtype.itemsize, stored_bytes=len(stored), packing=packing)
    voxels = unpack(stored, packing, wanted=wanted).view(dtype).reshape(size[::-1])
    return StoredVolume(_grid(entries, size), voxels)


def _entries(content: bytes) -> tuple[dict[str, str], int]:
    """Return the header's entries and the header's length in bytes."""
    entries: dict[str, str] = {}
    start = 0
    while "ElementDataFile" not in entries:
        end = content.find(b"\n", start, _LONGEST_HEADER)
        end = len(content) if end < 0 and len(content) < _LONGEST_HEADER else end
        name, equals, value = content[start : max(end, start)].decode("latin-1").partition("=")
        name = name.strip(" \t\r")
        name = _ALIASES.get(name, name)
        if not equals or name in entries:
            found = "an entry that is there twice" if equals else "a header without ElementDataFile at its end"
            raise UnreadableFileError(found=found, wanted="a MetaImage header")
        text = f"{name}{value}".strip(" \t\r\0").replace("\t", " ")
        if not (name.isascii() and text.isprintable()):  # programs disagree on what parts words and numbers
            raise UnreadableFileError(found="control characters in the header", wanted="a MetaImage header")
        entries[name] = value.strip()
        start = end + 1
    return entries, start


def _refuse_other_kinds(entries: Mapping[str, str]) -> None:
    wanted = {"ObjectType": ("image",), "BinaryData": ("true",), "ElementNumberOfChannels": ("1",), "NDims": ("3",)}
    defaults = {"ObjectType": "image", "BinaryData": "true", "ElementNumberOfChannels": "1"}
    for name, choices in wanted.items():
        if entries.get(name, defaults.get(name, "")).lower() not in choices:
            raise UnreadableFileError(
                found=f"a header whose {name} is another", wanted=f"{name} {choices[0]}: one 3-D volume of numbers"
            )
    if entries.get("DistanceUnits", "mm").lower() not in ("mm", "?", "unknown", ""):
        raise UnreadableFileError(found="distances in another unit", wanted="millimetres")


def _stored(path: Path, rest: bytes, entries: Mapping[str, str]) -> bytes:
    """Return the bytes of the voxels, which lie behind the header or in one file of the same folder."""
    name = entries["ElementDataFile"]
    stored = rest if name.upper() == "LOCAL" else read_bytes(plain_neighbour(path, name))
    skipped = _integers(entries, "HeaderSize", default=(0,))[0]
    if not 0 <= skipped <= len(stored):
        raise UnreadableFileError(found=f"HeaderSize {skipped}", wanted="how many bytes stand before the voxels")
    announced = _integers(entries, "CompressedDataSize", default=(len(stored) - skipped,))[0]
    packed = _truth(entries, "CompressedData", default=False)
    if packed and name.upper() == "LOCAL" and "CompressedDataSize" not in entries:  # ITK reads such a file wrongly
        raise UnreadableFileError(found="a header without CompressedDataSize", wanted="how many bytes are compressed")
    if packed and announced != len(stored) - skipped:
        raise UnreadableFileError(
            found=f"{len(stored) - skipped} compressed bytes", wanted=f"{announced} compressed bytes as the header says"
        )
    return stored[skipped:]


def plain_neighbour(path: Path, name: str) -> Path:
    """Return the file a header points at, which must lie in the header's own folder.

    Raises
    ------
    UnreadableFileError
        A path, a list or pattern of files, or a link that leads out of the folder.
    """
    plain = (
        0 < len(name.encode()) < _LONGEST_NAME
        and name not in (".", "..")
        and not set(name) & set('/\\:*?%"<>|\0')
        and name.isprintable()
    )
    if not plain or name.upper().split()[0] == "LIST" or (path.parent / name).is_symlink():
        raise UnreadableFileError(
            found="voxels in several files, a linked file or another folder",
            wanted="one file of voxels beside the header, or the voxels behind it",
        )
    return path.parent / name


def _grid(entries: Mapping[str, str], size: tuple[int, ...]) -> Grid:
    if "CenterOfRotation" in entries:  # of no use to us, but ITK loses the keys that follow a wrong one
        _numbers(entries, "CenterOfRotation", 3)
    spacing = _numbers(entries, "ElementSpacing" if "ElementSpacing" in entries else "ElementSize", 3)
    matrix = _numbers(entries, "TransformMatrix", 9)
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(matrix, (3, 3)).T * spacing
    affine[:3, 3] = _numbers(entries, "Offset", 3)
    if not min(spacing) > 0:
        raise UnreadableFileError(found="spacings that are not above 0 mm", wanted="the distance of the voxels")
    return Grid((size[0], size[1], size[2]), affine)


def _numbers(entries: Mapping[str, str], name: str, count: int) -> list[float]:
    try:
        values = [float(text.replace("_", "?")) for text in entries[name].split()]  # Python alone knows 1_000
    except (KeyError, ValueError):
        values = []
    if len(values) != count or not all(math.isfinite(value) and abs(value) < 1e7 for value in values):
        raise UnreadableFileError(found=f"a header without {name} of {count} numbers", wanted=f"{count} finite numbers")
    return values


def _integers(entries: Mapping[str, str], name: str, default: tuple[int, ...] | None = None) -> tuple[int, ...]:
    if name not in entries and default is not None:
        return default
    try:
        values = tuple(int(text[:20].replace("_", "?")) for text in entries[name].split()[:8])
    except (KeyError, ValueError):
        values = ()
    if not values:
        raise UnreadableFileError(found=f"a header without {name}", wanted="whole numbers")
    return values


def _truth(entries: Mapping[str, str], name: str, *, default: bool) -> bool:
    return _chosen({name: entries.get(name, str(default)).lower()}, name, {"true": "1", "false": ""}) == "1"


def _chosen(entries: Mapping[str, str], name: str, choices: Mapping[str, str]) -> str:
    if entries.get(name, "") not in choices:
        raise UnreadableFileError(found=f"a header with another {name}", wanted=f"one of {', '.join(choices)}")
    return choices[entries[name]]

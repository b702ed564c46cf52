"""NRRD files (``.nrrd``, ``.nhdr`` with a data file) read strictly.

Source: NRRD format definition, https://teem.sourceforge.net/nrrd/format.html.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dataset_converters.volumes.grid import Grid
from dataset_converters.volumes.meta_image import plain_neighbour
from dataset_converters.volumes.stored_voxels import (
    Packing,
    StoredVolume,
    UnreadableFileError,
    check_announced,
    read_bytes,
    unpack,
)

_TYPES = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": ("longlong", "long long", "long long int", "signed long long", "signed long long int", "int64", "int64_t"),
    "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "f4": ("float",),
    "f8": ("double",),
}
_TO_LPS = {
    "left-posterior-superior": (1, 1, 1),
    "lps": (1, 1, 1),
    "right-anterior-superior": (-1, -1, 1),
    "ras": (-1, -1, 1),
    "left-anterior-superior": (1, -1, 1),
    "las": (1, -1, 1),
}
_PACKINGS: dict[str, Packing] = {"raw": "raw", "gzip": "gzip", "gz": "gzip"}
_ALIASES = {"datafile": "data file", "lineskip": "line skip", "byteskip": "byte skip"}
_VECTOR = re.compile(r"\(([^()]*)\)")
_LONGEST_HEADER = 2**20  # Slicer writes a paragraph per segment
_END = re.compile(rb"\r?\n\r?\n")


def read_nrrd(path: Path) -> StoredVolume:
    """Read a ``.nrrd`` or ``.nhdr`` file and its voxels.

    Raises
    ------
    UnreadableFileError
        Truncated, damaged, not one 3-D volume of one number per voxel (a ``.seg.nrrd`` with layers is 4-D), no
        patient space, another encoding than raw and gzip, or voxels in several files or another folder.
    """
    content = read_bytes(path)
    fields, header_bytes = _fields(content)
    size = _size(fields)
    dtype = _dtype(fields)
    packing = _PACKINGS.get(fields.get("encoding", "").lower())
    if packing is None or any(fields.get(name, "0") != "0" for name in ("line skip", "byte skip")):
        raise UnreadableFileError(found="another encoding or skipped bytes", wanted="encoding raw or gzip, no skip")
    name = fields.get("data file")
    stored = content[header_bytes:] if name is None else read_bytes(plain_neighbour(path, name))
    wanted = check_announced(size, dtype.itemsize, stored_bytes=len(stored), packing=packing)
    voxels = unpack(stored, packing, wanted=wanted).view(dtype).reshape(size[::-1])
    return StoredVolume(_grid(fields, size), voxels)


def _fields(content: bytes) -> tuple[dict[str, str], int]:
    """Return the fields, names in lower case, without key/value pairs, and the header's length in bytes."""
    end = _END.search(content, 0, _LONGEST_HEADER)
    stop, header_bytes = (end.start(), end.end()) if end else (len(content), len(content))
    if not content.startswith(b"NRRD000") or stop > _LONGEST_HEADER:
        raise UnreadableFileError(found="no NRRD header", wanted="a file that starts with NRRD000 and a version")
    fields: dict[str, str] = {}
    for line in content[:stop].decode("latin-1").rstrip("\r\n").split("\n")[1:]:
        if line.startswith("#") or re.match(r"[^:]*:=", line):
            continue
        name, colon, value = line.partition(": ")
        name = _ALIASES.get(name.strip().lower(), name.strip().lower())
        if not colon or name in fields:
            raise UnreadableFileError(found="a line that is no field, or a field twice", wanted="a NRRD header")
        if not value.strip(" \t\r").replace("\t", " ").isprintable():  # programs disagree on what parts numbers
            raise UnreadableFileError(found="control characters in the header", wanted="a NRRD header")
        fields[name] = value.strip()
    return fields, header_bytes


def _size(fields: Mapping[str, str]) -> tuple[int, ...]:
    if fields.get("dimension") != "3":
        layers = " (several layers of a segmentation?)" if fields.get("dimension") == "4" else ""
        raise UnreadableFileError(
            found=f"a volume that is not 3-D{layers}",
            wanted="dimension 3; export overlapping segments as one file each",
        )
    kinds = fields.get("kinds", "domain domain domain").lower().split()
    if len(kinds) != 3 or not set(kinds) <= {"domain", "space", "???", "none"}:
        raise UnreadableFileError(found="axes that are not all of space", wanted="kinds domain domain domain")
    try:
        size = tuple(int(text[:20].replace("_", "?")) for text in fields["sizes"].split()[:4])
    except (KeyError, ValueError):
        size = ()
    return size


def _dtype(fields: Mapping[str, str]) -> np.dtype:
    kind = next((code for code, names in _TYPES.items() if fields.get("type", "").lower() in names), None)
    endian = {"little": "<", "big": ">"}.get(fields.get("endian", "").lower(), "")
    if kind is None or (not endian and kind[1] != "1"):
        raise UnreadableFileError(found="another type, or no endian", wanted="type (one number), endian little or big")
    return np.dtype(endian + kind)


def _grid(fields: Mapping[str, str], size: tuple[int, ...]) -> Grid:
    signs = _TO_LPS.get(fields.get("space", "").lower())
    units = re.findall(r'"([^"]*)"', fields.get("space units", ""))
    directions, origin = _vectors(fields.get("space directions")), _vectors(fields.get("space origin"))
    if signs is None or len(directions) != 3 or len(origin) != 1 or not set(units) <= {"mm", ""}:
        raise UnreadableFileError(
            found="no position in the patient",
            wanted="space left-posterior-superior, right-anterior-superior or LAS, space directions and origin, in mm",
        )
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = np.transpose(directions), origin[0]
    return Grid((size[0], size[1], size[2]), np.diag([*signs, 1.0]) @ affine)


def _vectors(text: str | None) -> list[list[float]]:
    """Return vectors of 3 finite numbers; none if any is not."""
    try:
        vectors = [
            [float(number.replace("_", "?")) for number in inner.split(",")] for inner in _VECTOR.findall(text or "")
        ]
    except ValueError:
        return []
    whole = all(len(vector) == 3 and np.isfinite(vector).all() for vector in vectors)
    return vectors if whole and not _VECTOR.sub("", text or "").strip() else []

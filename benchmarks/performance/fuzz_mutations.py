"""Damage to files that knows their structure: fields of NIfTI, lines of text headers, tags of XML.

Every function takes the bytes of a valid file and a generator, and returns other bytes. What it does to a file is
decided by the generator alone, so that a seed, or hypothesis, can repeat it.
"""

import gzip
import random
import re
import struct
from collections.abc import Callable

NUMBERS: tuple[str, ...] = (
    "0",
    "-0",
    "1",
    "-1",
    "2",
    "3",
    "7",
    "16",
    "255",
    "256",
    "1023",
    "32767",
    "32768",
    "65535",
    "65536",
    "1e3",
)
NUMBERS += ("4294967295", "2147483647", "1e30", "1e308", "1e400", "-1e400", "nan", "inf", "-inf", "0.5", "1e-320", "")
NUMBERS += (" ", "1,5", "0x10", "1_0", "٣", "9" * 40, "1\\2", "1 2 3", "None", "1/0", "--1", "0.99999", "1.00001")
INTEGERS: tuple[int, ...] = (
    0,
    1,
    2,
    3,
    4,
    5,
    7,
    8,
    15,
    16,
    17,
    31,
    32,
    64,
    127,
    128,
    255,
    256,
    1000,
    4095,
    32767,
    32768,
    65535,
    -1,
    -2,
)
INTEGERS += (65536, 2**24, 2**31 - 1, -(2**31), 2**32 - 1, 2**40, 2**63 - 1)
WORDS: tuple[str, ...] = (
    "",
    "A",
    "CT",
    "MR",
    "HU",
    "RGB",
    "MONOCHROME1",
    "SOFT",
    "ORIGINAL",
    "CLOSED_PLANAR",
    "POINT",
    "OPEN_PLANAR",
)
WORDS += (
    "FRACTIONAL",
    "BINARY",
    "LABELMAP",
    "../../secret",
    "/etc/hostname",
    "%s%n{0}",
    "a" * 300,
    "\0",
    "é",
    "\\" * 9,
)
_FLOATS: tuple[float, ...] = (
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    2.0,
    1e-30,
    1e30,
    3.4e38,
    float("nan"),
    float("inf"),
    float("-inf"),
    352.0,
    1e-7,
)

Damage = Callable[[bytes, random.Random], bytes]


def damage_bytes(content: bytes, rng: random.Random) -> bytes:
    """Flip, overwrite, cut, repeat or insert bytes anywhere."""
    if not content:
        return rng.randbytes(8)
    at, other = rng.randrange(len(content)), rng.randrange(len(content))
    low, high = min(at, other), max(at, other)
    match rng.randrange(6):
        case 0:
            return content[:at] + bytes([content[at] ^ (1 << rng.randrange(8))]) + content[at + 1 :]
        case 1:
            return content[:at] + bytes([rng.randrange(256)]) + content[at + 1 :]
        case 2:
            return content[:at]
        case 3:
            return content[:low] + content[high:]
        case 4:
            return content[:high] + content[low:]
        case _:
            return content[:at] + rng.randbytes(rng.randrange(1, 9)) + content[at:]


def damage_nifti(content: bytes, rng: random.Random) -> bytes:
    """Change one field of the header (sizes, type, offset, scale, geometry), or cut; packed again if it was packed."""
    packed = content[:2] == b"\x1f\x8b"
    if packed and rng.random() < 0.2:
        return _damaged_stream(content, rng)
    plain = bytearray(gzip.decompress(content) if packed else content)
    name = rng.choice(tuple(NIFTI_FIELDS))
    at, form, count = NIFTI_FIELDS[name]
    at += rng.randrange(count) * struct.calcsize(form)
    if form == "f":
        struct.pack_into("<f", plain, at, rng.choice((*_FLOATS, float(rng.randrange(-9, 400)), rng.uniform(-3, 3))))
    else:
        size = struct.calcsize(form)
        value = (
            rng.choice(INTEGERS)
            if rng.random() < 0.5
            else rng.choice((2, 4, 8, 16, 64, 128, 256, 512, 768, 1024, 1536))
        )
        plain[at : at + size] = (value % 256**size).to_bytes(size, "little")
    changed = bytes(plain)
    if rng.random() < 0.1:
        changed = changed[: rng.randrange(len(changed))] if rng.random() < 0.5 else changed + rng.randbytes(3)
    return gzip.compress(changed, 1, mtime=0) if packed else changed


NIFTI_FIELDS = {
    "sizeof_hdr": (0, "i", 1),
    "dim": (40, "h", 8),
    "intent_code": (68, "h", 1),
    "datatype": (70, "h", 1),
    "bitpix": (72, "h", 1),
    "pixdim": (76, "f", 8),
    "vox_offset": (108, "f", 1),
    "scl_slope": (112, "f", 1),
    "scl_inter": (116, "f", 1),
    "xyzt_units": (123, "B", 1),
    "qform_code": (252, "h", 1),
    "sform_code": (254, "h", 1),
    "quatern": (256, "f", 3),
    "qoffset": (268, "f", 3),
    "srow": (280, "f", 12),
    "magic": (344, "B", 4),
    "extension": (348, "B", 4),
}
"""Field of a NIfTI-1 header to offset, form and number of values."""


def damage_text_header(content: bytes, rng: random.Random) -> bytes:
    """Change one line of a MetaImage or NRRD header: its key, a number, a word; remove, repeat or move it."""
    end = _end_of_text_header(content)
    head, body = content[:end], content[end:]
    lines = head.split(b"\n")
    at = rng.randrange(len(lines))
    match rng.randrange(8):
        case 0:
            del lines[at]
        case 1:
            lines.insert(rng.randrange(len(lines)), lines[at])
        case 2:
            lines[at], lines[0] = lines[0], lines[at]
        case 3:
            lines[at] = damage_bytes(lines[at], rng)
        case 4:
            return b"\n".join(lines) + (body[: rng.randrange(len(body) + 1)] if rng.random() < 0.7 else body + b"\0\1")
        case 5:
            key, mark, _ = lines[at].partition(b"=" if b"=" in lines[at] else b":")
            lines[at] = key + mark + b" " + rng.choice((*WORDS, *NUMBERS, *_TEXT_VALUES)).encode()
        case _:
            lines[at] = _with_other_number(lines[at], rng)
    return b"\n".join(lines) + body


def damage_xml(content: bytes, rng: random.Random) -> bytes:
    """Change one tag or text: remove, repeat, nest deeply, rename; entities, declarations, numbers, encodings."""
    parts = [part for part in re.split(rb"(<[^>]*>)", content) if part]
    at = rng.randrange(len(parts))
    match rng.randrange(9):
        case 0:
            del parts[at]
        case 1:
            parts.insert(rng.randrange(len(parts)), parts[at])
        case 2:
            depth = rng.choice((10, 1000, 20000))
            parts[at] = b"<roi>" * depth + parts[at] + b"</roi>" * rng.choice((depth, 0))
        case 3:
            entity = rng.choice(
                (b'<!ENTITY a "b">', b'<!ENTITY a SYSTEM "file:///etc/hostname">', b'<!ENTITY % a "b">')
            )
            parts.insert(rng.choice((0, 1)), b"<!DOCTYPE x [" + entity + b"]>")
            parts[rng.randrange(len(parts))] += b"&a;"
        case 4:
            parts.insert(
                0, b'<?xml version="1.0" encoding="' + rng.choice((b"utf-16", b"x", b"utf-7", b"latin-1")) + b'"?>'
            )
        case 5:
            parts[at] = damage_bytes(parts[at], rng)
        case _:
            texts = [i for i, part in enumerate(parts) if not part.startswith(b"<") and part.strip()] or [at]
            parts[rng.choice(texts)] = rng.choice((*NUMBERS, *WORDS)).encode().replace(b"\0", b"&#0;")
    return b"".join(parts)


_TEXT_VALUES: tuple[str, ...] = (
    "4 3 2",
    "2 3 4",
    "4 3",
    "4 3 2 1",
    "100000 100000 100000",
    "-4 3 2",
    "0 0 0",
    "True",
    "False",
    "LOCAL",
)
_TEXT_VALUES += ("LIST", "MET_SHORT", "MET_UCHAR", "MET_DOUBLE", "MET_ULONG_LONG", "int16", "uint8", "double", "block")
_TEXT_VALUES += (
    "gzip",
    "raw",
    "bzip2",
    "ascii",
    "hex",
    "little",
    "big",
    "left-posterior-superior",
    "(1,0,0) (0,1,0) (0,0,1)",
)
_TEXT_VALUES += ("none (1,0,0) (0,1,0)", "slice%03d.raw 1 3 1", "space domain domain", "RAI", "LPS", "\t")


def _end_of_text_header(content: bytes) -> int:
    found = re.search(rb"ElementDataFile *= *[^\n]*\n|\r?\n\r?\n", content)
    return found.end() if found else len(content)


def _with_other_number(line: bytes, rng: random.Random) -> bytes:
    numbers = list(re.finditer(rb"-?\d+(?:\.\d+)?", line))
    if not numbers:
        return line + b" 1"
    one = rng.choice(numbers)
    return line[: one.start()] + rng.choice(NUMBERS).encode() + line[one.end() :]


def _damaged_stream(content: bytes, rng: random.Random) -> bytes:
    """A gzip stream cut, flipped, followed by junk or by another stream, or that expands far beyond its file."""
    match rng.randrange(5):
        case 0:
            return content[: rng.randrange(len(content))]
        case 1:
            return content + rng.randbytes(5)
        case 2:
            return content + gzip.compress(b"\0" * rng.choice((1, 10**6)), 1, mtime=0)
        case 3:
            return gzip.compress(gzip.decompress(content) + b"\0" * 2 * 10**6, 1, mtime=0)
        case _:
            return damage_bytes(content, rng)

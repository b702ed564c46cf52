"""Damage to DICOM files that knows their elements, and keeps the rest readable where it can."""

import random
import struct
from dataclasses import dataclass

from benchmarks.performance.fuzz_mutations import INTEGERS, NUMBERS, WORDS

_LONG_FORM: tuple[bytes, ...] = (
    b"OB",
    b"OW",
    b"OF",
    b"OD",
    b"OL",
    b"OV",
    b"SQ",
    b"UC",
    b"UN",
    b"UR",
    b"UT",
    b"SV",
    b"UV",
)
_REPRESENTATIONS: tuple[bytes, ...] = (
    b"AE",
    b"AS",
    b"CS",
    b"DA",
    b"DS",
    b"DT",
    b"FD",
    b"FL",
    b"IS",
    b"LO",
    b"LT",
    b"OB",
    b"OW",
    b"PN",
)
_REPRESENTATIONS += (b"SH", b"SL", b"SQ", b"SS", b"ST", b"TM", b"UI", b"UL", b"UN", b"US", b"UT", b"??", b"\0\0", b"OV")
_SYNTAXES: tuple[str, ...] = (
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.2",
)
_SYNTAXES += ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90")
_SYNTAXES += ("1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.5", "1.2.3", "", "x" * 64, "1.2.840.10008.1.2.1\0\0\0")


@dataclass(frozen=True)
class Element:
    """Where one element of an explicit little-endian DICOM file lies: start, length field, value, end, depth."""

    start: int
    tag: tuple[int, int]
    representation: bytes
    length_at: int
    length_bytes: int
    value: int
    end: int


def damage_dicom(content: bytes, rng: random.Random) -> bytes:
    """Change one element: its tag, representation, length or value; remove, repeat, move or wrap it; or cut there.

    The lengths of the sequences round it follow, four times out of five.
    """
    elements = dicom_elements(content)
    one = rng.choice(elements)
    around = enclosing(elements, one) if rng.random() < 0.8 else []
    whole = content[one.start : one.end]
    match rng.randrange(14):
        case 0:
            return _spliced(content, around, one.start, one.end, b"")
        case 1:
            return _spliced(content, around, one.start, one.end, whole * rng.choice((2, 3)))
        case 2:
            place = rng.choice(elements).start
            moved = content[: one.start] + content[one.end :]
            return moved[:place] + whole + moved[place:]
        case 3:
            near = one.end - one.value + rng.choice((-2, -1, 1, 2))
            return _with_length(content, one, rng.choice((0, 1, near, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFE, 2**31, 10**6)))
        case 4:
            return content[: one.start + 4] + rng.choice(_REPRESENTATIONS) + content[one.start + 6 :]
        case 5:
            tag = rng.choice(elements).tag if rng.random() < 0.7 else (rng.randrange(65536), rng.randrange(65536))
            return content[: one.start] + struct.pack("<HH", *tag) + content[one.start + 4 :]
        case 6:
            return content[: rng.choice((one.start, one.value, one.end))]
        case 7:
            return _spliced(content, around, one.start, one.end, _wrapped(whole, rng))
        case 8 if one.end > one.value:
            at = rng.randrange(one.value, one.end)
            return content[:at] + bytes([rng.randrange(256)]) + content[at + 1 :]
        case _:
            return replace_value(content, one, _dicom_value(content, one, rng), around=around)


def replace_value(content: bytes, element: Element, value: bytes, *, around: list[Element]) -> bytes:
    """Put another value into an element and say its length rightly, and those of the sequences ``around`` it."""
    value += b"\0" if len(value) % 2 else b""
    size = min(len(value), 256**element.length_bytes - 2)
    changed = _with_length(content, element, size)
    return _spliced(changed, around, element.value, element.end, value[:size])


def enclosing(elements: list[Element], inner: Element) -> list[Element]:
    """Sequences and items of given length that hold an element."""
    return [e for e in elements if e is not inner and e.value <= inner.start and inner.end <= e.end]


def dicom_elements(content: bytes, start: int = 132, end: int | None = None) -> list[Element]:
    """Elements of a valid explicit little-endian file, those within sequences too."""
    found: list[Element] = []
    end = len(content) if end is None else end
    while start + 8 <= end:
        tag = struct.unpack_from("<HH", content, start)
        if tag[0] == 0xFFFE:  # an item has no representation
            length_at, length_bytes, value, kind = start + 4, 4, start + 8, b""
        else:
            kind = content[start + 4 : start + 6]
            long = kind in _LONG_FORM
            length_at, length_bytes, value = (start + 8, 4, start + 12) if long else (start + 6, 2, start + 8)
        length = int.from_bytes(content[length_at : length_at + length_bytes], "little")
        # of no given length: its parts follow as if they were on this level
        stop = value if length == 0xFFFFFFFF else min(value + length, end)
        found.append(Element(start, (tag[0], tag[1]), kind, length_at, length_bytes, value, stop))
        if kind in (b"SQ", b"") and stop > value:
            found += dicom_elements(content, value, stop)
        start = stop
    return found


def _with_length(content: bytes, element: Element, length: int) -> bytes:
    size = element.length_bytes
    field = (length % 256**size).to_bytes(size, "little")
    return content[: element.length_at] + field + content[element.length_at + size :]


def _spliced(content: bytes, around: list[Element], start: int, end: int, new: bytes) -> bytes:
    for outer in around:
        content = _with_length(content, outer, outer.end - outer.value + len(new) - (end - start))
    return content[:start] + new + content[end:]


def _wrapped(whole: bytes, rng: random.Random) -> bytes:
    """An element in a sequence of one item, up to some thousand levels deep."""
    opening = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    closing = b"\xfe\xff\x0d\xe0\0\0\0\0" + b"\xfe\xff\xdd\xe0\0\0\0\0"
    depth = rng.choice((1, 1, 2, 50, 3000))
    return opening * depth + whole + closing * depth


def _dicom_value(content: bytes, element: Element, rng: random.Random) -> bytes:
    kind = element.representation
    if element.tag == (0x0002, 0x0010):
        return rng.choice(_SYNTAXES).encode()
    if kind in (b"US", b"SS", b"UL", b"SL"):
        size = 2 if kind in (b"US", b"SS") else 4
        values = [rng.choice(INTEGERS) % 256**size for _ in range(rng.choice((1, 1, 1, 2)))]
        return b"".join(value.to_bytes(size, "little") for value in values)
    if kind in (b"DS", b"IS"):
        old = content[element.value : element.end].decode("ascii", "replace").strip().split("\\")
        old[rng.randrange(len(old))] = rng.choice(NUMBERS)
        return "\\".join(old + ["1"] * (rng.random() < 0.1)).encode()
    if kind in (b"OB", b"OW", b"UN"):
        return rng.randbytes(rng.choice((0, 2, 10, 40, element.end - element.value)))
    return rng.choice((*WORDS, *NUMBERS)).encode()

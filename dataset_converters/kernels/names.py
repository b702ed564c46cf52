"""The class of a reconstruction kernel, from an exact, vendor-specific table.

The table (``kernel_table.toml``) merges published lists; a code that the lists class differently is ``medium``. Codes
are compared whole: a rule "Philips B is soft" that matches prefixes also swallows GE's BONE.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, cast

from dataset_converters.errors import ConversionError

KernelClass = Literal["soft", "medium", "sharp", "unknown"]

_CLASSES = ("soft", "medium", "sharp")
_LIMITS = ("soft_up_to", "sharp_from")
_LETTERS_NUMBER = re.compile(r"([A-Z]+)(\d{1,3})[A-Z]*")


@dataclass(frozen=True)
class KernelTable:
    """Kernel codes and their classes.

    Attributes
    ----------
    manufacturers : mapping
        First word of the Manufacturer tag, upper case, to vendor.
    codes : mapping
        Vendor to code to class.
    numbers : mapping
        Vendor to letters to limits ``soft_up_to``, ``sharp_from`` of the number that follows them.
    """

    manufacturers: Mapping[str, str]
    codes: Mapping[str, Mapping[str, str]]
    numbers: Mapping[str, Mapping[str, Mapping[str, int]]]

    @property
    def sha256(self) -> str:
        """Hash of the content, to be stored with results."""
        content = json.dumps([self.manufacturers, self.codes, self.numbers], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()


def classify_kernel(manufacturer: str, kernel: str, *, table: KernelTable | None = None) -> KernelClass:
    """Class of a kernel: ``soft``, ``medium``, ``sharp``, or ``unknown`` if the table does not name it.

    Parameters
    ----------
    manufacturer : str
        The Manufacturer tag (0008,0070); only its first word counts.
    kernel : str
        The ConvolutionKernel tag (0018,1210); of several values joined by a backslash the first is the kernel
        (Siemens writes the strength of iterative reconstruction as the second).
    table : KernelTable, optional
        Default: the table that comes with the package.
    """
    table = table or load_kernel_table()
    vendor = kernel_vendor(manufacturer, table=table)
    code = kernel.split("\\")[0].strip().upper()
    codes = table.codes.get(vendor, {})
    if code in codes:
        return cast(KernelClass, codes[code])
    parsed = _LETTERS_NUMBER.fullmatch(code) if vendor in table.numbers else None
    if parsed is None:
        return "unknown"
    letters, number = parsed.groups()
    if letters + number in codes:
        return cast(KernelClass, codes[letters + number])
    return _class_by_number(int(number), table.numbers[vendor].get(letters, {}))


def kernel_vendor(manufacturer: str, *, table: KernelTable | None = None) -> str:
    """Vendor named by the first word of a Manufacturer tag; empty if unknown."""
    table = table or load_kernel_table()
    words = re.findall(r"[A-Z0-9]+", manufacturer.upper())
    return table.manufacturers.get(words[0], "") if words else ""


def load_kernel_table(path: Path | None = None) -> KernelTable:
    """Read the table that comes with the package, with a user's table laid over it.

    Parameters
    ----------
    path : Path, optional
        TOML file of the form of ``kernel_table.toml``. What it names replaces the class given here; the rest stays.

    Raises
    ------
    ConversionError
        The file cannot be read, names an unknown key, or puts one code in two classes.
    """
    table = _own_table()
    if path is None:
        return table
    user = _read_table(Path(path))
    vendors = table.codes.keys() | user.codes.keys()
    number_vendors = table.numbers.keys() | user.numbers.keys()
    return KernelTable(
        manufacturers={**table.manufacturers, **user.manufacturers},
        codes={v: {**table.codes.get(v, {}), **user.codes.get(v, {})} for v in vendors},
        numbers={v: {**table.numbers.get(v, {}), **user.numbers.get(v, {})} for v in number_vendors},
    )


@cache
def _own_table() -> KernelTable:
    return _read_table(Path(__file__).with_name("kernel_table.toml"))


def _class_by_number(number: int, limits: Mapping[str, int]) -> KernelClass:
    if "soft_up_to" in limits and number <= limits["soft_up_to"]:
        return "soft"
    if "sharp_from" in limits and number >= limits["sharp_from"]:
        return "sharp"
    return "medium" if len(limits) == len(_LIMITS) else "unknown"


def _read_table(path: Path) -> KernelTable:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _fault(path, f"{type(error).__name__}: {error}", "a readable TOML file") from error
    manufacturers = content.pop("manufacturers", {})
    if not isinstance(manufacturers, dict) or not all(isinstance(v, str) for v in manufacturers.values()):
        raise _fault(path, "[manufacturers] that is not word = vendor", 'for example SIEMENS = "siemens"')
    codes, numbers = {}, {}
    for vendor, section in content.items():
        if not isinstance(section, dict):
            raise _fault(path, f"{vendor} = ... at the top", "sections [manufacturers] and [<vendor>]")
        numbers[vendor] = _read_numbers(path, vendor, section.pop("numbers", {}))
        codes[vendor] = _read_codes(path, vendor, section)
    return KernelTable(
        manufacturers={word.upper(): vendor for word, vendor in manufacturers.items()},
        codes=codes,
        numbers={vendor: limits for vendor, limits in numbers.items() if limits},
    )


def _read_codes(path: Path, vendor: str, section: Mapping[str, object]) -> dict[str, str]:
    codes: dict[str, str] = {}
    for name, listed in section.items():
        if name not in _CLASSES or not isinstance(listed, list) or not all(isinstance(c, str) for c in listed):
            raise _fault(path, f"[{vendor}] {name}", f"lists of codes under {', '.join(_CLASSES)}")
        for code in (c.strip().upper() for c in listed):
            if codes.get(code, name) != name:
                raise _fault(path, f"[{vendor}] {code} as {codes[code]} and {name}", "one class per code")
            codes[code] = name
    return codes


def _read_numbers(path: Path, vendor: str, section: object) -> dict[str, dict[str, int]]:
    wanted = f"letters = {{ {_LIMITS[0]} = 40, {_LIMITS[1]} = 49 }} under [{vendor}.numbers]"
    if not isinstance(section, dict):
        raise _fault(path, f"[{vendor}] numbers = {section!r}", wanted)
    for letters, limits in section.items():
        if not isinstance(limits, dict) or not all(k in _LIMITS and isinstance(v, int) for k, v in limits.items()):
            raise _fault(path, f"[{vendor}.numbers] {letters} = {limits!r}", wanted)
    return {letters.upper(): limits for letters, limits in section.items()}


def _fault(path: Path, found: str, wanted: str) -> ConversionError:
    return ConversionError("kernel table", path.name, found=found, wanted=wanted, action="correct the file")

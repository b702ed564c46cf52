"""Free text of source files that may be repeated: only what is on a list, for anything else may name a person."""

import re
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from dataset_converters.kernels.names import KernelTable, kernel_vendor, load_kernel_table

_VENDOR_NAMES = {"siemens": "SIEMENS", "ge": "GE", "philips": "Philips", "canon": "Canon"}
_KERNEL_FORM = re.compile(r"(?:[A-Z]{1,2}\d{2,3}[a-z]{0,2}|FC\d{2}(?:-H)?)", re.IGNORECASE)
_STRENGTH = re.compile(r"\d{1,2}")
_PLAIN = re.compile(r"[A-Za-z0-9 _.,+/()-]+")
_PARTS = re.compile(r"[A-Za-z]+|\d+")
_DATE_OR_UID = re.compile(r"\d+[-/. _]\d+[-/. _]\d+")
_LONGEST, _LONGEST_NUMBER, _MOST_DIGITS = 40, 4, 6


def known_manufacturer(text: str, *, table: KernelTable | None = None) -> str:
    """Return the vendor of a Manufacturer tag as a plain name, empty if it is none of the kernel table's."""
    vendor = kernel_vendor(text, table=table)
    return _VENDOR_NAMES.get(vendor, vendor)


def known_model(text: str) -> str:
    """Return a scanner model if all its words are ones that vendors use, else empty."""
    name = " ".join(text.split())
    return name if _is_listed(name, "models") else ""


def known_kernel(text: str, *, table: KernelTable | None = None) -> str:
    r"""Return a ConvolutionKernel (values joined by ``\`` ) if the kernel table lists it or it has the form of a code.

    A kernel that is neither becomes ``unlisted``; empty stays empty. A second value is kept if it is a number.
    """
    if not text.strip():
        return ""
    table = table or load_kernel_table()
    first, *rest = (part.strip() for part in text.split("\\"))
    listed = {code for codes in table.codes.values() for code in codes}
    if first.upper() not in listed and not _KERNEL_FORM.fullmatch(first):
        return "unlisted"
    return "\\".join([first, *(part for part in rest[:1] if _STRENGTH.fullmatch(part))])


def shown_texts(texts: Iterable[str], *, limit: int = 20) -> str:
    """Return names of structures (ROIs, segments) for a message; one with a word on no list is only counted."""
    names = [" ".join(text.split()) for text in texts]
    shown = [name for name in names if _is_listed(name, "structures")]
    hidden = len(names) - len(shown)
    parts = [*shown[:limit], *([f"{len(shown) - limit} more"] if len(shown) > limit else [])]
    if hidden:
        parts.append(f"{hidden} with other words" if shown else f"{hidden} with words that are not shown")
    return ", ".join(parts) or "none"


def _is_listed(name: str, kind: str) -> bool:
    """Tell whether a text is made of listed words, one of them a name, and short numbers that are no date."""
    if len(name) > _LONGEST or not _PLAIN.fullmatch(name) or _DATE_OR_UID.search(name):
        return False
    names, beside = _words()[kind], _words()[f"beside_{kind}"]
    words = _parts(name, names | beside)
    numbers = re.findall(r"\d+", name)
    short = sum(map(len, numbers)) <= _MOST_DIGITS and all(len(number) <= _LONGEST_NUMBER for number in numbers)
    return short and bool(words & names) and words <= names | beside


def _parts(text: str, listed: frozenset[str]) -> set[str]:
    """Return the words of a text in lower case, also those of ``SpinalCord``, without numbers."""
    parts = [part for part in _PARTS.findall(text) if not part.isdigit()]
    whole = {part.lower() for part in parts if part.lower() in listed}
    humps = (re.sub(r"([a-z])([A-Z])", r"\1 \2", part).split() for part in parts if part.lower() not in listed)
    return whole | {hump.lower() for found in humps for hump in found}


@cache
def _words() -> dict[str, frozenset[str]]:
    content = tomllib.loads(Path(__file__).with_name("known_words.toml").read_text(encoding="utf-8"))
    return {kind: frozenset(words) for kind, words in content.items()}

"""Free text of source files that may be repeated: only what is on a list, for anything else may name a person."""

import re
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from dataset_converters.kernel_names import KernelTable, kernel_vendor, load_kernel_table

_VENDOR_NAMES = {"siemens": "SIEMENS", "ge": "GE", "philips": "Philips", "canon": "Canon"}
_KERNEL_FORM = re.compile(r"(?:[A-Z]{1,2}\d{2,3}[a-z]{0,2}|FC\d{2}(?:-H)?)", re.IGNORECASE)
_STRENGTH = re.compile(r"\d{1,2}")
_MODEL_CODE = re.compile(r"(?:ct|mx|st|ste|rx|vct|mct|as|pet/ct)?[-+/]?\d{0,4}(?:\+|slice|s)?", re.IGNORECASE)
_PARTS = re.compile(r"[A-Za-z]+|\d+")


def known_manufacturer(text: str, *, table: KernelTable | None = None) -> str:
    """Return the vendor of a Manufacturer tag as a plain name, empty if it is none of the kernel table's."""
    vendor = kernel_vendor(text, table=table)
    return _VENDOR_NAMES.get(vendor, vendor)


def known_model(text: str) -> str:
    """Return a scanner model if every word of it is one that vendors use, else empty."""
    words = text.replace(",", " ").split()
    plain = all(_MODEL_CODE.fullmatch(word) or _parts(word) <= _words()["models"] for word in words)
    return " ".join(words) if words and plain and len(words) <= 6 else ""


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
    names = [text.strip() for text in texts]
    shown = [name for name in names if _is_structure(name)]
    hidden = len(names) - len(shown)
    parts = [*shown[:limit], *([f"{len(shown) - limit} more"] if len(shown) > limit else [])]
    if hidden:
        parts.append(f"{hidden} with other words" if shown else f"{hidden} with words that are not shown")
    return ", ".join(parts) or "none"


def _is_structure(name: str) -> bool:
    parts = _parts(name)
    return bool(parts) and len(name) <= 40 and parts <= _words()["structures"]


def _parts(text: str) -> set[str]:
    """Return the words of a text in lower case, also of ``SpinalCord``; numbers of up to four digits do not count."""
    parts = [part for part in _PARTS.findall(text) if not (part.isdigit() and len(part) <= 4)]
    known = _words()["models"] | _words()["structures"]
    whole = {part.lower() for part in parts if part.lower() in known}
    humps = (_PARTS.findall(re.sub(r"([a-z])([A-Z])", r"\1 \2", part)) for part in parts if part.lower() not in known)
    return whole | {hump.lower() for found in humps for hump in found}


@cache
def _words() -> dict[str, frozenset[str]]:
    content = tomllib.loads(Path(__file__).with_name("known_words.toml").read_text(encoding="utf-8"))
    return {kind: frozenset(words) for kind, words in content.items()}

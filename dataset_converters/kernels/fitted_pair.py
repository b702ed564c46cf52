"""The pair that a kernel file was fitted on, and whether an image is one like its source."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from dataset_converters.privacy.known_texts import known_manufacturer

PIXEL_TOLERANCE = 0.1
_UNKNOWN = ("", "unlisted")
_LONGEST = 64


@dataclass(frozen=True)
class FittedPair:
    """Kernel codes, manufacturer and pixel size (mm) of a pair; empty and None where they are not known."""

    source_kernel: str = ""
    target_kernel: str = ""
    manufacturer: str = ""
    pixel_mm: float | None = None

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Self:
        """Take them from the checked facts of a kernel file."""
        source, target, maker = (
            str(facts.get(name, "")) for name in ("source_kernel", "target_kernel", "manufacturer")
        )
        pixel_mm = facts.get("pixel_mm")
        return cls(source, target, maker, None if pixel_mm is None else float(pixel_mm))

    def as_facts(self) -> dict[str, str | float]:
        """Return those that are known."""
        return {name: value for name, value in vars(self).items() if value not in ("", None)}


def source_fault(pair: FittedPair, facts: Mapping[str, str], *, also: str = "") -> tuple[str, str] | None:
    """Return what was found and wanted if an image is known not to have the pair's source kernel, or its maker.

    ``also`` is another name of that kernel: the one which an image has that was itself emulated. An image of no known
    kernel is refused as well, unless the pair's is not known either.
    """
    kernel, maker = facts.get("kernel", ""), facts.get("manufacturer", "")
    found = f"an image of kernel {_named(kernel)}, manufacturer {_named(maker)}"
    wanted = f"{_named(pair.source_kernel)} of {_named(pair.manufacturer)}, which the kernel file was fitted on"
    if not _is_unknown(pair.source_kernel) and not _same(kernel, pair.source_kernel, also):
        return found, wanted
    makers = [known_manufacturer(name) or name for name in (maker, pair.manufacturer)]
    if maker and pair.manufacturer and not _same(*makers):
        return found, wanted
    return None


def source_doubts(pair: FittedPair, facts: Mapping[str, str], pixel_mm: float, *, also: str = "") -> dict[str, str]:
    """Return what speaks against a kernel file on an image, by the name of the fact that records it."""
    doubts = {}
    if source_fault(pair, facts, also=also):
        text = f"fitted on {_named(pair.source_kernel)} of {_named(pair.manufacturer)}, not on this kernel"
        doubts["doubt_kernel_source"] = text[:_LONGEST]
    elif _is_unknown(pair.source_kernel) or not (facts.get("manufacturer") and pair.manufacturer):
        doubts["doubt_kernel_source"] = "not known whether fitted on this kernel and maker"
    if pair.pixel_mm is not None and abs(pixel_mm / pair.pixel_mm - 1.0) > PIXEL_TOLERANCE:
        doubts["doubt_pixel_size"] = f"{pixel_mm:.3g} mm, kernel file fitted at {pair.pixel_mm:.3g} mm"
    return doubts


def _named(text: str) -> str:
    return "none known" if _is_unknown(text) else text


def _is_unknown(text: str) -> bool:
    return text.strip().casefold() in _UNKNOWN


def _same(text: str, *others: str) -> bool:
    return " ".join(text.split()).casefold() in {" ".join(other.split()).casefold() for other in others if other}

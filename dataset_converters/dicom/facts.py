"""The acquisition facts in DICOM headers that may leave them: numbers, and words of closed lists."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pydicom

from dataset_converters.dicom.headers import kernel_of, multiple
from dataset_converters.kernels.names import KernelTable
from dataset_converters.privacy.known_texts import known_kernel, known_manufacturer, known_model

_LOSSY_SYNTAXES = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51")


@dataclass(frozen=True)
class _Number:
    """Attribute of a number, and the limits beyond which it is no such number (a date, say) and is left out."""

    tag: str
    lowest: float
    highest: float


_NUMBERS = {
    "kvp": _Number("KVP", 10, 1000),
    "slice_thickness_mm": _Number("SliceThickness", 0, 100),
    "exposure_mas": _Number("Exposure", 0, 20000),
    "exposure_time_ms": _Number("ExposureTime", 0, 99999),
    "tube_current_ma": _Number("XRayTubeCurrent", 0, 5000),
    "reconstruction_diameter_mm": _Number("ReconstructionDiameter", 1, 2000),
    "pitch": _Number("SpiralPitchFactor", 0, 20),
    "ctdi_vol_mgy": _Number("CTDIvol", 0, 5000),
}
_WORDS = {
    "patient_position": ("PatientPosition", {"HFS", "HFP", "HFDR", "HFDL", "FFS", "FFP", "FFDR", "FFDL"}),
    "scan_options": (
        "ScanOptions",
        {"AXIAL", "AXIAL MODE", "CINE", "CINE MODE", "HELICAL", "HELICAL MODE", "HELIX", "SEQUENCE", "SPIRAL"},
    ),
    "filter_type": (
        "FilterType",
        {"NONE", "WEDGE", "BUTTERFLY", "STRIP", "FLAT", "MULTIPLE", "BODY", "HEAD", "BODY FILTER", "HEAD FILTER",
         "SMALL FILTER", "MEDIUM FILTER", "LARGE FILTER", "LARGE BOWTIE FIL"},
    ),
    "body_part": (
        "BodyPartExamined",
        {"ABDOMEN", "ARM", "CHEST", "CHESTABDOMEN", "CHESTABDPELVIS", "EXTREMITY", "HEAD", "HEADNECK", "HEART", "LEG",
         "LIVER", "LUNG", "NECK", "NECKCHEST", "PELVIS", "SPINE", "THORAX", "WHOLEBODY"},
    ),
}  # fmt: skip


def facts_of(headers: Sequence[pydicom.Dataset], *, table: KernelTable | None = None) -> dict[str, str]:
    """Return the facts of a series; what is not given, or is no such number or listed word, is left out.

    Numbers that differ between slices become a range (``253 to 254``).

    Parameters
    ----------
    table : KernelTable or None
        Kernels that may be named besides those of the built-in table, and manufacturers (`known_texts`).
    """
    first = headers[0]
    facts = {
        "kernel": known_kernel(kernel_of(first), table=table),
        "manufacturer": known_manufacturer(_text(first, "Manufacturer"), table=table),
        "model": known_model(_text(first, "ManufacturerModelName")),
        "lossy_compression": "yes" if any(map(_is_lossy, headers)) else "",
    }
    facts |= {name: _range(headers, number) for name, number in _NUMBERS.items()}
    facts |= {name: _listed(first, tag, words) for name, (tag, words) in _WORDS.items()}
    return {name: text for name, text in facts.items() if text}


def _text(header: pydicom.Dataset, tag: str) -> str:
    return " ".join(str(value) for value in multiple(header.get(tag)))


def _is_lossy(header: pydicom.Dataset) -> bool:
    syntax = str(header.file_meta.get("TransferSyntaxUID") or "")
    return _text(header, "LossyImageCompression").strip() == "01" or syntax in _LOSSY_SYNTAXES


def _range(headers: Iterable[pydicom.Dataset], number: _Number) -> str:
    values = [value for header in headers for value in multiple(header.get(number.tag))]
    try:
        numbers = {float(str(value)) for value in values}
    except ValueError:
        return ""
    if not numbers or not all(number.lowest <= value <= number.highest for value in numbers):
        return ""
    low, high = min(numbers), max(numbers)
    return f"{low:.6g}" if low == high else f"{low:.6g} to {high:.6g}"


def _listed(header: pydicom.Dataset, tag: str, words: set[str]) -> str:
    text = _text(header, tag).strip().upper()
    return text if text in words else ""

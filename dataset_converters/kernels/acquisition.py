"""Which CT series were reconstructed from one acquisition, as far as their headers tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pydicom

from dataset_converters.dicom.headers import multiple

TIME_TOLERANCE_S = 1.0
"""Acquisition times of two series must overlap or be this close: some scanners stamp every slice, others the series."""
EXPOSURE_TOLERANCE = 0.05
"""The same for exposures, as a share: with tube current modulation every slice has its own."""

Grade = Literal["strong", "fair", "weak"]
"""How far headers show one acquisition, see `Match.grade`."""


@dataclass(frozen=True)
class Acquisition:
    """What the headers of one series say about its acquisition: for comparison only, never for output.

    Attributes
    ----------
    texts : mapping
        Attribute to all values of the series: study, frame of reference, acquisition number, date.
    numbers : mapping
        Attribute to smallest and largest value: time of day in seconds, kVp, exposure (mAs).
    """

    texts: dict[str, frozenset[str]]
    numbers: dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Match:
    """How two series compare: names of what is the same and of what is not given, and what contradicts (as text)."""

    same: tuple[str, ...]
    absent: tuple[str, ...]
    differing: tuple[str, ...]

    @property
    def grade(self) -> Grade:
        """Strong: the same study, frame of reference, and acquisition number or time; fair: the first two; else weak.

        A weak match may be two acquisitions, such as inspiration and expiration: annotations must not be shared.
        """
        if self.differing or not {"study", "frame of reference"} <= set(self.same):
            return "weak"
        return "strong" if {"acquisition number", "acquisition time"} & set(self.same) else "fair"

    @property
    def evidence(self) -> str:
        """The comparison in words."""
        parts = [f"same {', '.join(self.same)}" if self.same else "nothing to compare"]
        parts += [f"not given: {', '.join(self.absent)}"] if self.absent else []
        return "; ".join([*parts, *self.differing])


def acquisition_of(headers: Sequence[pydicom.Dataset]) -> Acquisition:
    """Return what the headers of one series say about its acquisition; blank attributes are left out."""
    texts = {name: _texts(headers, tag) for name, tag in _TEXTS.items()}
    numbers = {name: _range(headers, tag) for name, tag in _NUMBERS.items()}
    return Acquisition(
        {name: values for name, values in texts.items() if values},
        {name: limits for name, limits in numbers.items() if limits is not None},
    )


def compare_acquisitions(one: Acquisition, other: Acquisition) -> Match:
    """Compare two series; what one of them does not give does not contradict, but makes the match weaker."""
    same: list[str] = []
    absent: list[str] = []
    differing: list[str] = []
    for name in (*_TEXTS, *_NUMBERS):
        if name in _TEXTS:
            known = name in one.texts and name in other.texts
            agree = known and bool(one.texts[name] & other.texts[name])
        else:
            known = name in one.numbers and name in other.numbers
            agree = known and _near(name, one.numbers[name], other.numbers[name])
        (absent if not known else same if agree else differing).append(name)
    return Match(
        tuple(same),
        tuple(name for name in absent if name != "acquisition date"),
        tuple(_difference(name, one, other) for name in differing),
    )


_TEXTS = {
    "study": "StudyInstanceUID",
    "frame of reference": "FrameOfReferenceUID",
    "acquisition number": "AcquisitionNumber",
    "acquisition date": "AcquisitionDate",
}
_NUMBERS = {"acquisition time": "AcquisitionTime", "tube voltage": "KVP", "exposure": "Exposure"}
_UNITS = {"tube voltage": "kV", "exposure": "mAs"}


def _texts(headers: Sequence[pydicom.Dataset], tag: str) -> frozenset[str]:
    values = {str(header.get(tag) if header.get(tag) is not None else "").strip() for header in headers}
    return frozenset(values - {""})


def _range(headers: Sequence[pydicom.Dataset], tag: str) -> tuple[float, float] | None:
    convert = _seconds if tag == "AcquisitionTime" else float
    try:
        values = [convert(str(value)) for header in headers for value in multiple(header.get(tag))]
    except ValueError:
        return None
    return (min(values), max(values)) if values else None


def _seconds(time: str) -> float:
    """Seconds of a DICOM time (HHMMSS.FFFFFF, or with colons)."""
    digits = time.strip().replace(":", "")
    return float(digits[:2]) * 3600 + float(digits[2:4] or 0) * 60 + float(digits[4:] or 0)


def _near(name: str, one: tuple[float, float], other: tuple[float, float]) -> bool:
    apart = max(one[0], other[0]) - min(one[1], other[1])
    if name == "acquisition time":
        return apart <= TIME_TOLERANCE_S
    return apart <= (EXPOSURE_TOLERANCE * max(one[1], other[1]) if name == "exposure" else 0)


def _difference(name: str, one: Acquisition, other: Acquisition) -> str:
    if name in _UNITS:
        shown = [f"{low:g}" if low == high else f"{low:g} to {high:g}" for low, high in _limits(name, one, other)]
        return f"{name} {shown[0]} and {shown[1]} {_UNITS[name]}"
    if name == "acquisition time":
        (start, end), (other_start, other_end) = _limits(name, one, other)
        return f"acquisition times {max(start, other_start) - min(end, other_end):.0f} s apart"
    plural = {"study": "studies", "frame of reference": "frames of reference"}.get(name, f"{name}s")
    return f"two {plural}"


def _limits(name: str, one: Acquisition, other: Acquisition) -> tuple[tuple[float, float], tuple[float, float]]:
    return one.numbers[name], other.numbers[name]

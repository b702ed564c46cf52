"""The CT series of a study by kernel class, and which sharp and soft ones may be a pair."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pydicom

from dataset_converters.dicom.headers import kernel_of
from dataset_converters.dicom.series import DicomSeries, Tilt, inspect_dicom_series
from dataset_converters.errors import ConversionError
from dataset_converters.kernels.acquisition import Acquisition, Match, acquisition_of, compare_acquisitions
from dataset_converters.kernels.names import KernelClass, KernelTable, classify_kernel
from dataset_converters.privacy.known_texts import known_kernel, known_manufacturer
from dataset_converters.volumes.grid import grid_difference

SPACING_DECIMALS = 2
"""Slice distances and thicknesses that agree to so many decimals (mm) count as equally thin."""


@dataclass(frozen=True)
class Candidate:
    """One CT series that may be half of a pair.

    Attributes
    ----------
    headers : list of pydicom.Dataset
        Of every slice.
    kernel_class : str
        See `classify_kernel`.
    series : DicomSeries or None
        None if the series is not one uniform stack; ``fault`` says why.
    """

    headers: list[pydicom.Dataset]
    kernel_class: KernelClass
    acquisition: Acquisition
    series: DicomSeries | None
    fault: ConversionError | None

    @property
    def vendor(self) -> str:
        """Vendor as a plain name, safe to show."""
        return known_manufacturer(str(self.headers[0].get("Manufacturer") or ""))

    @property
    def kernel(self) -> str:
        """Kernel as the scanner names it, safe to show."""
        return known_kernel(kernel_of(self.headers[0]))

    def __str__(self) -> str:
        vendor = self.vendor or ("unlisted manufacturer" if self.headers[0].get("Manufacturer") else "no manufacturer")
        stack = f" every {self.series.spacing_mm_xyz[2]:.4g} mm" if self.series else ""
        return f"{vendor} kernel {self.kernel or 'none'} ({self.kernel_class}, {len(self.headers)} slices{stack})"


@dataclass(frozen=True)
class Pair:
    """A sharp and a soft series that nothing in their headers keeps apart."""

    sharp: Candidate
    soft: Candidate
    sharp_series: DicomSeries
    soft_series: DicomSeries
    match: Match

    @property
    def grid_difference(self) -> tuple[str, str] | None:
        """How the soft series' grid differs from the sharp one's, as (found, wanted)."""
        return grid_difference(self.sharp_series.grid, self.soft_series.grid)

    @property
    def thickness_mm(self) -> tuple[float, float]:
        """Slice distance and slice thickness, each of the thicker of the two series, rounded."""
        both = (self.sharp_series, self.soft_series)
        distance = max(series.spacing_mm_xyz[2] for series in both)
        thickness = max(_largest(series.facts.get("slice_thickness_mm", "")) for series in both)
        return round(distance, SPACING_DECIMALS), round(thickness, SPACING_DECIMALS)

    def __str__(self) -> str:
        return f"{self.sharp} with {self.soft}"


def find_candidates(
    groups: Iterable[list[pydicom.Dataset]], *, table: KernelTable, dataset: str, case: str, tilt: Tilt = "refuse"
) -> list[Candidate]:
    """Classify the kernel of every series and check that it is one uniform stack."""
    return [_candidate(headers, table, dataset, case, tilt) for headers in groups]


def possible_pairs(candidates: Sequence[Candidate]) -> list[Pair]:
    """Return every sharp series with every soft one of the same acquisition, as far as the headers tell."""
    pairs = []
    for sharp in (c for c in candidates if c.kernel_class == "sharp"):
        for soft in (c for c in candidates if c.kernel_class == "soft"):
            match = compare_acquisitions(sharp.acquisition, soft.acquisition)
            if sharp.series and soft.series and not match.differing:
                pairs.append(Pair(sharp, soft, sharp.series, soft.series, match))
    return pairs


def best_pairs(pairs: Sequence[Pair]) -> list[Pair]:
    """Return the pairs of the stated choice, several where it does not decide; none if there are none.

    Pairs whose headers show one acquisition (`Match.grade`) come before weak ones, pairs on one grid before others,
    then the thinnest slices. The choice is made within one acquisition only: of several
    acquisitions, each with a pair, the pairs of all of them are returned.
    """
    groups: list[list[Pair]] = []
    for pair in pairs:
        own = [group for group in groups if not _apart(group[0], pair)]
        own[0].append(pair) if own else groups.append([pair])
    return [pair for group in groups for pair in _best_of_one_acquisition(group)]


def _candidate(headers: list[pydicom.Dataset], table: KernelTable, dataset: str, case: str, tilt: Tilt) -> Candidate:
    kernel_class = classify_kernel(str(headers[0].get("Manufacturer") or ""), kernel_of(headers[0]), table=table)
    series, fault = None, None
    try:
        series = inspect_dicom_series(headers, dataset=dataset, case=case, tilt=tilt)
    except ConversionError as error:
        fault = error
    return Candidate(headers, kernel_class, acquisition_of(headers), series, fault)


def _apart(one: Pair, other: Pair) -> bool:
    return bool(compare_acquisitions(one.sharp.acquisition, other.sharp.acquisition).differing)


def _best_of_one_acquisition(pairs: Sequence[Pair]) -> list[Pair]:
    shown = [pair for pair in pairs if pair.match.grade != "weak"] or list(pairs)
    on_one_grid = [pair for pair in shown if pair.grid_difference is None] or shown
    thinnest = min(pair.thickness_mm for pair in on_one_grid)
    return [pair for pair in on_one_grid if pair.thickness_mm == thinnest]


def _largest(text: str) -> float:
    try:
        return float(text.split(" to ")[-1])
    except ValueError:
        return 0.0

"""Reconstructions of one scan as cases: those on one grid are variants of a case, named after their kernel class."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import pydicom

from dataset_converters.dicom.series import load_dicom_series
from dataset_converters.errors import ConversionError
from dataset_converters.kernels.acquisition import Acquisition, compare_acquisitions
from dataset_converters.kernels.candidates import Candidate, find_candidates
from dataset_converters.kernels.names import KernelClass, KernelTable
from dataset_converters.records import CtImage, VariantKind
from dataset_converters.volumes.grid import Grid, grid_difference

VARIANTS: Mapping[str, VariantKind] = {"LK": "native", "MK": "native", "IK": "native", "UK": "native"}
"""Lung kernel (sharp), mediastinal kernel (soft), intermediate kernel (medium), kernel unknown to the kernel table."""

_OF_CLASS = {"sharp": "LK", "soft": "MK", "medium": "IK", "unknown": "UK"}


@dataclass(frozen=True)
class Reconstruction:
    """One CT volume that may share a case with others.

    Attributes
    ----------
    name : str
        What the case is called if this is its first reconstruction.
    variant : str
        See `VARIANTS`.
    acquisition : Acquisition or None
        None where the source says that all reconstructions are of one acquisition.
    """

    name: str
    variant: str
    grid: Grid
    load: Callable[[], CtImage]
    acquisition: Acquisition | None = None


def variant_of(kernel_class: KernelClass) -> str:
    """Return the name of the variant with a kernel of this class."""
    return _OF_CLASS[kernel_class]


def group_reconstructions(reconstructions: Sequence[Reconstruction]) -> list[dict[str, Reconstruction]]:
    """Return the variants of every case, in the given order.

    A reconstruction joins the first case of its acquisition that lies on its grid and has no such variant yet; else it
    begins a case: voxels are never resampled, and two reconstructions of one class are never mixed up.
    """
    cases: list[dict[str, Reconstruction]] = []
    for new in reconstructions:
        fitting = [case for case in cases if new.variant not in case and _alike(next(iter(case.values())), new)]
        if fitting:
            fitting[0][new.variant] = new
        else:
            cases.append({new.variant: new})
    return cases


def dicom_reconstructions(
    groups: Sequence[list[pydicom.Dataset]], *, table: KernelTable, dataset: str, case: str
) -> list[Reconstruction]:
    """Return the CT series of one study as reconstructions, named by their position: ``r1``, ``r2``...

    Raises
    ------
    ConversionError
        A series is not one uniform stack; the message of the first such series.
    """
    found = []
    for number, candidate in enumerate(find_candidates(groups, table=table, dataset=dataset, case=case), start=1):
        if candidate.series is None:
            raise candidate.fault or ConversionError(dataset, case, found="no series", wanted="one", action="")
        found.append(candidate_reconstruction(candidate, name=f"r{number}"))
    return found


def candidate_reconstruction(candidate: Candidate, *, name: str) -> Reconstruction:
    """Return a checked CT series as a reconstruction, with ``kernel_class`` as a fact.

    Raises
    ------
    ValueError
        The series is not one uniform stack.
    """
    if candidate.series is None:
        raise ValueError("found a series that is not one uniform stack; wanted a checked one")
    series = replace(candidate.series, facts={**candidate.series.facts, "kernel_class": candidate.kernel_class})
    return Reconstruction(
        name=name,
        variant=variant_of(candidate.kernel_class),
        grid=series.grid,
        load=partial(load_dicom_series, series),
        acquisition=candidate.acquisition,
    )


def _alike(one: Reconstruction, other: Reconstruction) -> bool:
    if grid_difference(one.grid, other.grid) is not None:
        return False
    if one.acquisition is None or other.acquisition is None:
        return True
    return not compare_acquisitions(one.acquisition, other.acquisition).differing

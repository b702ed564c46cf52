"""The cases of a collection: one folder per patient read, faulty ones left out where the study says so."""

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_converters.conversion_errors import ConversionErrors, faulty_cases, raise_faults
from dataset_converters.errors import ConversionError
from dataset_converters.records import Case
from dataset_converters.registry import DatasetModule


@dataclass(frozen=True)
class Listing:
    """What a collection holds.

    Attributes
    ----------
    cases : tuple of Case
        Those that could be listed, excluded ones among them.
    faulty : frozenset of str
        Names of cases that could not.
    faults : tuple of ConversionError
        Of cases that are not excluded, or of the whole collection.
    """

    cases: tuple[Case, ...]
    faulty: frozenset[str] = frozenset()
    faults: tuple[ConversionError, ...] = ()


def list_readable(module: DatasetModule, root: Path, options: Mapping[str, Any], *, exclude: Container[str]) -> Listing:
    """List a collection as far as it can be read; faults are returned, not raised."""
    try:
        return Listing(tuple(module.list_cases(root, **options)))
    except (ConversionError, ConversionErrors) as error:
        every = error.exceptions if isinstance(error, ConversionErrors) else (error,)
        open_faults = tuple(fault for fault in every if fault.case not in exclude)
        if not error.readable and not open_faults:
            open_faults = tuple(every)
        return Listing(tuple(error.readable), frozenset(faulty_cases(error)), open_faults)


def list_cases_without(
    module: DatasetModule, root: Path, options: Mapping[str, Any], *, exclude: Container[str]
) -> tuple[list[Case], set[str]]:
    """Return the cases of a collection, and the names of excluded ones that could not even be listed.

    Raises
    ------
    ConversionError, ConversionErrors
        If a case that is not excluded is faulty.
    """
    listing = list_readable(module, root, options, exclude=exclude)
    raise_faults(module.DATASET.name, listing.faults)
    return list(listing.cases), set(listing.faulty)


def collect_cases(dataset: str, folders: Iterable[Path], read_case: Callable[[Path], Case]) -> list[Case]:
    """Read every folder, in the given order, before any fault is raised, so that all are repaired in one round.

    The error holds the other cases (``readable``), so that a study can exclude the faulty ones.

    Raises
    ------
    ConversionError
        One folder is faulty.
    ConversionErrors
        Several are.
    """
    cases, faults = [], []
    for folder in folders:
        try:
            cases.append(read_case(folder))
        except ConversionError as fault:
            faults.append(fault)
    try:
        raise_faults(dataset, faults)
    except (ConversionError, ConversionErrors) as error:
        error.readable = tuple(cases)
        raise
    return cases

"""The cases of a collection: one folder per patient read, faulty ones left out where the study says so."""

from collections.abc import Callable, Container, Iterable, Mapping
from pathlib import Path
from typing import Any

from dataset_converters.conversion_errors import ConversionErrors, faulty_cases, raise_faults
from dataset_converters.errors import ConversionError
from dataset_converters.records import Case
from dataset_converters.registry import DatasetModule


def list_cases_without(
    module: DatasetModule, root: Path, options: Mapping[str, Any], *, exclude: Container[str]
) -> tuple[list[Case], set[str]]:
    """Return the cases of a collection, and the names of excluded ones that could not even be listed.

    Raises
    ------
    ConversionError, ConversionErrors
        If a case that is not excluded is faulty.
    """
    try:
        return list(module.list_cases(root, **options)), set()
    except (ConversionError, ConversionErrors) as error:
        faulty = faulty_cases(error)
        if not error.readable or not all(name in exclude for name in faulty):
            raise
        return list(error.readable), faulty


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

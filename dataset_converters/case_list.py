"""The cases of a collection that holds one folder per patient."""

from collections.abc import Callable, Iterable
from pathlib import Path

from dataset_converters.conversion_errors import ConversionErrors, raise_faults
from dataset_converters.errors import ConversionError
from dataset_converters.records import Case


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

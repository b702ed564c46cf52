"""The cases of a collection that holds one folder per patient."""

from collections.abc import Callable, Iterable
from pathlib import Path

from dataset_converters.conversion_errors import raise_faults
from dataset_converters.errors import ConversionError
from dataset_converters.records import Case


def collect_cases(dataset: str, folders: Iterable[Path], read_case: Callable[[Path], Case]) -> list[Case]:
    """Read every folder, in the given order, before any fault is raised, so that all are repaired in one round.

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
    raise_faults(dataset, faults)
    return cases

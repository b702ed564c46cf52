"""The cases of a collection whose patients may have several: every patient read, faulty ones told together."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from dataset_converters.conversion_errors import ConversionErrors, raise_faults
from dataset_converters.errors import ConversionError
from dataset_converters.records import Case

_T = TypeVar("_T")


def collect_case_lists(dataset: str, parts: Iterable[_T], read: Callable[[_T], Sequence[Case]]) -> list[Case]:
    """Return the cases of every part in the given order, as `collect_cases` does for parts of one case each.

    Raises
    ------
    ConversionError
        One part is faulty.
    ConversionErrors
        Several are. Either holds the cases of the other parts (``readable``).
    """
    cases: list[Case] = []
    faults: list[ConversionError] = []
    for part in parts:
        try:
            cases += read(part)
        except ConversionError as fault:
            faults.append(fault)
    try:
        raise_faults(dataset, faults)
    except (ConversionError, ConversionErrors) as error:
        error.readable = tuple(cases)
        raise
    return cases

"""What a printed number can stand for, and the rows that do not add up."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.errors import AnalysisError

TINY = 1e-9
"""Room for floating point; far below half of any printed unit."""


@dataclass(frozen=True)
class Contradiction:
    """One printed number that another printed number rules out.

    Attributes
    ----------
    check : str
        Which check found it; also the code in the CSV's ``flag`` column.
    index : int
        The number's label in the frame that was checked.
    expected : str
        What the other numbers say, in words.
    """

    check: str
    index: int
    expected: str


Interval = tuple[float, float]


def bounds(row: Any) -> Interval:
    """Return the open interval of values that would be printed as this row, from its operator and decimals."""
    if row.operator in ("<", "<="):
        return -math.inf, row.value
    if row.operator in (">", ">="):
        return row.value, math.inf
    half = 0.5 * 10.0**-row.decimals
    return row.value - half, row.value + half


def overlap(first: Interval, second: Interval) -> bool:
    """Return whether two intervals share more than an end point."""
    return max(first[0], second[0]) < min(first[1], second[1]) - TINY


def select(frame: pd.DataFrame, **keys: str | tuple[str, ...]) -> pd.DataFrame:
    """Return the rows whose columns equal the given words; a tuple allows any of its words."""
    wanted = pd.Series(True, index=frame.index)
    for column, word in keys.items():
        wanted &= frame[column].isin(word) if isinstance(word, tuple) else frame[column].eq(word)
    return frame[wanted]


def rows(frame: pd.DataFrame, **keys: str | tuple[str, ...]) -> Iterator[Any]:
    """Yield the selected rows as named tuples whose ``Index`` is the label in the frame."""
    yield from select(frame, **keys).itertuples()


def one(frame: pd.DataFrame, **keys: str | tuple[str, ...]) -> Any:
    """Return the one selected row.

    Raises
    ------
    AnalysisError
        If no row or several rows fit.
    """
    found = list(rows(frame, **keys))
    if len(found) != 1:
        raise AnalysisError(f"published results: {len(found)} rows fit {keys}, wanted 1; mend the CSV")
    return found[0]


def wrong_totals(frame: pd.DataFrame, whole: dict[str, str], parts: pd.DataFrame) -> Iterator[Contradiction]:
    """Yield every printed whole that is not the sum of its printed parts (exact counts)."""
    total = parts["value"].sum()
    for row in rows(frame, **whole):
        if row.value != total:
            yield Contradiction("totals", row.Index, f"the {len(parts)} parts sum to {total:g}")

"""What a table file returns: numbers for machines, formatted sections for people, and the notes under them."""

from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Section:
    """One printed block of a table.

    ``frame`` holds text. Its columns are one level, or two with the upper printed as a spanning header; its index is
    the row header, whose name is printed above it.
    """

    title: str
    frame: pd.DataFrame

    def row_header(self) -> str:
        """Return what is printed above the row names."""
        return str(self.frame.index.name or "")

    def heads(self) -> list[tuple[str, ...]]:
        """Return each column's header, one word per level."""
        columns: list[Any] = self.frame.columns.to_list()
        return [column if isinstance(column, tuple) else (str(column),) for column in columns]

    def spans(self) -> list[tuple[str, int]]:
        """Return the spanning headers and how many columns each covers; nothing with one level."""
        upper = [head[0] for head in self.heads() if len(head) > 1]
        return [(name, len(list(group))) for name, group in groupby(upper)]

    def rows(self) -> list[tuple[str, ...]]:
        """Return the row name and the cells of each row."""
        return [(str(row[0]), *map(str, row[1:])) for row in self.frame.itertuples(name=None)]


@dataclass(frozen=True)
class TableResult:
    """A table.

    Attributes
    ----------
    frame : DataFrame
        One row per cell or test, full precision; written as CSV.
    notes : tuple of str
        Printed under the table: what was computed, with which options, how many values were defined and missed.
    sections : tuple of Section
        Printed blocks; without any, ``frame`` itself is printed.
    """

    frame: pd.DataFrame
    notes: tuple[str, ...]
    sections: tuple[Section, ...] = ()

    def printed(self) -> tuple[Section, ...]:
        """Return the sections to print."""
        return self.sections or (Section("", _as_text(self.frame)),)


def _as_text(frame: pd.DataFrame) -> pd.DataFrame:
    text = frame.apply(lambda column: column.map(_cell)).astype(str)
    return text.set_index(text.columns[0]) if len(text.columns) > 1 else text


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)

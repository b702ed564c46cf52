"""What a table file returns: numbers for machines, formatted sections for people, and the notes under them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

INDENT = "\u2003"
"""An em space before a row name puts it below the heading row above it; every format knows it."""


@dataclass(frozen=True)
class Section:
    """One printed block of a table.

    Attributes
    ----------
    title : str
        Printed above the block; empty for none.
    frame : DataFrame
        Text. Each column level but the last is printed as spanning headers, each index level is a column of row
        names whose name is printed above it; an outer row name is printed once for the rows it covers.
    bold : set of (int, int)
        Row and column position of the cells of ``frame`` in bold.
    """

    title: str
    frame: pd.DataFrame
    bold: frozenset[tuple[int, int]] = frozenset()

    def row_headers(self) -> tuple[str, ...]:
        """Return what is printed above each column of row names."""
        return tuple(str(name or "") for name in self.frame.index.names)

    def heads(self) -> list[tuple[str, ...]]:
        """Return each column's header, one word per level."""
        return _levels(self.frame.columns.to_list())

    def spans(self) -> list[list[tuple[str, int]]]:
        """Return, for each level above the last, the spanning headers and how many columns each covers."""
        heads = self.heads()
        return [_runs(heads, level) for level in range(self.frame.columns.nlevels - 1)]

    def row_spans(self) -> list[tuple[int, ...]]:
        """Return how many rows each row name covers; 0 where the name above covers this row."""
        names, depth = _levels(self.frame.index.to_list()), self.frame.index.nlevels
        columns = [[1] * len(names)] if depth else []
        for level in range(depth - 1):
            sizes = [size for _, size in _runs(names, level)]
            columns.insert(level, [value for size in sizes for value in (size, *[0] * (size - 1))])
        return list(zip(*columns, strict=True))

    def rows(self) -> list[tuple[str, ...]]:
        """Return the row names and the cells of each row; a name that covers further rows is empty in those."""
        names = _levels(self.frame.index.to_list())
        covered = self.row_spans()
        shown = [
            tuple(name if size else "" for name, size in zip(row, sizes, strict=True))
            for row, sizes in zip(names, covered, strict=True)
        ]
        cells = self.frame.itertuples(index=False, name=None)
        return [(*head, *map(str, row)) for head, row in zip(shown, cells, strict=True)]


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


def _levels(entries: Sequence[Any]) -> list[tuple[str, ...]]:
    return [tuple(map(str, entry)) if isinstance(entry, tuple) else (str(entry),) for entry in entries]


def _runs(entries: list[tuple[str, ...]], level: int) -> list[tuple[str, int]]:
    """Return the runs of neighbours that agree at a level and at all levels above it."""
    runs: list[tuple[str, int]] = []
    for index, entry in enumerate(entries):
        if index and entry[: level + 1] == entries[index - 1][: level + 1]:
            runs[-1] = (entry[level], runs[-1][1] + 1)
        else:
            runs.append((entry[level], 1))
    return runs


def _as_text(frame: pd.DataFrame) -> pd.DataFrame:
    text = frame.apply(lambda column: column.map(_cell)).astype(str)
    return text.set_index(text.columns[0]) if len(text.columns) > 1 else text


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)

"""Means over the cases of test sets and pools, as Hofmanninger et al. 2020 print them (Tables III and IV)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.metric import find_metric
from analysis.statistics.summary import NO_VALUE, format_mean_sd, summarise
from analysis.table_parts.note_words import status_counts
from benchmarks.study import Study

CASE = ["dataset", "patient", "case", "variant"]
PRINTED = ("HD95", "MSD")
DSC_HEAD = "DSC±STD"


@dataclass(frozen=True)
class CaseColumn:
    """A column: the cases of some test sets under one metric; ``pooled`` prints the standard deviation too.

    ``pool`` is the name of its pool in the study file, since several pools may have one label.
    """

    metric: str
    label: str
    group: str
    test_sets: tuple[str, ...]
    pooled: bool
    pool: str = ""

    def head(self, spanning: str) -> tuple[str, str, str]:
        """Return the three levels of the header; ``spanning`` stands above the test sets."""
        if not self.pooled:
            return (spanning, self.group, self.label)
        unit = find_metric(self.metric).unit
        return (f"{self.metric}({unit})±STD" if unit != "1" else f"{self.metric}±STD", "", self.label)


def case_columns(
    study: Study, *, slices: str, metrics: Sequence[str], by_kind: Mapping[str, Sequence[str]]
) -> list[CaseColumn]:
    """Return a DSC column per test set, one per pool, then the surface metrics over the last pool.

    Without a pool in the study file, all cases are pooled as ``All``, those of each kind of image (``by_kind``: its
    test sets) apart.
    """
    sets = [entry for entry in study.test_sets if entry.slices == slices]
    names = {entry.name for entry in sets}
    columns = [CaseColumn("DSC", entry.label, entry.group, (entry.name,), False) for entry in sets]
    pools = [
        (pool.label or pool.name, pool.test_sets, pool.name)
        for pool in study.tables.pools
        if set(pool.test_sets) <= names
    ]
    last = pools[-1:]
    if not pools:
        members_of = {kind: tuple(name for name in members if name in names) for kind, members in by_kind.items()}
        members_of = {kind: members for kind, members in members_of.items() if members}
        words = {kind: f"All, {kind}" if len(members_of) > 1 else "All" for kind in members_of}
        pools = last = [(words[kind], members, "") for kind, members in members_of.items()]
    columns += [CaseColumn("DSC", label, "", members, True, pool) for label, members, pool in pools]
    return columns + [
        CaseColumn(name, label, "", members, True, pool)
        for name in PRINTED
        if name in metrics
        for label, members, pool in last
    ]


def cases_of(values: pd.DataFrame, column: CaseColumn) -> pd.DataFrame:
    """Return the cases of a column, each once though several of its test sets may hold it."""
    return values[values["test_set"].isin(column.test_sets)].drop_duplicates(CASE)


def case_summary(cases: pd.DataFrame) -> dict[str, Any]:
    """Return number, mean and sample SD of the finite values, median of all, and how many are infinite or missed."""
    summary = summarise(cases["value"].to_numpy(dtype=np.float64))
    return {name: getattr(summary, name) for name in ("n", "mean", "sd", "median", "infinite")} | {
        **status_counts(cases),
        "undefined": int(cases["value"].isna().sum()),
    }


def printed_cell(cell: dict[str, Any], *, pooled: bool) -> str:
    """Return ``0.90`` for a test set, ``0.94±0.1`` for a pool, as the paper rounds them, and the infinite beside."""
    beside = f" ({cell['infinite']} without distance)" if cell["infinite"] else ""
    if pooled:
        return format_mean_sd(cell["mean"], cell["sd"], spaced=False, trimmed=True) + beside
    return (NO_VALUE if np.isnan(cell["mean"]) else f"{cell['mean']:.2f}") + beside


def best_cells(cells: Iterable[tuple[int, int, str, float]]) -> frozenset[tuple[int, int]]:
    """Return the positions with the best mean as printed, of each column; ties are all best, unless all tie.

    Parameters
    ----------
    cells : iterable of (row, column, metric, mean)
        The cells compared with each other, column by column.
    """
    table = pd.DataFrame(list(cells), columns=["row", "column", "metric", "mean"]).dropna(subset="mean")
    best: set[tuple[int, int]] = set()
    for column, rows in table.groupby("column"):
        printed = rows["mean"].round(2)
        lower = find_metric(rows["metric"].iloc[0]).direction == "lower"
        winners = rows[printed.eq(printed.min() if lower else printed.max())]
        if len(winners) < len(rows):
            best |= {(int(row), int(str(column))) for row in winners["row"]}
    return frozenset(best)


def header(columns: Sequence[CaseColumn], *, spanning: str) -> pd.MultiIndex:
    """Return the header: what is scored, the group of test sets if the study names any, and the label."""
    heads = [column.head(spanning) for column in columns]
    if any(group for _, group, _ in heads):
        return pd.MultiIndex.from_tuples(heads)
    return pd.MultiIndex.from_tuples([(top, label) for top, _, label in heads])

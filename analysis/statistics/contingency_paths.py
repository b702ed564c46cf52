"""Exact probability of all contingency tables that are at most as probable as a given one.

The network algorithm of Mehta and Patel (JASA 1983; 78:427-434), as in R's FEXACT: columns are filled one after
another; a node is what is left of the row sums, in order of size since rows are exchangeable; paths that reach a node
with the same probability are merged; and paths of which all or no completions count end early, by the most and the
least probable completion of the node. These bounds are exact here: one sweep back over the nodes gives them.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
LARGEST_WORK = 6_000_000
MERGE_WITHIN = 1e-10
"""Log probabilities nearer than this are one path: far below the tolerance of the test, far above floating noise."""


class TooManyPathsError(Exception):
    """The table is too large for the exact distribution."""


@dataclass(frozen=True)
class _Stage:
    """All ways to fill one column; arrays (ways,) sorted by parent node, ``first`` (nodes + 1,) where each begins.

    ``value`` is minus the sum of the log factorials of the column's counts and ``ways`` how many columns share it.
    """

    first: Ints
    child: Ints
    value: Floats
    ways: Floats


@dataclass(frozen=True)
class _Bounds:
    """Per node: log sum, maximum and minimum over all completions of the product of 1 / count!."""

    total: Floats
    most: Floats
    least: Floats


def extreme_probability(rows: list[int], columns: list[int], *, log_limit: float) -> float:
    """Return the probability of all tables with these margins whose log probability is at most ``log_limit``.

    Raises
    ------
    TooManyPathsError
        If it would take more than about two seconds; fewer rows than columns take less.
    """
    from scipy.special import gammaln

    log = gammaln(np.arange(sum(rows) + 1) + 1.0)
    fixed = log[rows].sum() + log[columns].sum() - log[-1]
    order = sorted(columns, reverse=True)
    stages, bounds = _network(rows, order, log)
    return _sum_of_extremes(stages, bounds, limit=log_limit - fixed, fixed=fixed)


def _network(rows: list[int], columns: list[int], log: Floats) -> tuple[list[_Stage], list[_Bounds]]:
    """Return the ways of each column, and the bounds of the nodes before the first and after each column."""
    nodes = np.sort(np.array([rows], dtype=np.int64), axis=1)
    stages: list[_Stage] = []
    work = 0
    for column in columns:
        stage, nodes = _fill(nodes, column, log, allowed=LARGEST_WORK - work)
        work += len(stage.child)
        stages.append(stage)
    bounds = [_Bounds(*(np.zeros(1) for _ in range(3)))]
    for stage in reversed(stages):
        bounds.insert(0, _bounds_before(stage, bounds[0]))
    return stages, bounds


def _fill(nodes: Ints, column: int, log: Floats, *, allowed: int) -> tuple[_Stage, Ints]:
    """Return all ways to fill a column from each node (n, rows), and the nodes they lead to."""
    parent, left = np.arange(len(nodes)), np.full(len(nodes), column, dtype=np.int64)
    rest, value = nodes.copy(), np.zeros(len(nodes))
    for row in range(nodes.shape[1]):
        below = rest[:, row + 1 :].sum(1)
        low, high = np.maximum(0, left - below), np.minimum(rest[:, row], left)
        counts = high - low + 1
        if counts.sum() > allowed:
            raise TooManyPathsError
        source = np.repeat(np.arange(len(counts)), counts)
        count = low[source] + _within(counts)
        parent, left, rest, value = parent[source], left[source] - count, rest[source], value[source] - log[count]
        rest[:, row] -= count
    children, child = np.unique(np.sort(rest, axis=1), axis=0, return_inverse=True)
    parent, child, value, ways = _merge(parent, child.reshape(-1), value, np.ones(len(value)))
    first = np.searchsorted(parent, np.arange(len(nodes) + 1))
    return _Stage(first.astype(np.int64), child, value, ways), children


def _bounds_before(stage: _Stage, after: _Bounds) -> _Bounds:
    begin = stage.first[:-1]
    most = np.maximum.reduceat(stage.value + after.most[stage.child], begin)
    least = np.minimum.reduceat(stage.value + after.least[stage.child], begin)
    terms = stage.value + after.total[stage.child]
    sizes = np.diff(stage.first)
    total = most + np.log(np.add.reduceat(stage.ways * np.exp(terms - np.repeat(most, sizes)), begin))
    return _Bounds(total, most, least)


def _sum_of_extremes(stages: list[_Stage], bounds: list[_Bounds], *, limit: float, fixed: float) -> float:
    """Return the probability of all paths with a value of at most ``limit``, the log of a table being fixed + value."""
    probability, work = 0.0, 0
    node, value, ways = np.zeros(1, dtype=np.int64), np.zeros(1), np.ones(1)
    for stage, after in zip(stages, bounds[1:], strict=True):
        first = np.searchsorted(node, np.arange(len(stage.first)))
        found = []
        for index in np.flatnonzero(np.diff(first)):
            past = slice(first[index], first[index + 1])
            way = slice(stage.first[index], stage.first[index + 1])
            child, step, times = stage.child[way], stage.value[way], stage.ways[way]
            values, weights = value[past], ways[past]
            all_count = np.searchsorted(values, limit - step - after.most[child], side="right")
            some_count = np.searchsorted(values, limit - step - after.least[child], side="right")
            sums = np.concatenate([[0.0], np.cumsum(weights * np.exp(values - values[0]))])
            ended = times * sums[all_count] * np.exp(values[0] + step + after.total[child] + fixed)
            probability += float(ended.sum())
            counts = some_count - all_count
            work += int(counts.sum())
            if work > LARGEST_WORK:
                raise TooManyPathsError
            source = np.repeat(np.arange(len(counts)), counts)
            kept = all_count[source] + _within(counts)
            found.append((child[source], values[kept] + step[source], weights[kept] * times[source]))
        if not found:
            return probability
        children, reached, numbers = (np.concatenate(parts) for parts in zip(*found, strict=True))
        _, node, value, ways = _merge(np.zeros(len(children), dtype=np.int64), children, reached, numbers)
    return probability


def _within(counts: Ints) -> Ints:
    """Return 0, 1, ... count - 1 for each count, one after another."""
    ends = np.cumsum(counts)
    return np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - counts, counts)


def _merge(parent: Ints, child: Ints, value: Floats, ways: Floats) -> tuple[Ints, Ints, Floats, Floats]:
    """Return paths sorted by parent, child and value, those of equal value as one with the sum of their ways."""
    if not len(value):
        return parent, child, value, ways
    order = np.lexsort((value, child, parent))
    parent, child, value, ways = parent[order], child[order], value[order], ways[order]
    new = (np.diff(parent) > 0) | (np.diff(child) > 0) | (np.diff(value) > MERGE_WITHIN)
    begin = np.concatenate([[0], np.flatnonzero(new) + 1])
    return parent[begin], child[begin], value[begin], np.add.reduceat(ways, begin)

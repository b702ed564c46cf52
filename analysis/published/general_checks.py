"""Checks that hold for any paper: order and limits within a cell, percentages, the same number printed twice."""

import math
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import pandas as pd

from analysis.published.printed_numbers import Contradiction, bounds, overlap, rows

CELL = ["paper", "source", "row", "column", "metric"]
QUANTITY = ["paper", "dataset", "train", "test", "method", "reader", "structure", "slices", "metric", "statistic"]
ORDERS = (
    ("min", "q1", "median", "q3", "max"),
    ("min", "mean", "max"),
    ("ci_low", "ccc", "ci_high"),
    ("loa_low", "bias", "loa_high"),
    ("ccc_lowest", "ccc_highest"),
    ("lowest", "highest"),
    ("low", "high"),
    ("count", "total"),
)
NUMBER = re.compile(r"(?<![\d.])-?\d*\.?\d+")
WORDS = {"one": "1", "two": "2", "three": "3", "four": "4", "six": "6", "fifty": "50"}
YEARS = {"months": 1 / 12}
WITHIN_ONE = ("rho", "ccc", "ci_low", "ci_high", "ccc_lowest", "ccc_highest")
SPREADS = ("sd", "spread", "count", "count_below_5", "count_above_95")
SHARES = ("DSC", "overlap_score", "tumour_overlap", "disease_extent", "disease_share_of_ct")
SIZES = ("patients", "examinations", "scans", "volumes", "slices")
CENTRES = ("mean", "median", "q1", "q3", "min", "max", "lowest", "highest", "single_case")


def not_as_printed(frame: pd.DataFrame) -> Iterator[Contradiction]:
    """Yield numbers that do not stand in their own printed cell, digit for digit; catches a slip in either."""
    for row in rows(frame):
        tokens = NUMBER.findall(row.printed.replace(",", ""))
        tokens += [WORDS[word] for word in row.printed.lower().split() if word in WORDS]
        if f"{row.value:.{row.decimals}f}" not in [f"0{token}" if token[0] == "." else token for token in tokens]:
            yield Contradiction("printed", row.Index, f"printed is {row.printed}")


def wrong_order(frame: pd.DataFrame) -> Iterator[Contradiction]:
    """Yield numbers of one cell that are out of order, such as a median above the upper quartile."""
    for cell in _cells(frame):
        for order in ORDERS:
            present = [cell[word] for word in order if word in cell]
            for lower, upper in pairwise(present):
                if _in_years(lower) > _in_years(upper):
                    for row in (lower, upper):
                        yield Contradiction("order", row.Index, f"{lower.statistic} is above {upper.statistic}")


def outside_limits(frame: pd.DataFrame) -> Iterator[Contradiction]:
    """Yield numbers their statistic cannot take: P above 1, correlation above 1, negative spread, DSC above 1."""
    for row in rows(frame):
        low, high = _limits(row)
        if not low <= row.value <= high:
            yield Contradiction("limits", row.Index, f"between {low:g} and {high:g}")


def impossible_spread(frame: pd.DataFrame) -> Iterator[Contradiction]:
    """Yield standard deviations of a DSC that its mean rules out: variance is at most ``mean * (1 - mean)``.

    Bhatia and Davis 2000, for values between 0 and 1; a tenth more is allowed for rounding and for ``n - 1``.
    """
    for cell in _cells(frame):
        if {"mean", "sd"} <= cell.keys() and cell["sd"].metric == "DSC":
            mean, sd = cell["mean"], cell["sd"]
            limit = 1.1 * math.sqrt(max(0, mean.value * ((100 if mean.unit == "%" else 1) - mean.value)))
            if sd.value > limit:
                yield Contradiction("limits", sd.Index, f"at most {limit:.3g} with mean {mean.value}")


def wrong_percent(frame: pd.DataFrame) -> Iterator[Contradiction]:
    """Yield percentages that are not their cell's count over its total, or over the patients of its cohort."""
    for cell in _cells(frame):
        if "percent" in cell:
            percent, count = cell["percent"], cell["count"]
            cohort = {"paper": percent.paper, "metric": "patients", "statistic": "count", "test": percent.test}
            total = cell.get("total") or next(rows(frame, **cohort))
            expected = 100 * count.value / total.value
            low, high = bounds(percent)
            if not low <= expected <= high:
                yield Contradiction("percent", percent.Index, f"{count.value:g} / {total.value:g} = {expected:.2f}%")


def unequal_repeats(frame: pd.DataFrame) -> Iterator[Contradiction]:
    """Yield numbers that stand for one quantity in several places and cannot all be roundings of one value."""
    quantities: dict[tuple[str, ...], list[Any]] = {}
    for row in rows(frame[frame.duplicated(QUANTITY, keep=False)]):
        quantities.setdefault(tuple(getattr(row, name) for name in QUANTITY), []).append(row)
    for same in quantities.values():
        for row in same:
            others = [other for other in same if not overlap(_scaled(row), _scaled(other))]
            if others:
                yield Contradiction("repeats", row.Index, "; ".join(f"{o.source}: {o.printed}" for o in others))


def _cells(frame: pd.DataFrame) -> Iterable[dict[str, Any]]:
    cells: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in rows(frame):
        cells.setdefault(tuple(getattr(row, name) for name in CELL), {})[row.statistic] = row
    return cells.values()


def _limits(row: Any) -> tuple[float, float]:
    if row.statistic == "p":
        return 0, 1
    if row.statistic in WITHIN_ONE:
        return -1, 1
    if row.statistic == "percent":
        return 0, 100
    if row.statistic == "total" or (row.statistic == "count" and row.metric in SIZES):
        return 1, math.inf
    if row.metric in SHARES and row.statistic in CENTRES:
        return 0, 100 if row.unit == "%" else 1
    return (0, math.inf) if row.statistic in SPREADS else (-math.inf, math.inf)


def _in_years(row: Any) -> float:
    return row.value * YEARS.get(row.unit, 1)


def _scaled(row: Any) -> tuple[float, float]:
    low, high = bounds(row)
    return low * YEARS.get(row.unit, 1), high * YEARS.get(row.unit, 1)


CHECKS = (not_as_printed, wrong_order, impossible_spread, wrong_percent, unequal_repeats)

"""Arithmetic of Hoang-Thi et al. 2021: slice counts, and the column of both kernels against its two halves."""

from collections.abc import Iterator

import pandas as pd

from analysis.published.printed_numbers import Contradiction, bounds, one, rows, select, wrong_totals

MOST_SLICES = 1600
"""An examination of the chest: one metre at the thinnest slice of the paper, 0.625 mm (section 2.2)."""


def wrong_totals_of_cohorts(frame: pd.DataFrame) -> Iterator[Contradiction]:
    """Yield totals of slices and examinations that are not training plus test (sections 2.2, 2.3, abstract)."""
    counts = select(frame, statistic="count")
    for dataset in ("covid19", "ild"):
        for metric in ("slices", "examinations"):
            parts = select(counts, dataset=dataset, metric=metric, test=("training", "test"))
            yield from wrong_totals(counts, {"dataset": dataset, "metric": metric, "test": "all"}, parts)
    cohort = select(counts, dataset="ild", metric="examinations", test=("all", "excluded"))
    yield from wrong_totals(counts, {"dataset": "ild", "metric": "examinations", "test": "original"}, cohort)


def wrong_slices(frame: pd.DataFrame) -> Iterator[Contradiction]:
    """Yield annotated test slices that are not 20 per examination, and examinations longer than a chest."""
    counts = select(frame, statistic="count")
    for dataset in ("covid19", "ild"):
        examinations, each, slices = (
            one(counts, dataset=dataset, test="test", metric=metric)
            for metric in ("examinations", "annotated_slices_per_examination", "slices")
        )
        if slices.value != examinations.value * each.value:
            found = f"{examinations.value:g} x {each.value:g} = {examinations.value * each.value:g}"
            yield Contradiction("totals", slices.Index, found)
        training = one(counts, dataset=dataset, test="training", metric="slices")
        per = training.value / one(counts, dataset=dataset, test="training", metric="examinations").value
        if per > MOST_SLICES:
            yield Contradiction("slices_per_examination", training.Index, f"{per:.0f} slices an examination")


def impossible_extremes(frame: pd.DataFrame) -> Iterator[Contradiction]:
    """Yield extremes of both kernels that no average of an examination's two kernels can reach (Table 1).

    The smallest average is at least the average of the two smallest values; the largest likewise.
    """
    for both in rows(frame, source="Table 1", test="both", statistic=("min", "max")):
        halves = [
            bounds(
                one(
                    frame, source="Table 1", dataset=both.dataset, train=both.train, test=test, statistic=both.statistic
                )
            )
            for test in ("LK", "MK")
        ]
        low, high = (sum(half[end] for half in halves) / 2 for end in (0, 1))
        unreachable = bounds(both)[1] < low if both.statistic == "min" else bounds(both)[0] > high
        if unreachable:
            yield Contradiction(
                "kernels", both.Index, f"averaging two kernels allows {(low + high) / 2:.3f} at the extreme"
            )


def case_outside_range(frame: pd.DataFrame) -> Iterator[Contradiction]:
    """Yield the example patient's DSC (Figure 1) where it lies outside its column's range (Table 1)."""
    for case in rows(frame, source="Fig. 1"):
        low, high = (
            one(frame, source="Table 1", dataset=case.dataset, train=case.train, test=case.test, statistic=end).value
            for end in ("min", "max")
        )
        if not low <= case.value <= high:
            yield Contradiction("within_range", case.Index, f"Table 1 has {low}–{high}")


CHECKS = (wrong_totals_of_cohorts, wrong_slices, impossible_extremes, case_outside_range)

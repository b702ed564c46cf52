"""Arithmetic of Lee et al. 2023: limits of agreement, volumes and overlaps that depend on one another."""

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from analysis.published.printed_numbers import (
    Contradiction,
    Interval,
    bounds,
    one,
    overlap,
    rows,
    select,
    wrong_totals,
)

RATIO = "absolute_relative_volume_difference"
LARGEST_LIVER_ML = 3000
"""Twice an adult's liver; the paper's patients are 10.1 years old on average."""


def wrong_totals_of_cohorts(frame: pd.DataFrame) -> Iterator[Contradiction]:
    """Yield patients and examinations that do not sum (Table 1, Study Population)."""
    counts = select(frame, statistic="count")
    parts = select(counts, metric="scans", test=("training", "tuning")).drop_duplicates("test")
    yield from wrong_totals(counts, {"metric": "scans", "test": "training and tuning"}, parts)
    for cohort in ("training and tuning", "test"):
        for metrics in (("male", "female"), ("abdominal_pain", "tumor_follow_up", "other_reason")):
            parts = select(counts, source="Table 1", metric=metrics, test=cohort)
            yield from wrong_totals(counts, {"metric": "patients", "test": cohort}, parts)


def wrong_agreement(frame: pd.DataFrame) -> Iterator[Contradiction]:
    """Yield Bland-Altman results that contradict themselves or Table 3's absolute ratios.

    The bias is the centre of the limits; its size is at most the mean absolute ratio; and with limits at bias ±
    1.96 SD both describe one sum of squares, ``n bias² + (n - 1) SD² = n mean² + (n - 1) SD²`` of the absolutes.
    """
    scans = next(rows(frame, metric="scans", test="test")).value
    for bias in rows(frame, statistic="bias"):
        same = {"source": bias.source, "test": bias.test, "method": bias.method}
        low, high = (one(frame, **same, statistic=end) for end in ("loa_low", "loa_high"))
        centre = [(first + last) / 2 for first, last in zip(bounds(low), bounds(high), strict=True)]
        if not overlap(bounds(bias), (centre[0], centre[1])):
            for row in (bias, low, high):
                yield Contradiction("loa_centre", row.Index, f"limits centred at {sum(centre) / 2:.2f}")
        mean, sd = (one(frame, source="Table 3", metric=RATIO, **_key(bias), statistic=word) for word in ("mean", "sd"))
        if min(map(abs, bounds(bias))) > bounds(mean)[1]:
            yield Contradiction("bias_ratio", bias.Index, f"mean absolute ratio is {mean.printed}")
        share = (scans - 1) / scans
        half_width = (max(0.0, bounds(high)[0] - bounds(low)[1]) / 3.92, (bounds(high)[1] - bounds(low)[0]) / 3.92)
        signed = _sum(_square(bounds(bias)), _square(half_width), share)
        absolute = _sum(_square(bounds(mean)), _square(bounds(sd)), share)
        if not overlap(signed, absolute):
            for row in (bias, low, high):
                yield Contradiction("second_moment", row.Index, f"Table 3's {mean.printed} is another sum of squares")


def impossible_volumes(frame: pd.DataFrame) -> Iterator[Contradiction]:
    """Yield absolute volume differences that over their ratio imply a liver no patient has (Table 3)."""
    for volume in rows(frame, source="Table 3", metric="absolute_volume_difference", statistic="mean"):
        ratio = one(frame, source="Table 3", metric=RATIO, **_key(volume), statistic="mean")
        implied = bounds(volume)[0] / (bounds(ratio)[1] / 100)
        if implied > LARGEST_LIVER_ML:
            found = f"{volume.value} mL over {ratio.value}% is a liver of at least {implied:.0f} mL"
            yield Contradiction("implied_volume", volume.Index, found)


def impossible_overlaps(frame: pd.DataFrame) -> Iterator[Contradiction]:
    """Yield mean DSCs that the volumes rule out (Table 2 against Table 3).

    A mask smaller than its reference by the share x has a DSC of at most ``2 (1 - x) / (2 - x)``, which is concave,
    so a mean share bounds a mean DSC. Applied where bias and absolute ratio agree: every mask is smaller.
    """
    for bias in rows(frame, source="Text Agreement", statistic="bias"):
        ratio = one(frame, source="Table 3", metric=RATIO, **_key(bias), statistic="mean")
        smaller = tuple(-end for end in reversed(bounds(bias)))
        if overlap((smaller[0], smaller[1]), bounds(ratio)):
            share = max(0.0, bounds(ratio)[0] / 100)
            limit = 100 * 2 * (1 - share) / (2 - share)
            dsc = one(frame, source="Table 2", **_key(bias), statistic="mean")
            if bounds(dsc)[0] > limit:
                for row in (dsc, ratio):
                    found = f"a mask {ratio.value}% smaller has a DSC of at most {limit:.1f}%, printed {dsc.value}%"
                    yield Contradiction("dice_bound", row.Index, found)


def wrong_concordance(frame: pd.DataFrame) -> Iterator[Contradiction]:
    """Yield concordance correlations that are not the centre of their interval on Fisher's z scale (Table 4)."""
    for ccc in rows(frame, statistic="ccc"):
        ends = [bounds(one(frame, source=ccc.source, **_key(ccc), statistic=end)) for end in ("ci_low", "ci_high")]
        if not all(-1 < edge < 1 for end in ends for edge in end):
            yield Contradiction("ccc_interval", ccc.Index, "the interval reaches 1")
            continue
        low, high = (math.tanh((math.atanh(ends[0][edge]) + math.atanh(ends[1][edge])) / 2) for edge in (0, 1))
        if not overlap(bounds(ccc), (low, high)):
            yield Contradiction("ccc_interval", ccc.Index, f"the interval is centred at {low:.4f} to {high:.4f}")


def wrong_ranges(frame: pd.DataFrame) -> Iterator[Contradiction]:
    """Yield the abstract's ranges over protocols that are not the extremes of Tables 2 to 4."""
    for claim in rows(frame, statistic=("lowest", "highest", "ccc_lowest", "ccc_highest")):
        statistic = "ccc" if claim.metric == "volume" else "mean"
        table = select(frame, metric=claim.metric, method=claim.method, statistic=statistic)
        table = table[table["source"].str.startswith("Table")].sort_values("value")
        extreme = list(rows(table))[0 if "lowest" in claim.statistic else -1]
        if not overlap(bounds(claim), bounds(extreme)):
            yield Contradiction("ranges", claim.Index, f"{extreme.source}: {extreme.printed} for {extreme.row}")


def _key(row: Any) -> dict[str, str]:
    return {"test": row.test, "method": row.method}


def _square(interval: Interval) -> Interval:
    ends = [end**2 for end in interval]
    return 0.0 if interval[0] < 0 < interval[1] else min(ends), max(ends)


def _sum(mean_squared: Interval, variance: Interval, share: float) -> Interval:
    return mean_squared[0] + share * variance[0], mean_squared[1] + share * variance[1]


CHECKS = (
    wrong_totals_of_cohorts,
    wrong_agreement,
    impossible_volumes,
    impossible_overlaps,
    wrong_concordance,
    wrong_ranges,
)

"""Arithmetic of Chassagnon et al. 2020: cohorts, recomputed P values, and the text's ranges against Table 2."""

import math
from collections.abc import Iterator

import pandas as pd

from analysis.published.printed_numbers import TINY, Contradiction, bounds, one, rows, select, wrong_totals
from analysis.statistics.fisher import fisher_exact

COHORTS = ("training", "test", "correlation")
AUTOANTIBODIES = ("anticentromere", "anti_scl_70", "other_autoantibodies", "no_autoantibodies")
TESTED_COUNTS = ("women", "diffuse_ssc", *AUTOANTIBODIES)
SUMS = {
    "all": COHORTS,
    "final": ("test", "correlation"),
    "training and test": ("training", "test"),
    "chest CT": ("training", "reviewed"),
    "training": ("training without ILD", "training with ILD"),
}


def wrong_totals_of_cohorts(frame: pd.DataFrame) -> Iterator[Contradiction]:
    """Yield cohort sizes, women and autoantibodies that do not sum (abstract, Study Design, Table 1)."""
    patients = select(frame, metric="patients", statistic="count")
    for whole, names in SUMS.items():
        parts = select(patients, test=names).drop_duplicates("test")
        yield from wrong_totals(patients, {"test": whole}, parts)
    women = select(frame, source="Table 1", metric="women", statistic="count", test=COHORTS)
    yield from wrong_totals(frame, {"metric": "women", "statistic": "count", "test": "all"}, women)
    both = {row.test: row.value for row in rows(frame, metric="anticentromere_and_anti_scl_70")}
    for cohort in COHORTS:
        parts = select(frame, source="Table 1", metric=AUTOANTIBODIES, statistic="count", test=cohort)
        size = one(frame, source="Table 1 header", test=cohort)
        if parts["value"].sum() - both.get(cohort, 0) != size.value:
            yield Contradiction("totals", size.Index, f"the autoantibodies sum to {parts['value'].sum():g}")
    kinds = select(
        frame, metric=("diffuse_ssc", "limited_ssc"), statistic="count", source="Text Patient Characteristics"
    )
    yield from wrong_totals(frame, {"source": "Table 1 header", "test": "correlation"}, kinds)
    each = one(frame, test="test", metric="annotated_slices_per_patient").value
    size = one(frame, source="Table 1 header", test="test").value
    for slices in rows(frame, test="test", metric="slices"):
        if slices.value != each * size:
            yield Contradiction("totals", slices.Index, f"{each:g} x {size:g} = {each * size:g}")


def wrong_fisher(frame: pd.DataFrame) -> Iterator[Contradiction]:
    """Yield printed P values of Table 1 that Fisher's exact test on the printed counts does not round to."""
    for printed in rows(frame, statistic="p", metric=TESTED_COUNTS):
        cohorts = printed.test.split(" vs ")
        counts = [
            int(one(frame, source="Table 1", metric=printed.metric, statistic="count", test=cohort).value)
            for cohort in cohorts
        ]
        sizes = [int(one(frame, source="Table 1 header", test=cohort).value) for cohort in cohorts]
        others = [size - count for count, size in zip(counts, sizes, strict=True)]
        expected = fisher_exact([counts, others]).p if min(others) >= 0 else math.nan
        low, high = bounds(printed)
        if not low <= expected <= high:
            yield Contradiction("fisher", printed.Index, f"Fisher's exact test gives {expected:.4f}")


def wrong_reader_ranges(frame: pd.DataFrame) -> Iterator[Contradiction]:
    """Yield the ranges over readers stated in words that are not the extremes of Table 2."""
    table = select(frame, source="Table 2", statistic=("median", "q1", "q3"))
    columns: dict[str, tuple[str, ...]] = {"Radiologists": ("Radiologist 2", "Radiologist 3")}
    for (_, method, which), claim in select(frame, reader=("lowest", "highest")).groupby(
        ["source", "method", "reader"]
    ):
        cells = select(table, method=columns.get(str(method), (str(method),)))
        cells = cells.pivot_table(index=["row", "column"], columns="statistic", values="value")
        extreme = cells["median"].min() if which == "lowest" else cells["median"].max()
        candidates = cells[cells["median"] == extreme]
        for row in rows(claim):
            if not (candidates[row.statistic] == row.value).any():
                found = ", ".join(f"{value:.2f}" for value in candidates[row.statistic])
                yield Contradiction("readers", row.Index, f"Table 2 has {found} at its {which} median")


def false_claims(frame: pd.DataFrame) -> Iterator[Contradiction]:
    """Yield a majority that is less than half (CT Examinations) and an improvement Table 2 does not give."""
    for count in rows(frame, metric="siemens_examinations", statistic="count"):
        total = one(frame, metric="siemens_examinations", statistic="total", test=count.test).value
        if 2 * count.value <= total:
            yield Contradiction("majority", count.Index, f"{100 * count.value / total:.0f}% is no majority")
    medians = select(frame, source="Table 2", statistic="median")
    ours, theirs = (select(medians, method=name).set_index("reader")["value"] for name in ("AtlasNet", "U-Net"))
    gain = 100 * (ours - theirs).mean()
    claim = one(frame, statistic="improvement")
    low, high = bounds(claim)
    if not low <= gain <= high:
        yield Contradiction("improvement", claim.Index, f"Table 2's medians differ by {gain:.1f}% on average")


def wrong_correlation_p(frame: pd.DataFrame) -> Iterator[Contradiction]:
    """Yield P values of Table 3 that no correlation rounding to the printed one gives (t approximation, SciPy's)."""
    for printed in rows(frame, source="Table 3", statistic="p"):
        rho = one(frame, source="Table 3", row=printed.row, test=printed.test, method=printed.method, statistic="rho")
        patients = one(frame, source="Table 1 header", test=printed.test).value
        low, high = sorted(_correlation_p(end, patients) for end in bounds(rho))
        if bounds(printed)[1] < low or bounds(printed)[0] > high:
            yield Contradiction(
                "p_from_rho", printed.Index, f"rho {rho.printed}, n = {patients:g}: {low:.4f} to {high:.4f}"
            )


def _correlation_p(rho: float, patients: float) -> float:
    from scipy.stats import t

    statistic = abs(rho) * math.sqrt((patients - 2) / max(TINY, 1 - rho**2))
    return float(2 * t.sf(statistic, patients - 2))


CHECKS = (wrong_totals_of_cohorts, wrong_fisher, wrong_reader_ranges, false_claims, wrong_correlation_p)

"""Arithmetic of Hofmanninger et al. 2020: counts, and the averages over all cases against those of the test sets."""

import re
from collections.abc import Iterator

import pandas as pd

from analysis.published.printed_numbers import TINY, Contradiction, bounds, one, overlap, rows, select, wrong_totals

SMALL_SETS = ("RR36", "VISC36", "LTRC36", "LCTSC36")
NOT_IN_ALL = ("LTRC", "LCTSC")
SECONDS = {"ms": 0.001, "s": 1.0}


def wrong_totals_of_sets(frame: pd.DataFrame) -> Iterator[Contradiction]:
    """Yield totals that are not the sum of their sets: Table II, sampling (section II.C), cases CIP processed."""
    counts = select(frame, statistic="count")
    table = select(counts, source="Table II")
    sets = table[table["row"] != "Total"]
    for metric in ("volumes", "lung_slices", "slices"):
        total = {"metric": metric, "test": "All(L)", "dataset": ""}
        yield from wrong_totals(counts, total, select(sets, metric=metric))
    without = sets[~sets["test"].isin(NOT_IN_ALL) & sets["metric"].eq("volumes")]
    yield from wrong_totals(counts, {"metric": "volumes", "test": "All"}, without)
    processed = select(counts, source="Table IV", row="CIP#cases**")
    total = {"metric": "volumes", "test": "All(L)", "dataset": "cases CIP processed"}
    yield from wrong_totals(counts, total, processed)
    sampled = select(counts, source="Text II.C")
    parts = sampled[sampled["train"].str.startswith("R231 ")]
    yield from wrong_totals(counts, {"metric": "volumes", "train": "R231"}, parts)
    anomalies = sampled[sampled["row"].str.startswith("test | specific anomalies | ")]
    yield from wrong_totals(counts, {"metric": "volumes", "test": "anomalies"}, anomalies)
    annotated = select(sampled, row=("training | R231", "test | RRT", "test | specific anomalies"))
    yield from wrong_totals(counts, {"dataset": "routine", "test": "annotated"}, annotated)


def wrong_sizes(frame: pd.DataFrame) -> Iterator[Contradiction]:
    """Yield sizes that differ between the equal training sets, or from the released volumes, or from Table II."""
    claimed = {row.metric: row for row in rows(frame, source="Text II.E", train="each 36-volume set")}
    claimed["lung_slices"] = claimed["slices"]
    for row in rows(frame, source="Table I", train=SMALL_SETS, statistic="count"):
        if row.value != claimed[row.metric].value:
            yield Contradiction("equal_sizes", row.Index, f"section II.E: {claimed[row.metric].printed} in each set")
    for row in rows(frame, source="Table IV", statistic="total"):
        listed = one(frame, source="Table II", test=row.test, metric="volumes", statistic="count")
        if row.value != listed.value:
            yield Contradiction("totals", row.Index, f"Table II: {listed.printed}")
    parts = select(frame, train="VISC36", metric="volumes", statistic="count", source="Table I")
    test = select(frame, dataset="VISCERAL", test="Normal", source="Table II caption")
    yield from wrong_totals(frame, {"dataset": "VISCERAL", "test": "released"}, pd.concat([parts, test]))
    lctsc = select(frame, source="Table I", train="LCTSC36", metric="volumes")
    yield from wrong_totals(frame, {"dataset": "LCTSC", "train": "released"}, lctsc)


def wrong_origins(frame: pd.DataFrame) -> Iterator[Contradiction]:
    """Yield test sets whose volumes by origin, counted once each, do not sum to Table II."""
    volumes = select(frame, metric="volumes", statistic="count")
    for listed in rows(volumes, source="Table II"):
        origins = select(volumes, test=listed.test, dataset=("routine", "Lung1", "VISCERAL"))
        total = origins.drop_duplicates("dataset")["value"].sum()
        if len(origins) and total != listed.value:
            found = f"Table II has {listed.printed}, the origins sum to {total:g}"
            for index in [listed.Index, *origins.index]:
                yield Contradiction("origins", index, found)


def wrong_weighted_means(frame: pd.DataFrame) -> Iterator[Contradiction]:
    """Yield averages over all cases that the test sets' means, weighted by their volumes, cannot give.

    Tables III and IV; All(L) is every test set, All leaves out LTRC and LCTSC.
    """
    every = {row.test: row.value for row in rows(frame, source="Table II", metric="volumes", statistic="count")}
    processed = {row.test: row.value for row in rows(frame, source="Table IV", row="CIP#cases**", statistic="count")}
    means = select(frame, source=("Table III", "Table IV"), metric="DSC", statistic="mean")
    for _, model in means.groupby(["source", "row"], sort=False):
        found = {row.test: row for row in rows(model)}
        volumes = processed if next(iter(found.values())).dataset == "cases CIP processed" else every
        for name, left_out in (("All(L)", ()), ("All", NOT_IN_ALL)):
            sets = [test for test in found if test not in ("All(L)", "All", *left_out)]
            weight = sum(volumes[test] for test in sets)
            low, high = (sum(volumes[test] * bounds(found[test])[end] for test in sets) / weight for end in (0, 1))
            if not overlap(bounds(found[name]), (low, high)):
                expected = f"the {len(sets)} test sets give {low:.4f} to {high:.4f}"
                yield Contradiction("weighted_mean", found[name].Index, expected)


def wrong_spreads(frame: pd.DataFrame) -> Iterator[Contradiction]:
    """Yield the text's claims on differences and extremes (III.B, III.C) that Table III exceeds beyond rounding."""
    means = select(frame, source="Table III", metric="DSC", statistic="mean")
    means = means[~means["test"].isin(["All", "All(L)"])]
    healthy = select(means, test=("Emph", "Mass", "PnTh", "Normal"))
    spreads = {"Text III.B": _spread(means, ["train", "test"]), "Text III.C": _spread(healthy, ["test"])}
    for source, spread in spreads.items():
        claim = one(frame, source=source, statistic="spread")
        over = spread[spread - 0.01 > claim.value + TINY]  # each of two means may be off by 0.005
        if len(over):
            found = ", ".join(f"{name}: {value:.2f}" for name, value in over.items())
            yield Contradiction("spread", claim.Index, f"Table III differs by more for {found}")
    public = select(means, test=("LTRC", "VESS12"))["value"]
    for statistic, value in (("lowest", public.min()), ("highest", public.max())):
        claim = one(frame, source="Text III.C", statistic=statistic)
        if claim.value != value:
            yield Contradiction("spread", claim.Index, f"Table III: {value}")


def unknown_names(frame: pd.DataFrame) -> Iterator[Contradiction]:
    """Yield results whose model is printed with a training set that is not in Table I."""
    known = set(select(frame, source="Table I")["row"])
    for row in rows(frame):
        named = re.search(r"net\((\w+)\)", str(row.row))
        if named and named[1] not in known:
            yield Contradiction("names", row.Index, f"Table I has no {named[1]}")


def wrong_run_times(frame: pd.DataFrame) -> Iterator[Contradiction]:
    """Yield times per volume that are not the time per slice times the slices (section III.F)."""
    slices = one(frame, source="Text III.F", metric="slices").value
    for volume in rows(frame, metric="time_per_volume"):
        each = one(frame, metric="time_per_slice", method=volume.method)
        low, high = (end * slices * SECONDS[each.unit] for end in bounds(each))
        if not overlap(bounds(volume), (low, high)):
            yield Contradiction("run_time", volume.Index, f"{low:.3g} to {high:.3g} s")


def wrong_overlaps(frame: pd.DataFrame) -> Iterator[Contradiction]:
    """Yield tumour overlaps that the numbers of cases below 5% and above 95% rule out (Table V)."""
    cases = one(frame, source="Text III.E", metric="volumes", test="Lung1").value
    for mean in rows(frame, source="Table V", statistic="mean"):
        below, above, median = (
            one(frame, source="Table V", row=mean.row, statistic=word)
            for word in ("count_below_5", "count_above_95", "median")
        )
        low = (5 * (cases - below.value - above.value) + 95 * above.value) / cases
        high = (5 * below.value + 95 * (cases - below.value - above.value) + 100 * above.value) / cases
        if not overlap(bounds(mean), (low, high)):
            yield Contradiction("overlap_bounds", mean.Index, f"the counts allow {low:.1f}% to {high:.1f}%")
        if (below.value > cases / 2) != (median.value < 5) or (above.value > cases / 2) != (median.value > 95):
            yield Contradiction(
                "overlap_bounds", median.Index, f"{below.printed} and {above.printed} of {cases:g} cases"
            )


def wrong_surface_order(frame: pd.DataFrame) -> Iterator[Contradiction]:
    """Yield mean surface distances above the 95th percentile of the same cases (Tables III and IV)."""
    for mean in rows(frame, source=("Table III", "Table IV"), metric="MSD", statistic="mean"):
        far = one(frame, source=mean.source, row=mean.row, metric="HD95", statistic="mean")
        if mean.value > far.value:
            yield Contradiction("surface_order", mean.Index, f"HD95 is {far.value}")


def _spread(means: pd.DataFrame, by: list[str]) -> pd.Series:
    groups = means.groupby(by)["value"]
    return groups.max() - groups.min()


CHECKS = (
    wrong_totals_of_sets,
    wrong_sizes,
    wrong_origins,
    wrong_weighted_means,
    wrong_spreads,
    unknown_names,
    wrong_run_times,
    wrong_overlaps,
    wrong_surface_order,
)

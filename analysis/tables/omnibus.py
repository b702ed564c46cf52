"""All arms, or all trainers, compared on each test set: Friedman's test, then every pair with Holm's correction."""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import NotApplicableError
from analysis.results import Results
from analysis.shared_values import shared_patient_values
from analysis.statistics.effects import HODGES_LEHMANN_NOTE, hodges_lehmann, rank_biserial
from analysis.statistics.omnibus import friedman
from analysis.statistics.p_values import adjust, format_p
from analysis.statistics.rank_tests import wilcoxon_signed_rank
from analysis.statistics.summary import NO_VALUE
from analysis.table import Section, TableResult
from analysis.table_notes import common_notes
from analysis.table_parts.effect_cells import EFFECT_NOTE, number, with_interval
from analysis.table_parts.families import Family, families

NAME = "omnibus"
TITLE = "All arms and all trainers compared: Friedman's test and all pairs"
ALL = "All (Friedman)"
RULES = (
    "Dice score, over the patients with a value of every competitor of the block (n; the others are left out). "
    "Friedman's test needs 3 competitors. Pairs: two-sided Wilcoxon signed-rank test with the rules of R's "
    "wilcox.test, Holm's correction over the pairs of the block; shift with its 95% interval: first minus second."
)


def make(results: Results) -> TableResult:
    """Return Friedman's test and every pair of arms (per trainer) and of trainers (per arm).

    Raises
    ------
    NotApplicableError
        If nowhere two competitors are tested on the same dataset.
    """
    values = shared_patient_values(results)
    rows: list[dict[str, Any]] = []
    sections = []
    for family in families(results.study, values):
        found = [_friedman(family), *_pairs(family)]
        rows += [family.words() | row for row in found]
        sections.append(Section(family.title, _printed(found)))
    if not rows:
        raise NotApplicableError("needs two arms, or two trainers, tested on one dataset")
    notes = (
        RULES,
        HODGES_LEHMANN_NOTE,
        EFFECT_NOTE,
        *_undefined(rows),
        *common_notes(results.scores, results.study, values=values),
    )
    return TableResult(pd.DataFrame(rows), notes, tuple(sections))


def _friedman(family: Family) -> dict[str, Any]:
    complete = family.complete()
    test = friedman(complete.to_numpy())
    return {
        "first": ALL, "second": "", "n": len(complete), "left_out": len(family.values) - len(complete),
        "test": test.name, "statistic": test.statistic, "df": test.df, "p": test.p, "reason": test.reason,
    }  # fmt: skip


def _pairs(family: Family) -> list[dict[str, Any]]:
    complete = family.complete()
    rows: list[dict[str, Any]] = []
    for first, second in combinations(complete.columns, 2):
        one, other = complete[first].to_numpy(), complete[second].to_numpy()
        test, shift = wilcoxon_signed_rank(one, other), hodges_lehmann(one, other)
        rows.append({
            "first": first, "second": second, "n": len(complete), "left_out": len(family.values) - len(complete),
            "median_1": complete[first].median(), "median_2": complete[second].median(), "shift": shift.estimate,
            "low": shift.low, "high": shift.high, "effect": rank_biserial(one, other), "test": test.name,
            "statistic": test.statistic, "p": test.p, "reason": test.reason,
        })  # fmt: skip
    adjusted = adjust(np.array([row["p"] for row in rows], dtype=np.float64), method="holm")
    return [row | {"p_holm": p, "family": len(rows)} for row, p in zip(rows, adjusted, strict=True)]


def _printed(rows: list[dict[str, Any]]) -> pd.DataFrame:
    names = [f"{row['first']} vs. {row['second']}" if row["second"] else row["first"] for row in rows]
    text = [[str(row["n"]), *_effect(row), _statistic(row), format_p(row["p"]), _corrected(row)] for row in rows]
    heads = ["n", "Median 1", "Median 2", "Shift (95% CI)", "Effect", "Statistic", "P", "P (Holm)"]
    return pd.DataFrame(text, index=pd.Index(names, name="Compared (1 vs. 2)"), columns=heads)


def _effect(row: dict[str, Any]) -> list[str]:
    """Return the cells that a test of all competitors does not have."""
    if not row["second"]:
        return [""] * 4
    medians = [number(row[name]) for name in ("median_1", "median_2")]
    return [*medians, with_interval(row["shift"], row["low"], row["high"]), number(row["effect"])]


def _corrected(row: dict[str, Any]) -> str:
    return format_p(row["p_holm"]) if row["second"] else ""


def _statistic(row: dict[str, Any]) -> str:
    if row["statistic"] != row["statistic"]:
        return NO_VALUE
    return f"V = {row['statistic']:g}" if row["second"] else f"χ² = {row['statistic']:.2f}, df = {row['df']:g}"


def _undefined(rows: list[dict[str, Any]]) -> list[str]:
    words = [
        f"{row['first']}{' vs. ' + row['second'] if row['second'] else ''}, {row['structure']}, {row['test_set']}, "
        f"{row['dataset']}: {row['reason']}"
        for row in rows
        if row["reason"]
    ]
    return [f"Not defined: {'; '.join(words)}."] if words else []

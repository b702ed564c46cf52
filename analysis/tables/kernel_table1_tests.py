"""The hypothesis tests of Hoang-Thi et al. 2021, sections 3.1 and 3.2, with Bonferroni correction."""

from typing import Any

import pandas as pd

from analysis.aggregate import blocks, patient_values, rows_of_block, rows_of_study
from analysis.comparisons import planned_comparisons
from analysis.p_values import bonferroni, format_p
from analysis.rank_tests import ROUND_DECIMALS, RankTest, mann_whitney, wilcoxon_signed_rank
from analysis.summary import NO_VALUE
from analysis.table import Section, TableResult
from analysis.table_notes import common_notes
from benchmarks.study import Comparison, Study

NAME = "table1_tests"
TITLE = "Tests of Table 1"
COLUMNS = (
    "trainer", "structure", "dataset", "comparison", "arm_1", "test_set_1", "arm_2", "test_set_2", "test", "n_1", "n_2",
    "left_out", "median_1", "median_2", "statistic", "p", "family", "p_bonferroni", "note",
)  # fmt: skip
RULES = (
    "Two-sided tests with the rules of R's wilcox.test: zero differences dropped; exact below 50 patients without "
    f"ties and zeros, otherwise normal with tie and continuity correction. Values rounded to "
    f"{ROUND_DECIMALS} decimals first."
)
UNPAIRED = (
    "The test kernels are different patients: one arm on two kernels is compared with Mann-Whitney between patients, "
    "and no causal effect of the kernel follows from it. Arms are compared within patients."
)
NO_CAUSE = "different patients: no causal kernel effect"


def make(scores: pd.DataFrame, study: Study) -> TableResult:
    """Return one row per planned comparison, dataset, trainer and structure.

    A test is Wilcoxon signed-rank over patients; in an unpaired study one arm on two test sets is Mann-Whitney. The
    Bonferroni family is all planned comparisons of a dataset. A test that is not defined stays, with its reason.
    """
    values = patient_values(scores, study)
    planned = planned_comparisons(study)
    rows: list[dict[str, Any]] = []
    sections = []
    for trainer, structure, title in blocks(study):
        block = rows_of_block(values, study, trainer=trainer, structure=structure)
        for dataset in study.datasets:
            fitting = [entry for entry in planned if _applies(study, entry, dataset.name)]
            tests = [_test(study, block, entry, dataset=dataset.name, family=len(fitting)) for entry in fitting]
            rows += [{"trainer": trainer, "structure": structure, **test} for test in tests]
            sections.append(Section(_title(study, dataset.label, title), _printed(tests)))
    notes = _notes(study, rows) + common_notes(scores, study, values=values)
    return TableResult(pd.DataFrame(rows, columns=list(COLUMNS)), notes, tuple(sections))


def _applies(study: Study, comparison: Comparison, dataset: str) -> bool:
    datasets = {entry.name: entry.datasets for entry in study.test_sets}
    return all(dataset in datasets[name] for name in comparison.test_sets)


def _test(study: Study, values: pd.DataFrame, comparison: Comparison, *, dataset: str, family: int) -> dict[str, Any]:
    arms = comparison.arms * 2 if len(comparison.arms) == 1 else comparison.arms
    sets = comparison.test_sets * 2 if len(comparison.test_sets) == 1 else comparison.test_sets
    first, second = (_of(values, arm, name, dataset=dataset) for arm, name in zip(arms, sets, strict=True))
    unpaired = not study.tables.paired and len(comparison.test_sets) == 2
    entered = len(first) + len(second) if unpaired else len(first.index.union(second.index))
    if not unpaired:
        shared = first.dropna().index.intersection(second.dropna().index)
        first, second = first.loc[shared], second.loc[shared]
    first, second = first.dropna(), second.dropna()
    result = mann_whitney(first, second) if unpaired else wilcoxon_signed_rank(first, second)
    used = len(first) + len(second) if unpaired else len(first)
    return {
        "dataset": dataset,
        "comparison": _words(study, comparison),
        "arm_1": arms[0], "test_set_1": sets[0], "arm_2": arms[1], "test_set_2": sets[1],
        "test": result.name, "n_1": len(first), "n_2": len(second), "left_out": entered - used,
        "median_1": first.median(), "median_2": second.median(), "statistic": result.statistic,
        "p": result.p, "family": family, "p_bonferroni": bonferroni(result.p, family),
        "note": _note(result, unpaired=unpaired),
    }  # fmt: skip


def _of(values: pd.DataFrame, recipe: str, test_set: str, *, dataset: str) -> pd.Series:
    rows = values[values["recipe"].eq(recipe) & values["test_set"].eq(test_set) & values["dataset"].eq(dataset)]
    return rows.set_index("patient")["value"].sort_index()


def _words(study: Study, comparison: Comparison) -> str:
    labels = rows_of_study(study)
    sets = {entry.name: entry.label for entry in study.test_sets}
    if len(comparison.arms) == 2:
        arms = " vs. ".join(labels[name] for name in comparison.arms)
        return f"{arms}; {_lower(sets[comparison.test_sets[0]])}"
    return f"{labels[comparison.arms[0]]}; " + " vs. ".join(_lower(sets[name]) for name in comparison.test_sets)


def _lower(label: str) -> str:
    """Lower the first letter of a sentence-like label, but not of a name such as LK."""
    return label[0].lower() + label[1:] if label[1:2].islower() else label


def _note(result: RankTest, *, unpaired: bool) -> str:
    words = [f"not defined: {result.reason}"] if result.reason else []
    return "; ".join(words + ([NO_CAUSE] if unpaired else []))


def _title(study: Study, dataset: str, block: str) -> str:
    return ", ".join(word for word in (dataset if len(study.datasets) > 1 else "", block) if word)


def _printed(tests: list[dict[str, Any]]) -> pd.DataFrame:
    columns = ["n", "Median 1", "Median 2", "Statistic", "P", "P (Bonferroni)", "Test", "Note"]
    rows = [_printed_row(test) for test in tests]
    index = pd.Index([test["comparison"] for test in tests], name="Comparison (1 vs. 2)")
    frame = pd.DataFrame(rows, index=index, columns=columns)
    return frame if frame["Note"].ne(NO_VALUE).any() else frame.drop(columns="Note")


def _printed_row(test: dict[str, Any]) -> list[str]:
    different = test["test"].startswith("Mann")
    letter = "W" if different else "V"
    statistic = f"{letter} = {test['statistic']:g}" if test["statistic"] == test["statistic"] else NO_VALUE
    return [
        f"{test['n_1']} vs. {test['n_2']}" if different else str(test["n_1"]),
        *(f"{test[name]:.2f}" if test[name] == test[name] else NO_VALUE for name in ("median_1", "median_2")),
        statistic, format_p(test["p"]), format_p(test["p_bonferroni"]), test["test"], test["note"] or NO_VALUE,
    ]  # fmt: skip


def _notes(study: Study, rows: list[dict[str, Any]]) -> tuple[str, ...]:
    labels = {entry.name: entry.label for entry in study.datasets}
    families = "; ".join(
        f"{labels[name]}: {size}" for name, size in {row["dataset"]: row["family"] for row in rows}.items()
    )
    origin = "named in the study file" if study.tables.comparisons else "the default: those of Hoang-Thi et al. 2021"
    family = "dataset, trainer and structure" if len(list(blocks(study))) > 1 else "dataset"
    notes = [
        RULES,
        f"Bonferroni: P times the planned tests of a {family} ({families}), {origin}. Significant below 0.05.",
        *([] if study.tables.paired else [UNPAIRED]),
    ]
    return tuple(notes)

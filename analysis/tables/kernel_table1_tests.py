"""The hypothesis tests of Hoang-Thi et al. 2021, sections 3.1 and 3.2, with Bonferroni correction."""

from typing import Any

import pandas as pd

from analysis.aggregate import blocks, rows_of_block, rows_of_study
from analysis.comparisons import planned_comparisons
from analysis.errors import NotApplicableError
from analysis.results import Results
from analysis.shared_values import shared_patient_values
from analysis.statistics.effects import HODGES_LEHMANN_NOTE, hodges_lehmann, rank_biserial
from analysis.statistics.p_values import adjust, format_p
from analysis.statistics.rank_tests import mann_whitney, wilcoxon_signed_rank
from analysis.statistics.rounding import ROUND_DECIMALS
from analysis.statistics.summary import NO_VALUE
from analysis.statistics.test_result import TestResult
from analysis.table import Section, TableResult
from analysis.table_notes import common_notes
from analysis.table_parts.effect_cells import EFFECT_NOTE, number, with_interval
from benchmarks.study import Comparison, Study

NAME = "kernel_table1_tests"
TITLE = "Tests of Table 1"
COLUMNS = (
    "trainer", "structure", "dataset", "comparison", "arm_1", "test_set_1", "arm_2", "test_set_2", "test", "n_1", "n_2",
    "left_out", "median_1", "median_2", "shift", "shift_low", "shift_high", "effect", "statistic", "p", "family",
    "correction", "p_corrected", "note",
)  # fmt: skip
RULES = (
    "Two-sided tests with the rules of R's wilcox.test: zero differences dropped; exact below 50 patients without "
    f"ties and zeros, otherwise normal with tie and continuity correction. Values rounded to "
    f"{ROUND_DECIMALS} decimals first."
)
CORRECTIONS = {"bonferroni": "Bonferroni: P times", "holm": "Holm: P corrected step by step for"}
UNPAIRED = (
    "The test kernels are different patients: one arm on two kernels is compared with Mann-Whitney between patients, "
    "and no causal effect of the kernel follows from it; there is no shift within patients. Arms are compared within "
    "patients."
)
NO_CAUSE = "different patients: no causal kernel effect"


def make(results: Results) -> TableResult:
    """Return one row per planned comparison, dataset, trainer and structure.

    A test is Wilcoxon signed-rank over patients, with the Hodges-Lehmann shift and the rank-biserial correlation; in an
    unpaired study one arm on two test sets is Mann-Whitney, with the rank-biserial correlation only. The family that
    P is corrected for (``[tables] correction``) is all planned comparisons of a dataset. A test that is not defined
    stays, with its reason.

    Raises
    ------
    NotApplicableError
        If no comparison is planned.
    """
    scores, study = results.scores, results.study
    values = shared_patient_values(results)
    planned = planned_comparisons(study)
    rows: list[dict[str, Any]] = []
    sections = []
    for trainer, structure, title in blocks(study):
        block = rows_of_block(values, study, trainer=trainer, structure=structure)
        for dataset in study.datasets:
            fitting = [entry for entry in planned if _applies(study, entry, dataset.name)]
            tests = _corrected(study, [_test(study, block, entry, dataset=dataset.name) for entry in fitting])
            rows += [{"trainer": trainer, "structure": structure, **test} for test in tests]
            sections += [Section(_title(study, dataset.label, title), _printed(study, tests))] if tests else []
    if not rows:
        raise NotApplicableError("needs two arms or two test sets to compare on one dataset: [[tables.comparisons]]")
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    notes = _notes(study, rows) + common_notes(scores, study, values=values, shown=_compared(frame))
    return TableResult(frame, notes, tuple(sections))


def _compared(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the structure, arm and test set of every side of a comparison."""
    sides = [
        frame[["structure", f"arm_{side}", f"test_set_{side}"]].set_axis(["structure", "recipe", "test_set"], axis=1)
        for side in (1, 2)
    ]
    return pd.concat(sides).drop_duplicates()


def _applies(study: Study, comparison: Comparison, dataset: str) -> bool:
    datasets = {entry.name: entry.datasets for entry in study.test_sets}
    return all(dataset in datasets[name] for name in comparison.test_sets)


def _test(study: Study, values: pd.DataFrame, comparison: Comparison, *, dataset: str) -> dict[str, Any]:
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
        "median_1": first.median(), "median_2": second.median(), **_effects(first, second, unpaired=unpaired),
        "statistic": result.statistic, "p": result.p, "note": _note(result, unpaired=unpaired),
    }  # fmt: skip


def _effects(first: pd.Series, second: pd.Series, *, unpaired: bool) -> dict[str, float]:
    if unpaired:
        nothing = dict.fromkeys(("shift", "shift_low", "shift_high"), float("nan"))
        return nothing | {"effect": rank_biserial(first, second, paired=False)}
    shift = hodges_lehmann(first, second)
    limits = {"shift": shift.estimate, "shift_low": shift.low, "shift_high": shift.high}
    return limits | {"effect": rank_biserial(first, second)}


def _corrected(study: Study, tests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add the P values corrected for all planned tests, also those that are not defined."""
    method = study.tables.correction
    corrected = adjust([test["p"] for test in tests], method=method)
    words = {"family": len(tests), "correction": method}
    return [test | words | {"p_corrected": float(p)} for test, p in zip(tests, corrected, strict=True)]


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


def _note(result: TestResult, *, unpaired: bool) -> str:
    words = [f"not defined: {result.reason}"] if result.reason else []
    return "; ".join(words + ([NO_CAUSE] if unpaired else []))


def _title(study: Study, dataset: str, block: str) -> str:
    return ", ".join(word for word in (dataset if len(study.datasets) > 1 else "", block) if word)


def _printed(study: Study, tests: list[dict[str, Any]]) -> pd.DataFrame:
    corrected = f"P ({study.tables.correction.capitalize()})"
    columns = [
        "n", "Median 1", "Median 2", "Shift (95% CI)", "Effect", "Statistic", "P", corrected, "Test", "Note",
    ]  # fmt: skip
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
        *(number(test[name]) for name in ("median_1", "median_2")),
        with_interval(test["shift"], test["shift_low"], test["shift_high"]), number(test["effect"]), statistic,
        format_p(test["p"]), format_p(test["p_corrected"]), test["test"], test["note"] or NO_VALUE,
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
        f"{CORRECTIONS[study.tables.correction]} the planned tests of a {family} ({families}), {origin}. Significant "
        "below 0.05.",
        HODGES_LEHMANN_NOTE,
        EFFECT_NOTE,
        *([] if study.tables.paired else [UNPAIRED]),
    ]
    return tuple(notes)

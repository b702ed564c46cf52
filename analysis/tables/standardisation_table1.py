"""Table 1 of Lee et al. 2023: characteristics of the data sets, as far as the sources record them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import NotApplicableError
from analysis.results import CASE_COLUMNS, IMAGE_COLUMNS, Results
from analysis.statistics.summary import NO_VALUE, format_mean_sd
from analysis.table import Section, TableResult
from analysis.table_parts.cohort_values import cohort_patients, quantity
from analysis.table_parts.standardised_pairs import required
from benchmarks.study import Characteristic, Cohort, Study

NAME = "standardisation_table1"
TITLE = "Table 1. Characteristics of the datasets"
ROLES = {"train": "Training & tuning dataset", "test": "Test dataset"}
SEX = "sex"
MOST_KINDS = 6
FORMAT = (
    "Quantities are mean ± sample standard deviation (range) over patients with a value, of the first examination of "
    "each; other characteristics are numbers of patients with percentages, acquisition facts are over images."
)
OF_THE_SIMULATION = ("seed",)
"""Facts of an image that say nothing about the acquisition."""


def make(results: Results) -> TableResult:
    """Return Table 1: a column per cohort of the study (or training and test), a row per characteristic.

    Raises
    ------
    NotApplicableError
        If the study has no standardisation protocols, or the run no list of examinations.
    """
    required(results.study)
    if results.cases.empty:
        raise NotApplicableError("needs the run's list of examinations")
    cohorts = _cohorts(results)
    columns = [_column(results, cohort) for cohort in cohorts]
    names = list(dict.fromkeys(name for column in columns for name in column))
    text = [[column.get(name, NO_VALUE) for column in columns] for name in names]
    printed = pd.DataFrame(text, index=pd.Index(names, name=""), columns=[cohort.label for cohort in cohorts])
    frame = pd.DataFrame([
        {"characteristic": name, "cohort": cohort.name, **_numbers(results, cohort, name), "printed": column[name]}
        for cohort, column in zip(cohorts, columns, strict=True)
        for name in column
    ])  # fmt: skip
    return TableResult(frame, (FORMAT, f"{NO_VALUE}: not recorded."), (Section("", printed),))


def _cohorts(results: Results) -> list[Cohort]:
    """Return the study's cohorts, else training and test as the sources say, else all patients."""
    named = results.study.tables.cohorts.cohorts
    datasets = tuple(entry.name for entry in results.study.datasets)
    found = [Cohort(role, datasets, ROLES[role], role) for role in ("train", "test") if _has(results, role)]
    everyone = [Cohort("all", datasets, "All patients")]
    return [Cohort(entry.name, entry.datasets, entry.label or entry.name, entry.role) for entry in named] or (
        found if len(found) == len(ROLES) else everyone
    )


def _has(results: Results, role: str) -> bool:
    return bool(results.cases["role"].eq(role).any())


def _column(results: Results, cohort: Cohort) -> dict[str, str]:
    """Return the printed rows of a cohort."""
    patients, examinations, images = _of_cohort(results, cohort)
    column = dict([_number_of_patients(patients)])
    for entry in _characteristics(results.study, results.cases):
        column[_label(entry)] = _characteristic(patients, entry)
    column["Number of CT examinations"] = str(len(examinations))
    facts = [name for name in results.images.columns if name not in (*IMAGE_COLUMNS, *OF_THE_SIMULATION)]
    return column | {_words(name): _fact(images[name]) for name in facts if _known(images[name]).size}


def _of_cohort(results: Results, cohort: Cohort) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    cases = results.cases
    chosen = cases["dataset"].isin(cohort.datasets) & (cases["role"].eq(cohort.role) | (not cohort.role))
    examinations = cases[chosen]
    keys = ["dataset", "patient", "case"]
    images = results.images.merge(examinations[keys].drop_duplicates(), on=keys)
    return cohort_patients(results, cohort), examinations, images


def _number_of_patients(patients: pd.DataFrame) -> tuple[str, str]:
    if SEX not in patients:
        return "Number of patients", str(len(patients))
    initials = patients[SEX].astype(str).str[:1].str.upper()
    return "Number of patients (male:female)", f"{len(patients)} ({(initials == 'M').sum()}:{(initials == 'F').sum()})"


def _characteristics(study: Study, cases: pd.DataFrame) -> Sequence[Characteristic]:
    """Return the study's characteristics, else every covariate: numbers as quantities, words as counts."""
    if study.tables.cohorts.characteristics:
        return study.tables.cohorts.characteristics
    names = [name for name in cases.columns if name not in (*CASE_COLUMNS, SEX)]
    return [Characteristic(name, kind="quantity" if _is_number(cases[name]) else "count") for name in names]


def _is_number(column: pd.Series) -> bool:
    known = _known(column)
    return bool(known.size) and bool(pd.to_numeric(known, errors="coerce").notna().all())


def _label(entry: Characteristic) -> str:
    label = entry.label or _words(entry.covariate)
    return f"{label} (range)" if entry.kind == "quantity" else label


def _characteristic(patients: pd.DataFrame, entry: Characteristic) -> str:
    if entry.kind == "quantity":
        values = quantity(patients, entry.covariate).dropna()
        if values.empty:
            return NO_VALUE
        decimals = 0 if values.eq(values.round()).all() else 1
        spread = f"({values.min():.{decimals}f}–{values.max():.{decimals}f})"
        return f"{format_mean_sd(values.mean(), values.std(ddof=1), 1)} {spread}"
    known = _known(patients[entry.covariate]) if entry.covariate in patients else pd.Series(dtype=object)
    if entry.values:
        return _share(int(known.astype(str).isin(entry.values).sum()), len(known))
    counts = known.astype(str).value_counts()
    return ", ".join(f"{name} ({_share(int(n), len(known))})" for name, n in counts.items()) or NO_VALUE


def _share(number: int, size: int) -> str:
    """Return ``n = 15, 12.8%``."""
    return f"n = {number}, {100 * number / size:.1f}%" if size else NO_VALUE


def _fact(column: pd.Series) -> str:
    """Return one value, a range of numbers, or each kind with its number of images."""
    known = _known(column)
    numbers = pd.to_numeric(known, errors="coerce")
    if numbers.notna().all():
        low, high = f"{numbers.min():g}", f"{numbers.max():g}"
        return low if low == high else f"{low}–{high}"
    counts = known.astype(str).value_counts()
    if len(counts) == 1:
        return str(counts.index[0])
    if len(counts) > MOST_KINDS:
        return f"{len(counts)} different"
    return ", ".join(f"{name} (n = {n})" for name, n in counts.items())


def _known(column: pd.Series) -> pd.Series:
    return column[column.notna() & column.astype(str).ne("")]


def _words(name: str) -> str:
    return (name[:1].upper() + name[1:]).replace("_", " ")


def _numbers(results: Results, cohort: Cohort, name: str) -> dict[str, Any]:
    """Return the unrounded mean, SD and range of a quantity; NaN for every other row."""
    patients, _, _ = _of_cohort(results, cohort)
    found = [entry for entry in _characteristics(results.study, results.cases) if _label(entry) == name]
    if not found or found[0].kind != "quantity":
        return {"n": len(patients), "mean": np.nan, "sd": np.nan, "min": np.nan, "max": np.nan}
    values = quantity(patients, found[0].covariate).dropna()
    return {
        "n": len(values), "mean": values.mean(), "sd": values.std(ddof=1), "min": values.min(), "max": values.max()
    }  # fmt: skip

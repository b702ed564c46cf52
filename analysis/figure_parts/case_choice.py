"""The patients and cases a figure shows, chosen by rule so that nobody picks the pretty ones."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from benchmarks.study import Study

CASE = ["dataset", "patient", "case", "variant"]


def median_patient(scores: pd.DataFrame, values: pd.DataFrame, study: Study, *, test_sets: Sequence[str]) -> str | None:
    """Return the patient whose mean value over all arms and these test sets is the (lower) median.

    Patients with a prediction for every arm come first; equal means are ordered by name. None without patients.

    Parameters
    ----------
    scores : DataFrame
        Score rows of one dataset.
    values : DataFrame
        Patient values of the same dataset, one trainer and structure (``aggregate.patient_values``).
    """
    baselines = [entry.name for entry in study.baselines]
    rows = values[values["test_set"].isin(test_sets) & ~values["recipe"].isin(baselines)].dropna(subset="value")
    whole = rows.groupby("patient").size()
    missed = set(scores.loc[scores["status"].isin(("missing", "failed")), "patient"])
    best = [name for name in whole.index[whole.eq(whole.max())] if name not in missed]
    means = rows.groupby("patient")["value"].mean().round(12)
    means = means.loc[best] if best else means
    if means.empty:
        return None
    ordered = sorted(means.items(), key=lambda item: (item[1], item[0]))
    return str(ordered[(len(ordered) - 1) // 2][0])


def best_recipe(values: pd.DataFrame, study: Study) -> str | None:
    """Return the trained row with the highest mean over its cases; the first of equals, None without values.

    Parameters
    ----------
    values : DataFrame
        Case values of one trainer and structure (``aggregate.case_values``), higher is better.
    """
    order = list(dict.fromkeys(arm.recipe for arm in study.arms))
    rows = values[values["recipe"].isin(order)].drop_duplicates([*CASE, "recipe"])
    means = rows.groupby("recipe")["value"].mean().dropna().round(12)
    return max(means.index, key=lambda name: (means[name], -order.index(name))) if len(means) else None


def spread_cases(values: pd.DataFrame, number: int) -> pd.DataFrame:
    """Return cases spread evenly from the lowest to the highest mean over the rows of each; one: the lower median.

    Parameters
    ----------
    values : DataFrame
        Case values; a case counts once per recipe, in one variant, and no patient is shown twice.

    Returns
    -------
    DataFrame
        ``CASE`` and ``value``, lowest first.
    """
    means = case_means(one_variant(values)).drop_duplicates(["dataset", "patient"])
    number = min(number, len(means))
    if number <= 1:
        return means.iloc[[(len(means) - 1) // 2]] if number else means
    places = np.unique(np.floor(np.linspace(0, len(means) - 1, number)).astype(int))
    return means.iloc[places]


def widely_tested(values: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the images that most table rows were tested on, of each dataset."""
    rows = values.groupby(CASE)["recipe"].transform("nunique")
    return values[rows.eq(rows.groupby(values["dataset"]).transform("max"))]


def one_variant(values: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the variant that most cases of each dataset have, the first of equals."""
    cases = values.drop_duplicates(CASE).groupby(["dataset", "variant"], sort=False).size().reset_index(name="cases")
    chosen = cases.sort_values("cases", ascending=False, kind="stable").drop_duplicates("dataset")
    return values.merge(chosen[["dataset", "variant"]], on=["dataset", "variant"])


def case_means(values: pd.DataFrame) -> pd.DataFrame:
    """Return the mean value of each case over the rows it has, lowest first; equal ones by name."""
    rows = values.dropna(subset="value").drop_duplicates([*CASE, "recipe", "trainer"])
    means = rows.groupby(CASE)["value"].mean().round(12).reset_index()
    return means.sort_values(["value", *CASE], kind="stable").reset_index(drop=True)


def shares(number: int, groups: Sequence[int]) -> list[int]:
    """Return how many of ``number`` places each group gets: one in turn, none more than it has."""
    given = [0] * len(groups)
    while sum(given) < min(number, sum(groups)):
        for index, size in enumerate(groups):
            if given[index] < size and sum(given) < number:
                given[index] += 1
    return given

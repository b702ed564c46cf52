"""Score rows that cannot be averaged: two values under one key, or one metric measured in two ways."""

import pandas as pd

from analysis.errors import AnalysisError
from analysis.score_columns import KEY


def refuse_repeated_scores(scores: pd.DataFrame) -> None:
    """Refuse two rows that agree in every column of the key, since a mean would count one of them twice.

    Raises
    ------
    AnalysisError
        Naming the first such row by what tells it from others.
    """
    keys = [name for name in KEY if name in scores.columns]
    repeated = scores.duplicated(keys, keep=False)
    if not repeated.any():
        return
    row = scores.loc[repeated, keys].iloc[0]
    count = int(scores[keys].eq(row).all(axis=1).sum())
    names = ", ".join(f"{name} {value!r}" for name, value in row.items() if str(value))
    raise AnalysisError(f"scores: {count} rows for {names}; wanted one; evaluate the run again")


def refuse_mixed_scores(scores: pd.DataFrame) -> None:
    """Refuse scores of several studies, or a metric with several definitions, backends or post-processings.

    Tables average over these columns, so two ways to measure would become one number.

    Raises
    ------
    AnalysisError
        Naming the metric, or the model, and what was found.
    """
    _refuse_several(scores, "study", per=[])
    _refuse_several(scores, "definition", per=["metric"])
    _refuse_several(scores, "backend", per=["metric"])
    _refuse_several(scores, "postprocess", per=["arm", "trainer"])


def _refuse_several(scores: pd.DataFrame, column: str, *, per: list[str]) -> None:
    pairs = scores[[*per, column]].drop_duplicates()
    several = pairs[pairs.duplicated(per, keep=False)] if per else pairs
    if len(several) < 2:
        return
    first = several[several[per].eq(several[per].iloc[0]).all(axis=1)] if per else several
    where = ", ".join(f"{name} {first[name].iloc[0]!r}" for name in per)
    found = ", ".join(repr(value) for value in first[column])
    raise AnalysisError(
        f"scores: {f'{where}: ' if where else ''}{column} {found}; wanted one, since tables average over it; keep the "
        "rows of one, or evaluate the run again"
    )

"""Score rows that cannot be trusted: two values under one key."""

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

"""What the scores of two folders come to, in a few lines."""

import pandas as pd

from analysis.empties import counted_values
from analysis.metric import find_metric

COLUMNS = ("structure", "metric", "cases", "defined", "missed", "mean", "median")


def summarise_folders(scores: pd.DataFrame) -> pd.DataFrame:
    """Return mean and median for each structure and metric: ``COLUMNS``.

    ``defined`` counts cases with a value, ``missed`` those without a usable prediction, which count with the worst
    value where the metric has one (``empties``); a case without reference counts nowhere.
    """
    rows = []
    for (structure, metric, _), part in scores.groupby(["structure", "metric", "dimension"], sort=False):
        counted = pd.Series(counted_values(part, find_metric(str(metric)))).dropna()
        missed = int(part["status"].isin(("missing", "failed")).sum())
        finite = len(counted) > 0
        mean, median = (counted.mean(), counted.median()) if finite else (float("nan"), float("nan"))
        rows.append((structure, metric, len(part), len(counted), missed, mean, median))
    return pd.DataFrame(rows, columns=list(COLUMNS))

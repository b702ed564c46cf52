"""The notes on a metric: how it is defined, by whom computed, and how many values were defined, missed and left out."""

import numpy as np
import pandas as pd

from analysis.empties import POLICIES
from analysis.metric import find_metric
from analysis.results import Results


def definition_note(results: Results, metric: str) -> str:
    """Return what a metric is in this run: ``HD95, 95th percentile ... (mm): definition; computed by ctshift.``"""
    entry = find_metric(metric)
    rows = results.scores[results.scores["metric"].eq(metric)]
    backends = ", ".join(sorted({str(name) for name in rows["backend"] if name}))
    unit = f" ({entry.unit})" if entry.unit not in ("", "1") else ""
    return f"{metric}: {entry.label}{unit}, {entry.definition}" + (f"; computed by {backends}." if backends else ".")


def count_note(values: pd.DataFrame, metric: str, *, what: str = "cases") -> str:
    """Return how the values of one metric count.

    Parameters
    ----------
    values : DataFrame
        Rows with ``value`` and ``status``, one per thing that ``what`` names.
    """
    status, value = values["status"], values["value"]
    missed = int(status.isin(("missing", "failed")).sum())
    infinite = int(np.isinf(value.to_numpy(dtype=np.float64)).sum())
    words = [f"{metric}: {len(values)} {what}, {int(value.notna().sum())} with a value"]
    if missed:
        words.append(f"{missed} missing or failed predictions, {_as_what(metric)}")
    if infinite:
        words.append(
            f"{infinite} infinite (one mask empty or no prediction; slice by slice already on one slice), not in a "
            "mean ± SD but in every median"
        )
    if value.isna().any():
        words.append(f"{int(value.isna().sum())} without a value, left out")
    return "; ".join(words) + "."


def _as_what(metric: str) -> str:
    entry = find_metric(metric)
    if POLICIES[entry.direction].missing != "worst":
        return "left out"
    worst = entry.range[1] if entry.direction == "lower" else entry.range[0]
    return f"counted as {'infinite' if np.isinf(worst) else format(worst, 'g')}"

"""The notes on a metric: how it is defined, by whom computed, and how many values were defined, missed and left out."""

import numpy as np
import pandas as pd

from analysis.empties import POLICIES
from analysis.metric import find_metric
from analysis.results import Results
from analysis.table_parts.note_words import missed_words, no_distance_words, status_counts


def definition_note(results: Results, metric: str) -> str:
    """Return what a metric is in this run: ``HD95: 95th percentile ... (mm), definition; computed by ctshift.``

    The definition is that of the score rows, which says what the study chose; rows without one have the metric's.
    """
    entry = find_metric(metric)
    rows = results.scores[results.scores["metric"].eq(metric)]
    backends = ", ".join(sorted({str(name) for name in rows["backend"] if name}))
    definitions = list(dict.fromkeys(str(text) for text in rows["definition"] if text))
    definition = " or ".join(definitions) or entry.definition_at(results.study.scoring.nsd_tolerance_mm)
    unit = f" ({entry.unit})" if entry.unit not in ("", "1") else ""
    return f"{metric}: {entry.label}{unit}, {definition}" + (f"; computed by {backends}." if backends else ".")


def count_note(values: pd.DataFrame, metric: str, *, what: str = "cases") -> str:
    """Return how the values of one metric count: with a value, missed, nothing to find, without distance, left out.

    Parameters
    ----------
    values : DataFrame
        Rows with ``value`` (NaN: left out) and ``status``, one per thing that ``what`` names.
    """
    value = values["value"]
    words = [f"{metric}: {len(values)} {what}, {int(value.notna().sum())} with a value"]
    missed, nothing = missed_words(values["status"]), status_counts(values)["nothing_to_find"]
    if missed:
        words.append(f"{missed}, {_as_what(metric)}")
    if nothing:
        words.append(f"nothing to find {nothing}" + (f", {_as_what(metric)}" if _is_compared(metric) else ""))
    no_distance = no_distance_words(values)
    if no_distance:
        words.append(f"{no_distance}, not in a mean ± SD but in every median")
    if value.isna().any():
        words.append(f"{int(value.isna().sum())} without a value, left out")
    return "; ".join(words) + "."


def reader_count_note(values: pd.DataFrame, metric: str) -> str:
    """Return how the values of pairs of readers and of repeated readings count; no reader is right, so none misses."""
    value = values["value"]
    words = [f"{metric}: {len(values)} values of readers with each other, {int(value.notna().sum())} with a value"]
    one = int(values["status"].isin(("empty_prediction", "empty_reference")).sum())
    if one:
        words.append(f"{one} where only one contoured something")
    infinite = int(np.isinf(value.to_numpy(dtype=np.float64)).sum())
    if infinite:
        words.append(f"{infinite} without distance, in every median")
    if value.isna().any():
        words.append(f"{int(value.isna().sum())} without a value (both empty, or no annotation), left out")
    return "; ".join(words) + "."


def _is_compared(metric: str) -> bool:
    return POLICIES[find_metric(metric).direction].missing == "worst"


def _as_what(metric: str) -> str:
    entry = find_metric(metric)
    if not _is_compared(metric):
        return "those without a prediction left out"
    worst = entry.range[1] if entry.direction == "lower" else entry.range[0]
    return f"counted as {'infinite' if np.isinf(worst) else format(worst, 'g')}"

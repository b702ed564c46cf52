"""What every note says in the same words: sentences, and what is missed, has nothing to find or has no distance."""

import numpy as np
import pandas as pd

NO_PREDICTION = ("missing", "failed")
"""Status of a score without a prediction."""
MISSED = (*NO_PREDICTION, "empty_prediction")
"""Status of a score of which the model found nothing where there was something."""


def sentence(text: str) -> str:
    """Return the text with one full stop at its end, also after an abbreviation that has its own."""
    return text if text.endswith(".") else f"{text}."


def missed_words(status: pd.Series) -> str:
    """Return ``missed 5 (2 without a prediction, 3 empty)``; empty text if nothing was missed."""
    counts = status_counts(pd.DataFrame({"status": status, "value": 0.0}))
    if not counts["missed"]:
        return ""
    return f"missed {counts['missed']} ({counts['no_prediction']} without a prediction, {counts['empty']} empty)"


def status_counts(values: pd.DataFrame) -> dict[str, int]:
    """Return how many values were missed and why, and in how many was nothing to find.

    Parameters
    ----------
    values : DataFrame
        Rows with ``value`` (NaN: left out) and ``status``.

    Returns
    -------
    dict
        ``missed``, of these ``no_prediction`` and ``empty``; ``nothing_to_find``, those with a value only.
    """
    status = values["status"]
    no_prediction, empty = int(status.isin(NO_PREDICTION).sum()), int(status.eq("empty_prediction").sum())
    nothing = int((status.eq("empty_reference") & values["value"].notna()).sum())
    return {
        "missed": no_prediction + empty, "no_prediction": no_prediction, "empty": empty, "nothing_to_find": nothing,
    }  # fmt: skip


def no_distance_words(values: pd.DataFrame) -> str:
    """Return ``9 without distance (2 missed, 1 nothing to find, 6 slice by slice)``; empty text if all are finite."""
    infinite = values[np.isinf(values["value"].to_numpy(dtype=np.float64))]
    if infinite.empty:
        return ""
    counts = status_counts(infinite)
    parts = {"missed": counts["missed"], "nothing to find": counts["nothing_to_find"]}
    parts["slice by slice, one mask on a slice"] = len(infinite) - sum(parts.values())
    return f"{len(infinite)} without distance ({', '.join(f'{n} {name}' for name, n in parts.items() if n)})"


def prediction_notes(values: pd.DataFrame) -> list[str]:
    """Say how many predictions (one model on one image) there are and how many are missing or failed.

    Parameters
    ----------
    values : DataFrame
        Rows of models with ``status``, ``trainer``, ``recipe``, ``dataset``, ``case`` and ``variant``, and ``arm``,
        ``seed`` and ``fold`` where these are not averaged; a prediction may have many rows.
    """
    keys = [
        name
        for name in ("trainer", "recipe", "arm", "seed", "fold", "dataset", "case", "variant")
        if name in values.columns and not (name == "recipe" and "arm" in values.columns)
    ]
    missing = values[values["status"].isin(NO_PREDICTION)].drop_duplicates(keys)
    if missing.empty:
        return []
    number = len(values.drop_duplicates(keys))
    return [f"Predictions (one model on one image): {number}, {len(missing)} of them missing or failed."]

"""The one place that says how an empty mask and a missed prediction count."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.metric import Metric

Status: TypeAlias = Literal[
    "ok", "empty_prediction", "empty_reference", "both_empty", "missing", "failed", "no_reference"
]
Rule: TypeAlias = Literal["worst", "as_is", "excluded"]


@dataclass(frozen=True)
class EmptyPolicy:
    """How a value counts in a table, by the status of its score row.

    ``worst`` takes the worse end of the metric's range, ``as_is`` the mathematical value, ``excluded`` leaves the
    value out and counts it as undefined.
    """

    empty_prediction: Rule
    empty_reference: Rule
    both_empty: Rule
    missing: Rule
    failed: Rule
    no_reference: Rule = "excluded"
    ok: Rule = "as_is"


_COMPARISON = EmptyPolicy(
    empty_prediction="worst", empty_reference="worst", both_empty="excluded", missing="worst", failed="worst"
)
_MEASUREMENT = EmptyPolicy(
    empty_prediction="as_is", empty_reference="as_is", both_empty="as_is", missing="excluded", failed="excluded"
)
POLICIES = {"higher": _COMPARISON, "lower": _COMPARISON, "none": _MEASUREMENT}
"""Metric direction to policy. The Dice score is ``higher``: 0 if one mask is empty or no prediction came, left out
if both are empty."""


def status_of_masks(*, reference_empty: bool, prediction_empty: bool) -> Status:
    """Return the status of a computed score."""
    if reference_empty and prediction_empty:
        return "both_empty"
    if reference_empty:
        return "empty_reference"
    return "empty_prediction" if prediction_empty else "ok"


def counted_values(scores: pd.DataFrame, metric: Metric) -> npt.NDArray[np.float64]:
    """Return the value with which each score row of one metric counts; NaN: excluded.

    Parameters
    ----------
    scores : DataFrame
        Rows of this metric, with columns ``value`` and ``status``.
    """
    policy = POLICIES[metric.direction]
    worst = metric.range[1] if metric.direction == "lower" else metric.range[0]
    rules = scores["status"].map(lambda status: getattr(policy, status)).to_numpy()
    values = scores["value"].to_numpy(dtype=np.float64)
    return np.select([rules == "worst", rules == "as_is"], [np.full(len(values), worst), values], default=np.nan)

"""The one place that says how an empty mask and a missed prediction count."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.errors import AnalysisError
from analysis.mask_pair import MaskPair
from analysis.metric import Metric, find_metrics

Status: TypeAlias = Literal[
    "ok", "empty_prediction", "empty_reference", "both_empty", "missing", "failed", "no_reference", "refused"
]
Rule: TypeAlias = Literal["worst", "as_is", "excluded"]


EMPTIES_COLUMNS = ("metric", "reference", "prediction", "empty", "status", "value", "rule", "counted")


@dataclass(frozen=True)
class EmptyPolicy:
    """How a value counts in a table, by the status of its score row.

    ``worst`` takes the worse end of the metric's range, ``as_is`` the mathematical value (NaN is left out),
    ``excluded`` leaves the value out and counts it as undefined.
    """

    empty_prediction: Rule
    empty_reference: Rule
    both_empty: Rule
    missing: Rule
    failed: Rule
    no_reference: Rule = "excluded"
    refused: Rule = "excluded"
    ok: Rule = "as_is"


_COMPARISON = EmptyPolicy(
    empty_prediction="as_is", empty_reference="as_is", both_empty="excluded", missing="worst", failed="worst"
)
_MEASUREMENT = EmptyPolicy(
    empty_prediction="as_is", empty_reference="as_is", both_empty="as_is", missing="excluded", failed="excluded"
)
POLICIES = {"higher": _COMPARISON, "lower": _COMPARISON, "none": _MEASUREMENT}
"""Metric direction to policy. If one mask is empty, overlaps are 0 and distances inf as they are computed: already the
worst, never dropped. If both are, there was nothing to find and the value is left out. No prediction at all counts with
the worst value, but one that a baseline refuses, because its method does not hold there, is left out.
``empties_table`` lists what that comes to for every metric."""


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

    Raises
    ------
    AnalysisError
        If a status is none of ``Status``.
    """
    policy = POLICIES[metric.direction]
    unknown = [status for status in scores["status"].unique() if status not in get_args(Status)]
    if unknown:
        raise AnalysisError(
            f"scores: status {unknown[0]!r} of {metric.name}, wanted one of: {', '.join(get_args(Status))}; "
            "evaluate the run again"
        )
    worst = metric.range[1] if metric.direction == "lower" else metric.range[0]
    rules = scores["status"].map(lambda status: getattr(policy, status)).to_numpy()
    values = scores["value"].to_numpy(dtype=np.float64)
    return np.select([rules == "worst", rules == "as_is"], [np.full(len(values), worst), values], default=np.nan)


def empties_table() -> pd.DataFrame:
    """Return what every metric gives for empty masks and missing predictions, and how that counts.

    Returns
    -------
    DataFrame
        ``EMPTIES_COLUMNS``, one row per metric and kind. ``reference`` and ``prediction`` say what the two masks are,
        ``empty`` which of them is; the other is one voxel of 1 ml. ``counted`` is NaN where the value is left out. A
        metric that measures one mask has only ``both``.
    """
    rows = [row for metric in find_metrics().values() for row in _rows_of(metric)]
    return pd.DataFrame(rows, columns=list(EMPTIES_COLUMNS))


def _rows_of(metric: Metric) -> list[tuple[str | float, ...]]:
    full, empty = np.ones((1, 1, 1), dtype=bool), np.zeros((1, 1, 1), dtype=bool)
    masks = {"prediction": (full, empty), "reference": (empty, full), "both": (empty, empty)}
    if metric.uses[0] == metric.uses[1]:
        masks = {"both": (empty, empty)}
    kinds: list[tuple[str, Status, float]] = []
    for kind, (reference, prediction) in masks.items():
        status = status_of_masks(reference_empty=not reference.any(), prediction_empty=not prediction.any())
        kinds.append((kind, status, metric.compute(MaskPair(reference, prediction, (10.0, 10.0, 10.0)))))
    kinds.append(("no prediction", "missing", float("nan")))
    frame = pd.DataFrame(kinds, columns=["empty", "status", "value"])
    counted = counted_values(frame, metric)
    return [
        (metric.name, *metric.uses, kind, status, value, getattr(POLICIES[metric.direction], status), float(number))
        for (kind, status, value), number in zip(kinds, counted, strict=True)
    ]

"""Aggregated values of a run, made once and shared by all tables and figures; do not change the frames."""

import weakref
from collections.abc import Callable
from typing import TypeAlias

import pandas as pd

from analysis.aggregate import case_values, patient_values, reader_values
from analysis.results import Results

Made: TypeAlias = dict[tuple[str, str], pd.DataFrame]
_MADE: dict[int, tuple[weakref.ref[Results], Made]] = {}


def shared_patient_values(results: Results, *, metric: str = "DSC") -> pd.DataFrame:
    """Return ``aggregate.patient_values`` of a run."""
    return _once(results, "patient", metric, lambda: patient_values(results.scores, results.study, metric=metric))


def shared_case_values(results: Results, *, metric: str = "DSC") -> pd.DataFrame:
    """Return ``aggregate.case_values`` of a run."""
    return _once(results, "case", metric, lambda: case_values(results.scores, results.study, metric=metric))


def shared_reader_values(results: Results, *, metric: str = "DSC") -> pd.DataFrame:
    """Return ``aggregate.reader_values`` of a run."""
    return _once(results, "reader", metric, lambda: reader_values(results.scores, results.study, metric=metric))


def _once(results: Results, kind: str, metric: str, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """Keep what was made for as long as the results live."""
    key = id(results)
    held = _MADE.get(key)
    if held is None or held[0]() is not results:
        held = (weakref.ref(results, lambda _: _MADE.pop(key, None)), {})
        _MADE[key] = held
    made = held[1]
    if (kind, metric) not in made:
        made[kind, metric] = make()
    return made[kind, metric]

"""Intraclass correlation of readers, by pingouin."""

import warnings
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.errors import AnalysisError
from analysis.statistics.interval import NAN, Interval
from analysis.statistics.samples import Floats, as_table, not_finite, too_few

Kind: TypeAlias = Literal["ICC(1,1)", "ICC(A,1)", "ICC(C,1)", "ICC(1,k)", "ICC(A,k)", "ICC(C,k)"]
KINDS = ("ICC(1,1)", "ICC(A,1)", "ICC(C,1)", "ICC(1,k)", "ICC(A,k)", "ICC(C,k)")


def intraclass_correlation(values: npt.ArrayLike, *, kind: Kind = "ICC(A,1)") -> Interval:
    """Return the intraclass correlation of several readers of the same patients, with its 95% F interval.

    The names are those of McGraw and Wong (Psychological Methods 1996; 1:30-46): one-way (1), two-way absolute
    agreement (A) or consistency (C), of a single reader (1) or the mean of all (k). pingouin computes; it rounds the
    interval to two decimals for display, which is switched off for the call.

    Parameters
    ----------
    values : float array (n_patients, k_readers)
        Complete: leave out patients that a reader did not annotate, and count them before.

    Returns
    -------
    Interval
        Not defined (NaN, with the reason) for fewer than 3 patients or 2 readers, infinite values, or readers who
        agree up to a constant (the error variance is zero).

    Raises
    ------
    AnalysisError
        If values are NaN or the kind is unknown.
    """
    if kind not in KINDS:
        raise AnalysisError(f"intraclass correlation {kind!r} is not known; choose from {', '.join(KINDS)}")
    table = as_table(values, "intraclass correlation", axes="(n_patients, k_readers)")
    n, readers = table.shape
    if reason := too_few(n) or _undefined(table, readers=readers):
        return Interval(n, NAN, NAN, NAN, reason)
    row = _pingouin(table).loc[kind]
    low, high = row["CI95"]
    return Interval(n, float(row["ICC"]), float(low), float(high))


def _undefined(table: Floats, *, readers: int) -> str:
    if readers < 2:
        return f"{readers} readers, at least 2 needed"
    if reason := not_finite(table):
        return reason
    if np.ptp(table) == 0:
        return "all values are equal"
    error = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
    agree = np.abs(error).max() <= 1e-12 * np.abs(table).max()
    return "readers differ by nothing but a constant: no error variance" if agree else ""


def _pingouin(table: Floats) -> Any:
    import pandas as pd
    import pingouin

    n, readers = table.shape
    long = pd.DataFrame(
        {"patient": np.repeat(np.arange(n), readers), "reader": np.tile(np.arange(readers), n), "value": table.ravel()}
    )
    before = pingouin.options["round.column.CI95"]
    pingouin.options["round.column.CI95"] = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # pingouin 0.7 calls pandas 3 in a deprecated way
            result = pingouin.intraclass_corr(long, targets="patient", raters="reader", ratings="value")
    finally:
        pingouin.options["round.column.CI95"] = before
    return result.set_index("Type")

"""What every statistic asks of its input: one-dimensional, no NaN, pairs of equal length."""

import numpy as np
import numpy.typing as npt

from analysis.errors import AnalysisError

Floats = npt.NDArray[np.float64]
SMALLEST_SAMPLE = 3
"""Tests and models of fewer patients are not defined."""


def as_sample(values: npt.ArrayLike, name: str) -> Floats:
    """Return the values as a float array (n,); infinite values stay.

    Raises
    ------
    AnalysisError
        If the values are not one-dimensional or some are NaN; ``name`` is the statistic the message names.
    """
    sample = np.asarray(values, dtype=np.float64)
    if sample.ndim != 1:
        raise AnalysisError(f"{name}: values of shape {sample.shape}, wanted one value per patient, shape (n,)")
    return _without_nan(sample, name)


def as_pairs(first: npt.ArrayLike, second: npt.ArrayLike, name: str) -> tuple[Floats, Floats]:
    """Return two float arrays (n,) of equal length, as `as_sample`."""
    x, y = as_sample(first, name), as_sample(second, name)
    if len(x) != len(y):
        raise AnalysisError(f"{name}: {len(x)} and {len(y)} values, wanted pairs; keep the patients that have both")
    return x, y


def as_table(values: npt.ArrayLike, name: str, *, axes: str) -> Floats:
    """Return a float array (rows, columns) without NaN; ``axes`` is the wanted shape in words."""
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2:
        raise AnalysisError(f"{name}: values of shape {table.shape}, wanted {axes}")
    return _without_nan(table, name)


def too_few(n: int, *, least: int = SMALLEST_SAMPLE) -> str:
    """Return why a statistic of ``n`` patients is not defined, or nothing if it is."""
    return f"{n} patients, at least {least} needed" if n < least else ""


def not_finite(*samples: Floats) -> str:
    """Return why a mean of these values is not defined, or nothing if all are finite."""
    values = np.concatenate([sample.ravel() for sample in samples])
    infinite = int((~np.isfinite(values)).sum())
    return f"{infinite} of {len(values)} values are infinite: they have no mean" if infinite else ""


def _without_nan(values: Floats, name: str) -> Floats:
    missing = int(np.isnan(values).sum())
    if missing:
        raise AnalysisError(
            f"{name}: {missing} of {values.size} values are NaN; count undefined values and leave them out before"
        )
    return values

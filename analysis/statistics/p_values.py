"""Corrections for several tests and the way P values are printed."""

import math
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.errors import AnalysisError

Method: TypeAlias = Literal["none", "bonferroni", "holm"]
Style: TypeAlias = Literal["leading_zero", "radiology"]


def bonferroni(p: float, family: int) -> float:
    """Return a P value corrected for a planned family of tests: ``min(1, p * family)``; NaN stays NaN.

    The family counts every planned test, also those that turned out not to be defined.
    """
    return float("nan") if math.isnan(p) else min(1.0, p * family)


def adjust(p_values: npt.ArrayLike, *, method: Method, family: int | None = None) -> npt.NDArray[np.float64]:
    """Return P values corrected for their family, in the given order, as R's ``p.adjust(p, method, n = family)``.

    Parameters
    ----------
    p_values : float array (n,)
        NaN, a planned test that is not defined, stays NaN.
    family : int, optional
        Number of planned tests; by default all given, also the undefined. (R's own default leaves those out.)

    Raises
    ------
    AnalysisError
        If a value is not between 0 and 1, the family is smaller than the number of tests, or the method is unknown.
    """
    p = np.asarray(p_values, dtype=np.float64)
    size = len(p) if family is None else family
    _check(p, method=method, size=size)
    if method == "none":
        return p.copy()
    if method == "bonferroni":
        return np.minimum(1.0, p * size)
    adjusted = np.full(len(p), np.nan)
    order = np.argsort(p)[: int(np.isfinite(p).sum())]  # NaN sorts last
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * (size - np.arange(len(order)))))
    return adjusted


def format_p(p: float, style: Style = "leading_zero") -> str:
    """Return a P value as the papers print it; ``not defined`` for NaN.

    ``leading_zero`` (Hoang-Thi et al. 2021, Lee et al. 2023): ``< 0.001``, ``0.006``, ``0.27``, ``> 0.99``.
    ``radiology`` (Chassagnon et al. 2020): ``<.001``, ``.017``, ``.752``, ``>.99``, always three decimals.
    """
    if math.isnan(p):
        return "not defined"
    if p < 0.001:
        return "< 0.001" if style == "leading_zero" else "<.001"
    if p > 0.99:
        return "> 0.99" if style == "leading_zero" else ">.99"
    if style == "radiology":
        return f"{p:.3f}"[1:]
    return f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def _check(p: npt.NDArray[np.float64], *, method: str, size: int) -> None:
    if method not in ("none", "bonferroni", "holm"):
        raise AnalysisError(f"correction {method!r} is not known; choose none, bonferroni or holm")
    if p.ndim != 1:
        raise AnalysisError(f"P values of shape {p.shape}, wanted (n,)")
    if ((p < 0) | (p > 1)).any():
        raise AnalysisError(f"P values between {np.nanmin(p):g} and {np.nanmax(p):g}, wanted 0 to 1")
    if size < len(p):
        raise AnalysisError(f"a family of {size} planned tests, but {len(p)} P values; count every planned test")

"""Bonferroni correction and the way P values are printed."""

import math


def bonferroni(p: float, family: int) -> float:
    """Return a P value corrected for a planned family of tests: ``min(1, p * family)``; NaN stays NaN.

    The family counts every planned test, also those that turned out not to be defined.
    """
    return float("nan") if math.isnan(p) else min(1.0, p * family)


def format_p(p: float) -> str:
    """Return a P value as the paper prints it: ``< 0.001``, ``0.006``, ``0.27``, ``> 0.99``."""
    if math.isnan(p):
        return "not defined"
    if p < 0.001:
        return "< 0.001"
    if p > 0.99:
        return "> 0.99"
    return f"{p:.3f}" if p < 0.1 else f"{p:.2f}"

"""How much of the Dice score goes with the distance in sharpness: slope and rank correlation, patients as the unit."""

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import pandas as pd

from analysis.statistics.clustered_spearman import clustered_spearman
from analysis.statistics.interval import Interval
from analysis.statistics.mixed_model import fit_mixed_model
from analysis.statistics.samples import too_few
from analysis.table_parts.sharpness_distances import usable

NAN = float("nan")
Terms: TypeAlias = dict[str, dict[str, float]]
TERM = "absolute"
SMALLEST_SPREAD = 0.05
"""Standard deviation of distances (lp/cm) that tells anything: patients of one kernel differ by twice that."""
MIXED, SQUARES = "mixed model", "least squares"
FIT_NOTE = (
    "Slope: change of the Dice score per lp/cm of absolute distance; linear mixed model, patient random, errors "
    "clustered by patient (CR2); where every patient has one image, least squares with HC3 errors. The distance is "
    "measured with error, which draws the slope towards zero; where test images differ by no more than that error, or "
    f"by no more than {SMALLEST_SPREAD} lp/cm, none is given."
)


@dataclass(frozen=True)
class SharpnessFit:
    """Slope (per lp/cm) with interval and P, and Spearman's rho; NaN with a ``reason`` where not defined."""

    images: int
    patients: int
    left_out: int
    slope: float = NAN
    low: float = NAN
    high: float = NAN
    p: float = NAN
    intercept: float = NAN
    model: str = ""
    rho: float = NAN
    rho_low: float = NAN
    rho_high: float = NAN
    reason: str = ""


def fit_sharpness(rows: pd.DataFrame) -> SharpnessFit:
    """Return the fit of the Dice score on the absolute distance; several arms (``recipe``) get a level each.

    Parameters
    ----------
    rows : DataFrame
        ``sharpness_distances`` of one trainer, structure, choice of slices and kind of image.
    """
    complete = usable(rows)
    complete = complete.assign(patient=complete["dataset"] + "/" + complete["patient"])
    sizes = (len(complete), complete["patient"].nunique(), len(rows) - len(complete))
    if reason := too_few(sizes[1]) or _no_spread(complete):
        return SharpnessFit(*sizes, reason=reason)
    formula = f"value ~ {TERM}" + (" + C(recipe)" if complete["recipe"].nunique() > 1 else "")
    several = complete.groupby("patient").size().max() > 1
    terms, reason = _mixed(complete, formula) if several else _squares(complete, formula)
    rho = _rho(complete)
    fit = SharpnessFit(*sizes, rho=rho.estimate, rho_low=rho.low, rho_high=rho.high, reason=reason)
    if TERM not in terms:
        return fit
    slope, start = terms[TERM], terms["Intercept"]["estimate"]
    return replace(
        fit, slope=slope["estimate"], low=slope["low"], high=slope["high"], p=slope["p"], intercept=start,
        model=MIXED if several else SQUARES,
    )  # fmt: skip


def _no_spread(complete: pd.DataFrame) -> str:
    spread = float(complete.groupby("recipe")["absolute"].std(ddof=1).max())
    error = float(np.sqrt((complete["standard_error"] ** 2).mean()))
    if spread > max(error, SMALLEST_SPREAD):
        return ""
    return (
        f"distances spread by {spread:.3f} lp/cm; wanted more than {SMALLEST_SPREAD} and than their error, {error:.3f}"
    )


def _rho(complete: pd.DataFrame) -> Interval:
    """Return Spearman's rho, of one arm only: several arms have levels of their own."""
    if complete["recipe"].nunique() > 1:
        return Interval(complete["patient"].nunique(), NAN, NAN, NAN)
    return clustered_spearman(complete["absolute"], complete["value"], complete["patient"])


def _mixed(complete: pd.DataFrame, formula: str) -> tuple[Terms, str]:
    model = fit_mixed_model(complete, formula)
    return _terms(model.coefficients.set_index("term")), model.reason


def _squares(complete: pd.DataFrame, formula: str) -> tuple[Terms, str]:
    from statsmodels.formula.api import ols

    if np.ptp(complete["value"]) == 0:
        return {}, "all values are equal"
    if len(complete) < complete["recipe"].nunique() + 3:
        return {}, f"{len(complete)} images are too few"
    fit = ols(formula, complete).fit(cov_type="HC3", use_t=True)
    limits = fit.conf_int()
    return _terms(pd.DataFrame({"estimate": fit.params, "low": limits[0], "high": limits[1], "p": fit.pvalues})), ""


def _terms(table: pd.DataFrame) -> Terms:
    names = ("estimate", "low", "high", "p")
    return {str(term): {name: float(row[name]) for name in names} for term, row in table.to_dict("index").items()}

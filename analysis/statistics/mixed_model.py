"""Linear mixed model of repeated values: patient random; arm, kernel, dataset and their interactions fixed."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.errors import AnalysisError
from analysis.statistics.clustered_errors import clustered_errors
from analysis.statistics.reml import RandomIntercept, fit_random_intercept
from analysis.statistics.samples import Floats, too_few

NAN = float("nan")
COLUMNS = ("term", "estimate", "standard_error", "df", "low", "high", "p")
MIXED_MODEL_NOTE = (
    "Linear mixed model by REML, patient random. Standard errors, intervals and P are clustered by patient (CR2, with "
    "Satterthwaite's degrees of freedom): an arm, variant or dataset may do better in some patients than in others, "
    "and the variants of one patient are no fresh evidence of that. Fewer than about 4 degrees of freedom are too few "
    "to rely on."
)
Errors = Literal["model", "clustered"]


@dataclass(frozen=True, eq=False)
class MixedModel:
    """A fitted model; where it is not defined ``coefficients`` is empty, numbers are NaN and ``reason`` says why.

    Attributes
    ----------
    coefficients : DataFrame
        One row per fixed term, ``COLUMNS``; terms are named as in the formula, ``kernel[T.B]`` being level B against
        the first level. ``df`` are the degrees of freedom of interval and P value.
    patient_sd, residual_sd : float
        Standard deviations between patients and within, in the unit of the response.
    converged : bool
        Also with ``converged`` there may be a ``reason``: a patient variance of zero.
    """

    n_rows: int
    n_patients: int
    coefficients: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(COLUMNS)))
    patient_sd: float = NAN
    residual_sd: float = NAN
    converged: bool = False
    reason: str = ""


def fit_mixed_model(
    frame: pd.DataFrame,
    formula: str,
    *,
    patient: str = "patient",
    errors: Errors = "clustered",
    confidence: float = 0.95,
) -> MixedModel:
    """Return the REML fit of a linear mixed model with a random intercept per patient.

    Estimates and variance components equal R's ``lme4::lmer(... + (1 | patient))``. statsmodels reads the formula;
    `fit_random_intercept` says why it does not fit. Intervals are t intervals, since normal ones are too narrow in
    small studies (by 3% for 40 patients, 13% for 10).

    There are no random slopes. What an arm or kernel does differently in each patient is therefore counted as part of
    the residual by the model's own standard errors: with four variants and such effects as large as the residual,
    they call an arm without effect significant at 0.05 in a quarter of all studies. Those of `clustered_errors`
    take the patient as the unit (benchmarks/performance/coverage.md).

    Parameters
    ----------
    frame : DataFrame
        One row per value; the columns of the formula and ``patient``, complete.
    formula : str
        For example ``value ~ arm * kernel`` or ``value ~ arm + C(kernel, Treatment("LK")) + dataset``.
    errors : 'clustered' or 'model'
        ``model``: standard errors as lme4's; a term that varies within patients has
        n_rows - n_patients - (such terms) degrees of freedom, any other n_patients - (other terms, with the
        intercept). This is the containment rule of R's nlme (Pinheiro and Bates 2000, section 2.4.2), but for the
        intercept, which nlme counts as within.

    Returns
    -------
    MixedModel
        Not defined, with the reason: fewer than 3 patients, no patient with two rows, too few rows, infinite or equal
        values, terms that the data do not determine (a combination without rows), nothing left for the residual. With
        estimates and a reason: patient variance of zero, no convergence, or terms that rest on a single patient, of
        which clustered errors are NaN.

    Raises
    ------
    AnalysisError
        If a column is missing or holds NaN, or the formula cannot be read.
    """
    model = _design(frame, formula, patient=patient)
    values, design = np.asarray(model.endog, dtype=np.float64), np.asarray(model.exog, dtype=np.float64)
    codes = pd.factorize(frame[patient])[0]
    nothing = MixedModel(len(frame), int(codes.max(initial=-1)) + 1)
    within = _varies_within(design, codes)
    reason = _undefined(values, design, codes, names=model.exog_names) or _too_few_left(nothing, within)
    if reason:
        return replace(nothing, reason=reason)
    fit = fit_random_intercept(values, design, codes)
    spread, degrees = fit.standard_errors, _contained(nothing, within)
    if errors == "clustered":
        clustered = clustered_errors(values, design, codes, fit=fit)
        spread, degrees = clustered.standard_errors, clustered.degrees
    table = _coefficients(fit.estimates, spread, degrees, names=model.exog_names, confidence=confidence)
    return replace(
        nothing,
        coefficients=table,
        patient_sd=fit.patient_sd,
        residual_sd=fit.residual_sd,
        converged=fit.inside,
        reason=_doubt(fit, table),
    )


def _design(frame: pd.DataFrame, formula: str, *, patient: str) -> Any:
    from statsmodels.regression.mixed_linear_model import MixedLM

    if patient not in frame.columns:
        raise AnalysisError(f"mixed model: no column {patient!r}; found {', '.join(map(str, frame.columns))}")
    if len(frame) == 0:
        raise AnalysisError("mixed model: no rows; leave out models without values")
    if frame[patient].isna().any():
        raise AnalysisError(f"mixed model: {int(frame[patient].isna().sum())} rows without a {patient}")
    try:
        return MixedLM.from_formula(formula, frame, groups=frame[patient].astype(str), missing="raise")
    except Exception as error:
        raise AnalysisError(
            f"mixed model {formula!r}: {error}; every column must exist and be complete: leave out rows with NaN "
            "and count them before"
        ) from error


def _varies_within(design: Floats, codes: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return for each column whether it takes several values in some patient."""
    return np.asarray(np.abs(_centred(design, codes)).max(axis=0) > 1e-10 * np.abs(design).max(axis=0))


def _centred(columns: Floats, codes: npt.NDArray[Any]) -> Floats:
    """Return columns (rows, k) minus each patient's mean."""
    sizes = np.bincount(codes)
    means = np.stack([np.bincount(codes, column) / sizes for column in columns.T], axis=1)
    return np.asarray(columns - means[codes])


def _undefined(values: Floats, design: Floats, codes: npt.NDArray[Any], *, names: list[str]) -> str:
    sizes = np.bincount(codes)
    if reason := too_few(len(sizes)):
        return reason
    if not np.isfinite(values).all() or not np.isfinite(design).all():
        return f"{int((~np.isfinite(values)).sum())} of {len(values)} values are infinite"
    if np.ptp(values) == 0:
        return "all values are equal"
    if sizes.max() < 2:
        return "no patient has two rows: patient and residual variance cannot be told apart"
    aliased = [
        name
        for index, name in enumerate(names)
        if np.linalg.matrix_rank(design[:, : index + 1]) == np.linalg.matrix_rank(design[:, :index])
    ]
    if aliased:
        return f"the data do not determine {', '.join(aliased)}: a combination has no rows or a term repeats others"
    response, terms = _centred(values[:, None], codes)[:, 0], _centred(design, codes)
    left = response - terms @ np.linalg.lstsq(terms, response, rcond=None)[0]
    exact = float(np.abs(left).max()) <= 1e-10 * float(np.abs(values).max())
    return "nothing is left for the residual: the terms fit each patient exactly" if exact else ""


def _too_few_left(model: MixedModel, within: npt.NDArray[np.bool_]) -> str:
    inner = model.n_rows - model.n_patients - int(within.sum())
    outer = model.n_patients - int((~within).sum())
    if min(inner, outer) >= 1:
        return ""
    return f"{model.n_rows} rows of {model.n_patients} patients are too few for {len(within)} terms"


def _contained(model: MixedModel, within: npt.NDArray[np.bool_]) -> Floats:
    inner, outer = model.n_rows - model.n_patients - within.sum(), model.n_patients - (~within).sum()
    return np.where(within, inner, outer).astype(np.float64)


def _coefficients(
    estimates: Floats, errors: Floats, degrees: Floats, *, names: list[str], confidence: float
) -> pd.DataFrame:
    from scipy import stats

    half = stats.t.ppf((1 + confidence) / 2, degrees) * errors
    return pd.DataFrame({
        "term": names, "estimate": estimates, "standard_error": errors, "df": degrees,
        "low": estimates - half, "high": estimates + half, "p": 2 * stats.t.sf(np.abs(estimates / errors), degrees),
    })  # fmt: skip


def _doubt(fit: RandomIntercept, table: pd.DataFrame) -> str:
    if not fit.inside:
        return "the patient variance is too large beside the residual variance to be estimated"
    alone = table.loc[table["standard_error"].isna(), "term"]
    if len(alone):
        return f"no interval of {', '.join(alone)}: a combination has a single patient"
    return "patient variance is estimated as zero (singular fit)" if fit.patient_sd == 0 else ""

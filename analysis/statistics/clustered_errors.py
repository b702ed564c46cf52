"""Standard errors of fixed terms with the patient as the unit, whatever repeats within one."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.statistics.reml import RandomIntercept
from analysis.statistics.samples import Floats

FULL_LEVERAGE = 1e-8
"""A patient fits a direction of its own exactly where one minus its leverage is below this."""


@dataclass(frozen=True, eq=False)
class ClusteredErrors:
    """Standard errors and degrees of freedom (p,); NaN for a term that rests on a single patient somewhere."""

    standard_errors: Floats
    degrees: Floats


def clustered_errors(
    values: Floats, design: Floats, codes: npt.NDArray[np.int64], *, fit: RandomIntercept
) -> ClusteredErrors:
    """Return bias-reduced (CR2) standard errors clustered by patient, with Satterthwaite's degrees of freedom.

    They hold for any dependence within a patient, such as an arm or kernel that does better in some patients than in
    others, which a random intercept alone counts anew for every variant. If only intercepts vary between patients
    they are unbiased. In a balanced design the interval of an arm is that of the paired t test of patient means, the
    standard error of a term between patients Welch's. Equal to R's ``clubSandwich::coef_test(fit, vcov="CR2")`` of an
    lme4 fit (Bell and McCaffrey, Surv Methodol 2002; 28(2): 169-181; Pustejovsky and Tipton, J Bus Econ Stat 2018;
    36(4): 672-683). Own code: statsmodels has neither for mixed models.

    Parameters
    ----------
    values : float array (rows,)
    design : float array (rows, p)
    codes : int array (rows,)
        Patient of each row, 0 to n - 1.
    fit : RandomIntercept
        Of the same values, design and patients.
    """
    ratio = (fit.patient_sd / fit.residual_sd) ** 2
    patients = [np.flatnonzero(codes == code) for code in range(int(codes.max()) + 1)]
    information = sum(design[rows].T @ _weighted(design[rows], ratio) for rows in patients)
    spread: Floats = np.asarray(np.linalg.inv(information), dtype=np.float64)
    left = values - design @ fit.estimates
    weights = [_weights(design[rows], spread, ratio) for rows in patients]
    scores = np.stack([weight.T @ left[rows] for weight, rows in zip(weights, patients, strict=True)])
    own = np.stack([(weight**2).sum(axis=0) + ratio * weight.sum(axis=0) ** 2 for weight in weights])
    shared = np.stack([design[rows].T @ weight for weight, rows in zip(weights, patients, strict=True)])
    moments = [_moments(own[:, term], shared[:, :, term], spread) for term in range(design.shape[1])]
    mean, squares = (np.array(column) for column in zip(*moments, strict=True))
    defined = mean > (1 - 1e-6) * np.diag(spread)  # otherwise biased: one patient alone fits a part of the term
    errors = np.where(defined, np.sqrt((scores**2).sum(axis=0)), np.nan)
    degrees = np.divide(mean**2, squares, out=np.full(len(mean), np.nan), where=defined)
    return ClusteredErrors(errors, degrees)


def _weighted(rows: Floats, ratio: float) -> Floats:
    """Return a patient's rows times the inverse of their covariance, 1 on the diagonal plus ``ratio`` everywhere."""
    return np.asarray(rows - ratio / (1 + len(rows) * ratio) * rows.sum(axis=0))


def _weights(rows: Floats, spread: Floats, ratio: float) -> Floats:
    """Return how a patient's residuals enter the estimates, (rows, p), each patient's variance unbiased."""
    return np.asarray(_adjustment(rows, spread, ratio) @ _weighted(rows @ spread, ratio))


def _adjustment(rows: Floats, spread: Floats, ratio: float) -> Any:
    """Return the symmetric A with A S A = V: V the covariance of a patient's values, S of what the fit leaves."""
    size = len(rows)
    root = _one_plus(size, (np.sqrt(1 + size * ratio) - 1) / size)
    whitened = rows - (1 - 1 / np.sqrt(1 + size * ratio)) * rows.mean(axis=0)
    exact = int((1 - np.linalg.eigvalsh(whitened @ spread @ whitened.T) < FULL_LEVERAGE).sum())
    left = _one_plus(size, ratio) - rows @ spread @ rows.T
    roots, axes = np.linalg.eigh(root @ left @ root)
    kept = axes[:, exact:] / roots[exact:] ** 0.25
    return root @ kept @ kept.T @ root


def _one_plus(size: int, everywhere: Any) -> Floats:
    return np.asarray(np.eye(size) + everywhere)


def _moments(own: Floats, shared: Floats, spread: Floats) -> tuple[float, float]:
    """Return mean and half the variance of one term's squared error if only intercepts vary between patients."""
    covariances = np.diag(own) - shared @ spread @ shared.T
    return float(np.trace(covariances)), float((covariances**2).sum())

"""Spearman's rank correlation of repeated values, with an interval that resamples whole patients."""

import numpy as np
import numpy.typing as npt

from analysis.statistics.clusters import group_by_patient
from analysis.statistics.interval import NAN, Interval
from analysis.statistics.rounding import without_noise
from analysis.statistics.samples import Floats, as_pairs, too_few

RESAMPLES = 1999
CLUSTERED_SPEARMAN_NOTE = (
    f"Spearman's rho over images; 95% interval by the percentile bootstrap of whole patients, {RESAMPLES} resamples, "
    "seed 0."
)


def clustered_spearman(
    x: npt.ArrayLike, y: npt.ArrayLike, patients: npt.ArrayLike, *, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """Return Spearman's rho over all rows and its percentile interval; ``n`` is the number of patients.

    Whole patients are drawn with all their rows, which are ranked anew in every resample; a resample in which one
    variable does not vary is left out.

    Parameters
    ----------
    x, y : float array (rows,)
        Infinite values are ranked highest and tie with each other.
    patients : array (rows,)
        The patient of each row, any labels.

    Raises
    ------
    AnalysisError
        If values are NaN or the lengths differ.
    """
    first, second = as_pairs(x, y, "clustered Spearman")
    clusters = group_by_patient(first, patients, "clustered Spearman")
    if reason := too_few(clusters.n):
        return Interval(clusters.n, NAN, NAN, NAN, reason)
    pair = [without_noise(sample) for sample in (first, second)]
    estimate = float(_weighted_rho(pair, np.ones((1, len(first))))[0])
    if np.isnan(estimate):
        return Interval(clusters.n, NAN, NAN, NAN, "all values of one variable are equal")
    draws = np.random.default_rng(seed).multinomial(clusters.n, np.full(clusters.n, 1 / clusters.n), resamples)
    replicates = _weighted_rho(pair, draws[:, clusters.codes].astype(np.float64))
    low, high = np.nanquantile(replicates, [0.025, 0.975])
    return Interval(clusters.n, estimate, float(low), float(high))


def _weighted_rho(pair: list[Floats], weights: Floats) -> Floats:
    """Return the correlation of the ranks of rows that each count ``weights`` (resamples, rows) times."""
    ranks = [_weighted_ranks(sample, weights) for sample in pair]
    total = weights.sum(axis=1, keepdims=True)
    centred = [rank - (weights * rank).sum(axis=1, keepdims=True) / total for rank in ranks]
    covariance = (weights * centred[0] * centred[1]).sum(axis=1)
    spread = np.sqrt(np.prod([(weights * rank**2).sum(axis=1) for rank in centred], axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(spread > 1e-9, covariance / spread, np.nan)


def _weighted_ranks(sample: Floats, weights: Floats) -> Floats:
    """Return the mid-ranks (resamples, rows) of a sample in which row ``i`` stands ``weights[:, i]`` times."""
    _, codes = np.unique(sample, return_inverse=True)
    sizes = np.zeros((len(weights), codes.max() + 1))
    np.add.at(sizes.T, codes, weights.T)
    below = np.cumsum(sizes, axis=1) - sizes
    return np.asarray((below + (sizes + 1) / 2)[:, codes])

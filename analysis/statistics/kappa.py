"""Cohen's kappa of two ratings per row, with an interval that resamples whole patients."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from analysis.errors import AnalysisError
from analysis.statistics.clusters import group_by_patient
from analysis.statistics.interval import NAN, Interval
from analysis.statistics.samples import Floats, too_few

RESAMPLES = 1999
KAPPA_NOTE = (
    f"Cohen's kappa by statsmodels, unweighted; 95% interval by the percentile bootstrap of whole patients, "
    f"{RESAMPLES} resamples, seed 0."
)


def clustered_kappa(
    first: Sequence[str], second: Sequence[str], patients: npt.ArrayLike, *, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """Return the kappa of two ratings over all rows and its percentile interval; ``n`` is the number of patients.

    Whole patients are drawn with all their rows; a resample in which kappa is not defined is left out.

    Returns
    -------
    Interval
        No estimate (NaN, with the reason) for fewer than 3 patients, or where both raters give one and the same
        category throughout. No limits where one of them gives one category throughout, which makes kappa 0 whatever
        the other says, and where they agree throughout, as they then do in every resample.

    Raises
    ------
    AnalysisError
        If the lengths differ.
    """
    if len(first) != len(second):
        raise AnalysisError(f"kappa: {len(first)} and {len(second)} ratings, wanted pairs; keep rows that have both")
    clusters = group_by_patient(np.zeros(len(first)), patients, "kappa") if len(first) else None
    if clusters is None or too_few(clusters.n):
        n = clusters.n if clusters else 0
        return Interval(n, NAN, NAN, NAN, too_few(n))
    tables = np.zeros((clusters.n, *(2 * (len({*first, *second}),))))
    place = {category: number for number, category in enumerate(sorted({*first, *second}))}
    for patient, one, other in zip(clusters.codes, first, second, strict=True):
        tables[patient, place[one], place[other]] += 1
    estimate = _kappa(tables.sum(axis=0))
    if np.isnan(estimate):
        return Interval(clusters.n, NAN, NAN, NAN, "both give one category throughout")
    if min(len(set(first)), len(set(second))) == 1:
        return Interval(clusters.n, estimate, NAN, NAN, "one gives one category throughout, so kappa is 0")
    if estimate == 1:
        return Interval(clusters.n, estimate, NAN, NAN, "perfect agreement: no interval")
    draws = np.random.default_rng(seed).multinomial(clusters.n, np.full(clusters.n, 1 / clusters.n), resamples)
    distinct, counts = np.unique(np.tensordot(draws, tables, axes=1), axis=0, return_counts=True)
    replicates = np.repeat([_kappa(table) for table in distinct], counts)
    low, high = np.nanquantile(replicates, [0.025, 0.975])
    return Interval(clusters.n, estimate, float(low), float(high))


def _kappa(table: Floats) -> float:
    """Return the kappa of a table of counts; NaN where all of it is expected by chance."""
    from statsmodels.stats.inter_rater import cohens_kappa

    with np.errstate(invalid="ignore", divide="ignore"):
        return float(cohens_kappa(table, return_results=False))

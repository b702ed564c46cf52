"""Fisher's exact test of r x c tables, as R's ``fisher.test``."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.errors import AnalysisError
from analysis.statistics.contingency_paths import TooManyPathsError, extreme_probability
from analysis.statistics.samples import Floats, as_table
from analysis.statistics.test_result import TestResult, not_defined

NAME = "Fisher exact"
DRAWS = 1_000_000
SEED = 20250101
LOG_TOLERANCE = 1e-7
"""Tables whose probability is this near to the observed one, relatively, are equally extreme, as in R."""


def fisher_exact(table: npt.ArrayLike) -> TestResult:
    """Test whether rows and columns of a table of counts are independent, given its margins.

    P is the probability of all tables with the same margins that are at most as probable as the observed one, R's
    definition; ``statistic`` is the probability of the observed table. It is exact wherever that takes about two
    seconds at most. Otherwise P is estimated from 1,000,000 random tables with a fixed seed as R's
    ``simulate.p.value`` does, (1 + extreme) / (1 + draws), with its standard error in the record and in ``name``.
    Own code: SciPy's test of tables other than 2 x 2 is always a Monte Carlo of 9,999 unseeded draws.

    Parameters
    ----------
    table : int array (r, c)
        Counts of different patients, for example autoantibodies by dataset.

    Returns
    -------
    TestResult
        Not defined (NaN, with the reason) where a row or column is empty or there is only one.

    Raises
    ------
    AnalysisError
        If the values are not counts.
    """
    counts = _as_counts(table)
    if reason := _undefined(counts):
        return not_defined(NAME, reason)
    margins = _Margins.of(counts)
    observed = float(margins.log_probability(counts[None])[0])
    try:
        rows, columns = sorted((margins.rows, margins.columns), key=len)
        p = extreme_probability(rows, columns, log_limit=observed + LOG_TOLERANCE)
    except TooManyPathsError:
        return _simulated(margins, observed=observed)
    return TestResult(NAME, float(np.exp(observed)), min(1.0, p))


@dataclass(frozen=True)
class _Margins:
    rows: list[int]
    columns: list[int]
    log_factorials: Floats

    @classmethod
    def of(cls, counts: npt.NDArray[np.int64]) -> "_Margins":
        from scipy.special import gammaln

        return cls(counts.sum(1).tolist(), counts.sum(0).tolist(), gammaln(np.arange(counts.sum() + 1) + 1.0))

    def log_probability(self, tables: npt.NDArray[np.int64]) -> Floats:
        """Return the log probability of tables (m, r, c) with these margins."""
        log = self.log_factorials
        fixed = log[self.rows].sum() + log[self.columns].sum() - log[-1]
        return np.asarray(fixed - log[tables].sum(axis=(1, 2)))


def _simulated(margins: _Margins, *, observed: float) -> TestResult:
    from scipy import stats

    rng = np.random.default_rng(SEED)
    tables = stats.random_table(margins.rows, margins.columns)
    extreme, batch = 0, 50_000
    for _ in range(DRAWS // batch):
        drawn = np.asarray(tables.rvs(batch, random_state=rng)).astype(np.int64)
        extreme += int((margins.log_probability(drawn) <= observed + LOG_TOLERANCE).sum())
    p = (1 + extreme) / (1 + DRAWS)
    error = float(np.sqrt(p * (1 - p) / DRAWS))
    name = f"{NAME}, Monte Carlo of {DRAWS:,} draws (standard error {error:.1g})"
    return TestResult(name, float(np.exp(observed)), p, standard_error=error)


def _as_counts(table: npt.ArrayLike) -> npt.NDArray[np.int64]:
    values = as_table(table, NAME, axes="(r, c)")
    if not np.isfinite(values).all() or (values < 0).any() or (values != np.round(values)).any():
        raise AnalysisError(f"{NAME}: found {values.tolist()}, wanted counts: whole numbers of 0 and above")
    return values.astype(np.int64)


def _undefined(counts: npt.NDArray[np.int64]) -> str:
    if min(counts.shape) < 2:
        return f"a table of {counts.shape[0]} x {counts.shape[1]}, at least 2 x 2 needed"
    for axis, word in ((1, "row"), (0, "column")):
        empty = np.flatnonzero(counts.sum(axis=axis) == 0)
        if len(empty):
            return f"{word} {empty[0] + 1} of the table is empty"
    return ""

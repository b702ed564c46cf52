"""Mean of a paired difference over patients with its confidence interval."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

INTERVAL_NOTE = "95% confidence intervals of the mean difference: t distribution over patients."


@dataclass(frozen=True)
class MeanInterval:
    """Mean and confidence limits; limits are NaN with fewer than two values."""

    n: int
    mean: float
    low: float
    high: float


def mean_interval(values: npt.ArrayLike, *, confidence: float = 0.95) -> MeanInterval:
    """Return the mean of one value per patient with its t interval, as R's ``t.test``."""
    sample = np.asarray(values, dtype=np.float64)
    n = len(sample)
    if n < 2:
        return MeanInterval(n, float(sample.mean()) if n else float("nan"), float("nan"), float("nan"))
    from scipy import stats

    half = stats.t.ppf((1 + confidence) / 2, n - 1) * sample.std(ddof=1) / np.sqrt(n)
    mean = float(sample.mean())
    return MeanInterval(n, mean, float(mean - half), float(mean + half))

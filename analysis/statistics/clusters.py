"""Rows grouped by patient, with the weighted medians that resampling whole patients needs."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.errors import AnalysisError
from analysis.statistics.samples import Floats


@dataclass(frozen=True)
class Clusters:
    """Values by patient: ``sums``, ``sizes`` and ``means`` (n,), and all rows ``values`` of patients ``codes``."""

    values: Floats
    codes: npt.NDArray[np.int64]
    sums: Floats
    sizes: Floats

    @property
    def n(self) -> int:
        """Number of patients."""
        return len(self.sums)

    @property
    def means(self) -> Floats:
        """Mean of each patient's rows."""
        return np.asarray(self.sums / self.sizes)

    def weighted_median(self, weights: Floats, *, over: str) -> Floats:
        """Return the median of each resample, of patients' means or of all rows; ``weights`` (resamples, n)."""
        values, codes = (self.means, np.arange(self.n)) if over == "patients" else (self.values, self.codes)
        order = np.argsort(values)
        ordered, counts = values[order], np.cumsum(weights[:, codes[order]], axis=1)
        half = counts[:, -1:] / 2
        lower = ordered[np.argmax(counts >= half, axis=1)]
        upper = ordered[np.argmax(counts > half, axis=1)]
        return np.asarray((lower + upper) / 2)


def group_by_patient(values: Floats, patients: npt.ArrayLike, name: str) -> Clusters:
    """Return the rows by patient.

    Raises
    ------
    AnalysisError
        If there is not one patient per value, or a patient is missing.
    """
    import pandas as pd

    labels = np.asarray(patients)
    if labels.shape != values.shape:
        raise AnalysisError(f"{name}: {len(values)} values, but patients of shape {labels.shape}; name one of each row")
    codes, _ = pd.factorize(labels)
    if (codes < 0).any():
        raise AnalysisError(f"{name}: {int((codes < 0).sum())} rows without a patient; name the patient of each row")
    sums, sizes = np.bincount(codes, values), np.bincount(codes)
    return Clusters(values, codes, np.asarray(sums), np.asarray(sizes, dtype=np.float64))

"""The disease extent of the readers' annotation of each patient."""

import numpy as np
import pandas as pd

from analysis.results import Results

REFERENCE_EXTENT = "reference_extent"


def reference_extents(results: Results, patients: pd.DataFrame) -> pd.Series:
    """Return the extent (%) that readers outlined in each patient's examination, indexed as the patients.

    The mean over readers, each on the slices annotated (all of them where the reader did all); a consensus and a
    model's own prediction are no readers. NaN without the metric ``reference_extent``, a reader, or a lung.

    Parameters
    ----------
    patients : DataFrame
        Rows of ``Results.cases``.
    """
    scores, scoring = results.scores, results.study.scoring
    rows = scores[scores["metric"].eq(REFERENCE_EXTENT) & scores["slices"].isin(["annotated", "all"])]
    rows = rows[rows["value"].notna() & ~rows["reader"].isin(["", *scoring.made_readers()])]
    rows = rows.drop_duplicates(["dataset", "case", "reader", "slices"])  # the same beside every prediction
    values = rows.groupby(["dataset", "case"])["value"].mean()
    keys = pd.MultiIndex.from_frame(patients[["dataset", "case"]].astype(str))
    return pd.Series(values.reindex(keys).to_numpy(dtype=np.float64), index=patients.index)

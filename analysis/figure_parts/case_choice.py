"""The patient and the slice a figure shows: the median patient, the slice with the most disease."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.reference_masks import ReaderReference
from benchmarks.study import Study


def median_patient(scores: pd.DataFrame, values: pd.DataFrame, study: Study, *, test_sets: Sequence[str]) -> str | None:
    """Return the patient whose mean value over all arms and these test sets is the (lower) median.

    Patients with a prediction for every arm come first; equal means are ordered by name. None without patients.

    Parameters
    ----------
    scores : DataFrame
        Score rows of one dataset.
    values : DataFrame
        Patient values of the same dataset, one trainer and structure (``aggregate.patient_values``).
    """
    baselines = [entry.name for entry in study.baselines]
    rows = values[values["test_set"].isin(test_sets) & ~values["recipe"].isin(baselines)].dropna(subset="value")
    whole = rows.groupby("patient").size()
    missed = set(scores.loc[scores["status"].isin(("missing", "failed")), "patient"])
    best = [name for name in whole.index[whole.eq(whole.max())] if name not in missed]
    means = rows.groupby("patient")["value"].mean().round(12)
    means = means.loc[best] if best else means
    if means.empty:
        return None
    ordered = sorted(means.items(), key=lambda item: (item[1], item[0]))
    return str(ordered[(len(ordered) - 1) // 2][0])


def slice_with_most_disease(references: Sequence[ReaderReference], structure: str) -> int | None:
    """Return the z index with the largest area, averaged over readers; the lowest of equals.

    Only slices every reader annotated are considered, if there are any.
    """
    areas: dict[int, list[int]] = {}
    for reference in references:
        if reference.grid is None or reference.masks is None:
            continue
        depth = reference.grid.labels.shape[0]
        index = np.arange(depth) if reference.index is None else reference.index
        for z, area in zip(index.tolist(), reference.masks[structure].sum(axis=(1, 2)).tolist(), strict=True):
            areas.setdefault(z, []).append(area)
    if not areas:
        return None
    most = max(len(found) for found in areas.values())
    means = {z: sum(found) / len(found) for z, found in areas.items() if len(found) == most}
    return min(means, key=lambda z: (-means[z], z))

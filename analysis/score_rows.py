"""Which score rows count for a test set: its arms, readers, slices and dimension, with averages of structures.

Rows that compare readers, and those of references that nobody drew (a consensus, a model's own prediction), count only
where they are asked for.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.empties import counted_values
from analysis.errors import AnalysisError
from analysis.metric import find_metric
from analysis.score_checks import refuse_repeated_scores
from analysis.variant_kinds import refuse_mixed_kinds
from benchmarks.study import Study, TestSet

READER_TRAINERS = ("reader", "repeat")
"""What stands in the column ``trainer`` of rows that compare two readers or two readings of one."""
WORST_FIRST = (
    "missing", "failed", "empty_prediction", "empty_reference", "both_empty", "no_reference", "refused", "ok",
)  # fmt: skip
"""Which status a mean gets: the first of these that one of its values has."""
_SLICES_OF = ["dataset", "case", "reader"]


def counted_rows(scores: pd.DataFrame, study: Study, *, metric: str) -> pd.DataFrame:
    """Return the rows of one metric with the value that counts (``counted``, NaN: excluded), averages included.

    A structure of ``[scoring] averages`` has, for each case, reader and model, the mean of its members' values. If one
    side is undefined (empty in both masks, as the lung that was removed), it is the other side's value; a missed side
    counts with the worst value like any other.

    Raises
    ------
    AnalysisError
        If an arm is not in the study, two rows have the same key, or a test set has images of two kinds.
    """
    rows = scores[scores["metric"].eq(metric)]
    refuse_repeated_scores(rows)
    refuse_mixed_kinds(rows, study)
    compared = rows["trainer"].isin(READER_TRAINERS)
    known = {entry.name for entry in study.arms} | {entry.name for entry in study.baselines}
    unknown = sorted(set(rows.loc[~compared, "arm"].unique()) - known)
    if unknown:
        raise AnalysisError(f"scores: arm {unknown[0]!r} is not in the study; its arms are {', '.join(sorted(known))}")
    rows = rows.assign(counted=counted_values(rows, find_metric(metric)))
    rows = _in_one_dimension(rows)
    return pd.concat([rows, *_averages(rows, study)], ignore_index=True)


def model_rows(counted: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of models against a reference."""
    return counted[~counted["trainer"].isin(READER_TRAINERS) & counted["reader"].ne("")]


def rows_of_test_set(rows: pd.DataFrame, study: Study, test_set: TestSet) -> pd.DataFrame:
    """Return the rows of models that a test set takes, each with its table row (``recipe``)."""
    recipes = [
        (dataset, arm, recipe)
        for dataset in test_set.datasets
        for arm, recipe in study.rows_on(test_set, dataset).items()
    ]
    found = rows[rows["variant"].isin(test_set.variants) & _is_read(rows, study, test_set)]
    named = pd.DataFrame(recipes, columns=["dataset", "arm", "recipe"])
    return _on_slices(found, test_set).merge(named, on=["dataset", "arm"], how="inner")


def reader_rows_of_test_set(rows: pd.DataFrame, test_set: TestSet) -> pd.DataFrame:
    """Return the rows that compare readers, for the readers and datasets of a test set.

    Readers are compared on the slices both annotated, so there are none for slices chosen otherwise.
    """
    keep = rows["trainer"].isin(READER_TRAINERS) & rows["dataset"].isin(test_set.datasets)
    if test_set.readers:
        keep &= rows["reader"].isin(test_set.readers)
        keep &= rows["arm"].isin(test_set.readers) | rows["trainer"].eq("repeat")
    if test_set.slices != "reader":
        keep &= rows["slices"].eq(test_set.slices)
    return rows[keep]


def mean_by(rows: pd.DataFrame, keys: list[str], *, column: str = "counted") -> pd.DataFrame:
    """Return the mean of a column by keys, in order of first appearance; NaN only where every value is.

    An infinite value makes its mean infinite (pandas makes it NaN). ``status``, if there, is the worst of the group.
    """
    groups = rows.groupby(keys, sort=False, observed=True)
    codes = groups.ngroup().to_numpy()
    first = np.unique(codes, return_index=True)[1]
    frame = rows[keys].iloc[first].reset_index(drop=True)
    values = rows[column].to_numpy(dtype=np.float64)
    defined = ~np.isnan(values)
    counts = np.bincount(codes[defined], minlength=len(first))
    sums = np.bincount(codes[defined], weights=values[defined], minlength=len(first))
    frame[column] = np.divide(sums, counts, out=np.full(len(first), np.nan), where=counts > 0)
    if "status" in rows.columns:
        frame["status"] = _worst_status(rows["status"], codes, groups=len(first))
    return frame


def _worst_status(status: pd.Series, codes: npt.NDArray[np.integer], *, groups: int) -> npt.NDArray[np.object_]:
    rank = status.map({name: place for place, name in enumerate(WORST_FIRST)}).to_numpy(dtype=np.intp)
    worst = np.full(groups, len(WORST_FIRST) - 1)
    np.minimum.at(worst, codes, rank)
    return np.array(WORST_FIRST, dtype=object)[worst]


def _is_read(rows: pd.DataFrame, study: Study, test_set: TestSet) -> pd.Series:
    if test_set.readers:
        return rows["reader"].isin(test_set.readers)
    return ~rows["reader"].isin(study.scoring.made_readers())


def _on_slices(rows: pd.DataFrame, test_set: TestSet) -> pd.DataFrame:
    """Keep the slices a test set asks for: with ``reader`` those annotated, or all if the reader annotated all."""
    if test_set.slices != "reader":
        return rows[rows["slices"].eq(test_set.slices)]
    return _preferred(rows[rows["slices"].ne("lung")], "slices", _SLICES_OF, wanted="annotated", other="all")


def _in_one_dimension(rows: pd.DataFrame) -> pd.DataFrame:
    """Keep one value a key: over all slices together where there is one, else slice by slice."""
    return _preferred(rows, "dimension", [*_SLICES_OF, "slices"], wanted="3d", other="2d")


def _preferred(rows: pd.DataFrame, column: str, keys: list[str], *, wanted: str, other: str) -> pd.DataFrame:
    """Drop rows of the other kind where the same keys have the wanted kind."""
    is_other = rows[column].eq(other).to_numpy()
    if not is_other.any() or is_other.all():
        return rows
    codes = rows.groupby(keys, sort=False, observed=True).ngroup().to_numpy()
    has_wanted = np.zeros(codes.max() + 1, dtype=bool)
    has_wanted[codes[rows[column].eq(wanted).to_numpy()]] = True
    return rows[~(is_other & has_wanted[codes])]


def _averages(rows: pd.DataFrame, study: Study) -> list[pd.DataFrame]:
    keys = [name for name in rows.columns if name not in ("structure", "value", "status", "reason", "counted")]
    found = []
    for name, members in study.scoring.averages.items():
        sides = rows[rows["structure"].isin(members)]
        if len(sides):
            mean = mean_by(sides, keys)
            found.append(mean.assign(structure=name, value=mean["counted"], reason="")[list(rows.columns)])
    return found

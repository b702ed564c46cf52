"""How well each trained arm works away from home: the train-arm x test-variant or train x test-dataset matrix.

One row per cell, with the value, the in-domain value of the same arm, the loss between them and the tail of the cell.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.aggregate import rows_of_block, rows_of_study
from analysis.errors import NotApplicableError
from analysis.metric import find_metric
from analysis.results import Results
from analysis.shared_values import shared_case_values
from analysis.statistics.interval import mean_interval
from analysis.statistics.summary import summarise
from analysis.table_parts.frames import places_by
from analysis.table_parts.note_words import status_counts
from benchmarks.study import Study

By: TypeAlias = Literal["variant", "dataset"]
PatientValues: TypeAlias = Mapping[int, float]
TAIL_PERCENT = 5
FEWEST_SHARED = 3
"""Fewer shared patients say less than all patients of both sides do, even unpaired."""
SAME = 1e-12
"""Values whose spread is a smaller share of the largest differ by floating noise only."""
COLUMNS = (
    "metric", "structure", "trainer", "by", "slices", "arm", "label", "dataset", "variant", "kind", "column",
    "home_kind", "in_domain", "patients", "cases", "mean", "median", "infinite", "home_mean", "home_median", "pairing",
    "n", "loss", "low", "high", "reason", "median_loss", "tail", "worst", "below_floor", "floor", "missed",
    "no_prediction", "nothing_to_find", "no_distance", "undefined",
)  # fmt: skip


@dataclass(frozen=True)
class Loss:
    """What an arm loses away from home, positive where it gets worse; ``pairing`` says how ``n`` are compared."""

    pairing: Literal["paired", "unpaired", ""]
    n: int
    loss: float
    low: float
    high: float
    reason: str = ""


def cross_matrix(results: Results, *, metric: str = "DSC", structure: str, trainer: str, by: By) -> pd.DataFrame:
    """Return the matrix of one trainer, structure and metric as a long frame, in the order of the study file.

    Parameters
    ----------
    by : str
        ``variant``: one matrix per test dataset, its columns the dataset's variants; at home is an arm on the variants
        it was trained on, if it was trained on the dataset. ``dataset``: one matrix, its columns the datasets, each
        patient with the mean of the tested variants; at home is an arm on the datasets it was trained on.

    Returns
    -------
    DataFrame
        ``COLUMNS``. ``slices``: which slices were scored, the first choice among the test sets that takes an arm away
        from home; others are never mixed in. ``arm`` is the table row (recipe), ``column`` the label of the test
        domain. At home an arm has images of one kind, ``home_kind``: the cell's if it was trained on such, else the
        first. ``mean`` is over the patients with a finite value, of whom there are ``patients - infinite``;
        ``median`` is over all ``patients``. ``loss`` with its 95% interval is in-domain minus this cell where higher
        is better and this cell minus in-domain otherwise: within the ``n`` patients who have both (t interval) if
        they are enough (`compare`), otherwise between the means of all ``n`` patients (Welch), which mixes in how hard
        the patients are. With an infinite value on either side there is no mean to lose from: NaN, and ``reason``
        counts them. ``median_loss`` is the same difference of ``median`` and ``home_median``, NaN unless both are
        finite. ``tail`` is the 5th (higher is better) or 95th percentile over cases, ``worst`` the worst case,
        ``below_floor`` the share of cases below ``floor``. ``missed`` counts the cases in which the model found
        nothing where there was something, ``no_prediction`` those of them without a prediction (others: an empty one),
        ``nothing_to_find`` those with an empty reference in which it found something, ``no_distance`` those with an
        infinite value, ``undefined`` those without a value.

    Raises
    ------
    NotApplicableError
        If no trained arm is tested away from home in this way.
    """
    study = results.study
    values = rows_of_block(shared_case_values(results, metric=metric), study, trainer=trainer, structure=structure)
    slices = {entry.name: entry.slices for entry in study.test_sets}
    for chosen in dict.fromkeys(slices.values()):
        cases = distinct_cases(values[values["test_set"].map(slices).eq(chosen)])
        frame = pd.DataFrame(_cells(study, cases, metric=metric, by=by))
        if len(frame) and _leaves_home(frame):
            return frame.assign(metric=metric, structure=structure, trainer=trainer, by=by, slices=chosen)[
                list(COLUMNS)
            ]
    raise NotApplicableError(f"needs an arm tested on another {by} than it was trained on")


def distinct_cases(values: pd.DataFrame) -> pd.DataFrame:
    """Return each case and variant of a row once, from the first test set that has it."""
    return values.drop_duplicates(["structure", "trainer", "recipe", "dataset", "patient", "case", "variant"])


def in_domain(study: Study, recipe: str, *, dataset: str, variant: str, by: By) -> bool:
    """Return whether a row was trained on this dataset and, with ``variant``, on this variant."""
    trained = [arm for arm in study.arms if arm.recipe == recipe and dataset in arm.datasets]
    return bool(trained) and (by == "dataset" or any(variant in arm.variants for arm in trained))


def compare(home: PatientValues, away: PatientValues) -> Loss:
    """Return ``home - away``: paired or between patients; NaN with the reason if a patient's value is infinite.

    Paired if both sides have the same patients, or share ``FEWEST_SHARED`` and half of the smaller side; those on one
    side only are then left out. Otherwise between all patients, of whom a few may be on both sides.
    """
    shared = sorted(home.keys() & away.keys())
    few = len(shared) < FEWEST_SHARED or 2 * len(shared) < min(len(home), len(away))
    paired = bool(shared) and (home.keys() == away.keys() or not few)
    if reason := _without_distance(home, away):
        n = len(shared if paired else home.keys() | away.keys())
        return Loss("paired" if paired else "unpaired", n, np.nan, np.nan, np.nan, reason)
    if paired:
        interval = mean_interval([home[patient] - away[patient] for patient in shared])
        return Loss("paired", interval.n, interval.estimate, interval.low, interval.high, interval.reason)
    between = _between(np.array(list(home.values())), np.array(list(away.values())))
    return replace(between, n=len(home.keys() | away.keys()))


def _without_distance(home: PatientValues, away: PatientValues) -> str:
    """Return how many patients have an infinite value, or nothing; what is at home only is said to be."""
    lost = {name for name, value in away.items() if np.isinf(value)}
    at_home = {name for name, value in home.items() if np.isinf(value)} - lost
    if not lost:
        return f"{len(at_home)} without distance at home" if at_home else ""
    return f"{len(lost)} without distance" + (f", {len(at_home)} more at home" if at_home else "")


def _between(home: npt.NDArray[np.float64], away: npt.NDArray[np.float64]) -> Loss:
    """Return the difference of means with Welch's interval."""
    n = len(home) + len(away)
    if not len(home) or not len(away):
        return Loss("", n, np.nan, np.nan, np.nan, "no finite value at home or away")
    loss = float(home.mean() - away.mean())
    spread, size = np.ptp(home) + np.ptp(away), max(np.abs(home).max(), np.abs(away).max())
    if min(len(home), len(away)) < 2 or spread <= SAME * size:
        return Loss("unpaired", n, loss, np.nan, np.nan, "an interval needs 2 patients each and values that differ")
    from scipy import stats

    parts = np.array([side.var(ddof=1) / len(side) for side in (home, away)])
    shares = parts / parts.sum()
    degrees = 1 / (shares**2 / np.array([len(home) - 1, len(away) - 1])).sum()
    half = float(stats.t.ppf(0.975, degrees) * np.sqrt(parts.sum()))
    return Loss("unpaired", n, loss, loss - half, loss + half)


def _cells(study: Study, values: pd.DataFrame, *, metric: str, by: By) -> list[dict[str, Any]]:
    detail = "variant" if by == "variant" else "variant_kind"
    patients = pd.factorize(pd.MultiIndex.from_frame(values[["dataset", "patient"]]))[0]
    rows = {
        recipe: _Row(recipe, cases.assign(number=patients[places]), detail)
        for (recipe,), places in places_by(values, ["recipe"]).items()
        for cases in [values.iloc[places]]
    }
    return [
        _cell(study, rows[recipe], column, metric=metric, by=by) | {"column": _label(study, values, column, by=by)}
        for column in _in_order(values, study, by=by)
        for recipe in rows_of_study(study)
        if recipe in rows and column in rows[recipe].columns
    ]


@dataclass
class _Row:
    """The cases of one arm by column, and by dataset and variant, each once."""

    recipe: str
    cases: pd.DataFrame
    detail: str

    def __post_init__(self) -> None:
        self.numbers = self.cases["number"].to_numpy()
        self.values = self.cases["value"].to_numpy(dtype=np.float64)
        self.columns = places_by(self.cases, ["dataset", self.detail])
        self.variants = places_by(self.cases, ["dataset", "variant"])

    def patients(self, places: npt.NDArray[np.intp]) -> PatientValues:
        """Return the mean per patient of the defined values of some cases."""
        places = places[~np.isnan(self.values[places])]
        codes, numbers = pd.factorize(self.numbers[places])
        with np.errstate(invalid="ignore"):
            means = np.bincount(codes, weights=self.values[places]) / np.bincount(codes)
        return dict(zip(numbers.tolist(), means.tolist(), strict=True))


def _in_order(values: pd.DataFrame, study: Study, *, by: By) -> list[tuple[str, str]]:
    """Return the columns: dataset and variant, or dataset and kind of variants, as kinds are never pooled."""
    datasets = [entry.name for entry in study.datasets]
    variants = list(dict.fromkeys(name for entry in study.test_sets for name in entry.variants))
    details = variants if by == "variant" else sorted(set(values["variant_kind"]))
    found = set(zip(values["dataset"], values["variant" if by == "variant" else "variant_kind"], strict=True))
    return [(dataset, detail) for dataset in datasets for detail in details if (dataset, detail) in found]


def _cell(study: Study, row: _Row, column: tuple[str, str], *, metric: str, by: By) -> dict[str, Any]:
    dataset, detail = column
    places = row.columns[column]
    cases = row.cases.iloc[places]
    kind = str(cases["variant_kind"].iloc[0])
    home_kind, home_places = _at_home(study, row, dataset=dataset, by=by, kind=kind)
    away, home = row.patients(places), row.patients(home_places)
    direction = find_metric(metric).direction
    loss = _loss(study, row.recipe, home=home, away=away, direction=direction)
    summary, at_home = summarise(list(away.values())), summarise(list(home.values()))
    counts = status_counts(cases)
    variant = detail if by == "variant" else ""
    defined = row.values[places][~np.isnan(row.values[places])]
    return {
        "arm": row.recipe, "label": rows_of_study(study)[row.recipe], "dataset": dataset, "variant": variant,
        "kind": kind, "home_kind": home_kind,
        "in_domain": in_domain(study, row.recipe, dataset=dataset, variant=variant, by=by),
        "patients": summary.n, "cases": len(defined), "mean": summary.mean, "median": summary.median,
        "infinite": summary.infinite, "home_mean": at_home.mean, "home_median": at_home.median, **asdict(loss),
        "median_loss": _median_loss(at_home.median, summary.median, direction=direction),
        **_tail(defined, direction=direction, floor=study.tables.floor),
        **{name: counts[name] for name in ("missed", "no_prediction", "nothing_to_find")},
        "no_distance": int(np.isinf(defined).sum()), "undefined": len(places) - len(defined),
    }  # fmt: skip


def _at_home(study: Study, row: _Row, *, dataset: str, by: By, kind: str) -> tuple[str, npt.NDArray[np.intp]]:
    """Return the places of the cases an arm is at home on, of one kind: that of the cell, else the first there is.

    With ``variant`` only those of this dataset.
    """
    home: dict[str, list[npt.NDArray[np.intp]]] = {}
    for (name, variant), places in row.variants.items():
        if (by == "dataset" or name == dataset) and in_domain(study, row.recipe, dataset=name, variant=variant, by=by):
            home.setdefault(str(row.cases["variant_kind"].iloc[places[0]]), []).append(places)
    if not home:
        return "", np.array([], dtype=np.intp)
    chosen = kind if kind in home else next(iter(home))
    return chosen, np.concatenate(home[chosen])


def _loss(study: Study, recipe: str, *, home: PatientValues, away: PatientValues, direction: str) -> Loss:
    nothing = Loss("", 0, np.nan, np.nan, np.nan)
    if recipe in [entry.name for entry in study.baselines]:
        return replace(nothing, reason="not trained")
    if not home or not away:
        return replace(nothing, reason="no value" if home else "not tested where it was trained")
    sign = -1 if direction == "lower" else 1
    signed = [{name: sign * value for name, value in side.items()} for side in (home, away)]
    return compare(*signed)


def _median_loss(home: float, away: float, *, direction: str) -> float:
    defined = np.isfinite(home) and np.isfinite(away)
    return (away - home if direction == "lower" else home - away) if defined else np.nan


def _tail(values: npt.NDArray[np.float64], *, direction: str, floor: float) -> Mapping[str, float]:
    """Return the bad end of the cases; a floor is only for metrics of which higher is better."""
    if not len(values) or direction == "none":
        return {"tail": np.nan, "worst": np.nan, "below_floor": np.nan, "floor": np.nan}
    higher = direction == "higher"
    ordered = np.sort(values) if higher else -np.sort(-values)
    return {
        "tail": _tail_percentile(ordered), "worst": float(ordered[0]),
        "below_floor": float(np.mean(values < floor)) if higher else np.nan, "floor": floor if higher else np.nan,
    }  # fmt: skip


def _tail_percentile(worst_first: npt.NDArray[np.float64]) -> float:
    """Return the 5th percentile from the worst end, linear between order statistics; infinite if either is."""
    place = (len(worst_first) - 1) * TAIL_PERCENT / 100
    low, share = int(place), place - int(place)
    if share == 0:
        return float(worst_first[low])
    return float(worst_first[low] * (1 - share) + worst_first[low + 1] * share)


def _label(study: Study, values: pd.DataFrame, column: tuple[str, str], *, by: By) -> str:
    dataset, detail = column
    if by == "variant":
        return detail
    label = next(entry.label for entry in study.datasets if entry.name == dataset)
    kinds = values.loc[values["dataset"].eq(dataset), "variant_kind"].nunique()
    return f"{label} ({detail})" if kinds > 1 else label


def _leaves_home(cells: pd.DataFrame) -> bool:
    return bool((~cells["in_domain"] & cells["pairing"].ne("")).any())

"""A run's own values under the keys of the published numbers (``analysis/published_results.py``)."""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, TypeAlias

import pandas as pd

from analysis.errors import NotApplicableError
from analysis.results import Results
from analysis.tables import (
    diversity_table1,
    diversity_table2,
    diversity_table3,
    diversity_table4,
    diversity_table5,
    kernel_table1,
    ssc_table1,
    ssc_table2,
    ssc_table3,
    standardisation_table2,
    standardisation_table3,
    standardisation_table4,
)
from benchmarks.study import Study

Keyed: TypeAlias = Callable[[Mapping[Any, Any], Results], list[dict[str, Any]]]
KEYS = ("dataset", "train", "test", "method", "trainer", "reader", "structure", "slices", "metric", "statistic")
IDENTITY = ("dataset", "structure", "test_set", "trainer", "arm")
"""What tells cells of one of this run's tables apart: the columns ``own_dataset``, ``own_structure``..."""


def own_values(results: Results, paper: str) -> pd.DataFrame:
    """Return what this run has of a paper's tables: ``source``, ``KEYS``, ``own_`` + ``IDENTITY``, ``value``.

    Keys a table lacks are empty. ``structure`` and ``slices`` are the words of the published numbers (``lung`` for the
    union of both lungs and for their average), ``own_structure`` this run's own word.
    Tables that the study or its scores do not allow are left out.
    """
    rows: list[dict[str, Any]] = []
    for (of_paper, source), (module, keyed) in SOURCES.items():
        if of_paper == paper:
            for cell in _frame(module, results).to_dict("records"):
                own = {f"own_{name}": cell.get(name, "") for name in IDENTITY}
                rows += [{"source": source, **own, **row} for row in keyed(cell, results)]
    words = [*KEYS, *(f"own_{name}" for name in IDENTITY)]
    frame = pd.DataFrame(rows, columns=["source", *words, "value"])
    return frame.assign(**{name: frame[name].astype(object).fillna("").astype(str) for name in words})


def _frame(module: ModuleType, results: Results) -> pd.DataFrame:
    try:
        frame: pd.DataFrame = module.make(results).frame
    except NotApplicableError:
        return pd.DataFrame()
    return frame


def _kernels(cell: Mapping[Any, Any], results: Results) -> list[dict[str, Any]]:
    keys = {
        "dataset": cell["dataset"], "train": cell["arm"], "test": cell["test_set"], "trainer": cell["trainer"],
        "structure": _published_structure(results.study, cell["structure"]), "slices": _slices(results.study, cell),
        "metric": "DSC",
    }  # fmt: skip
    return _statistics(keys, cell, {name: name for name in ("median", "q1", "q3", "min", "max")})


def _published_structure(study: Study, structure: str) -> str:
    """Return the word the published numbers have for a structure: ``disease``, ``lung``, or its own name."""
    scoring = study.scoring
    if structure == (scoring.disease or "disease"):
        return "disease"
    sides = scoring.averages.get(structure, ())
    if structure == (scoring.lung or "lung") or (sides and set(sides) <= set(scoring.unions.get(scoring.lung, ()))):
        return "lung"
    return structure


def _slices(study: Study, cell: Mapping[Any, Any]) -> str:
    wanted = {entry.name: entry.slices for entry in study.test_sets}[cell["test_set"]]
    return "annotated" if wanted == "reader" else wanted


def _training_sets(cell: Mapping[Any, Any], results: Results) -> list[dict[str, Any]]:
    return _counts({"train": cell["arm"]}, cell) if cell["fold"] == 0 and cell["seed"] == results.study.seeds[0] else []


def _test_sets(cell: Mapping[Any, Any], results: Results) -> list[dict[str, Any]]:
    return _counts({"test": cell["label"] or "All(L)"}, cell)


def _counts(keys: dict[str, Any], cell: Mapping[Any, Any]) -> list[dict[str, Any]]:
    names = ("volumes", "lung_slices", "slices")
    return [keys | {"metric": name, "statistic": "count", "value": cell[name]} for name in names]


def _lung_cases(cell: Mapping[Any, Any], results: Results) -> list[dict[str, Any]]:
    return _cases(cell, results, slices="lung")


def _whole_cases(cell: Mapping[Any, Any], results: Results) -> list[dict[str, Any]]:
    return _cases(cell, results, slices="all")


def _cases(cell: Mapping[Any, Any], results: Results, *, slices: str) -> list[dict[str, Any]]:
    """Key Tables III and IV: reference systems are ``published`` there, restricted rows name the cases."""
    study = results.study
    trainers = {entry.name: entry.label for entry in study.trainers}
    references = {entry.name: entry.label for entry in study.baselines}
    restricted = cell.get("restricted_to", "")
    keys = {
        "dataset": f"cases {references[restricted]} processed" if restricted else "all cases",
        "train": "published" if cell["arm"] in references else cell["arm"], "test": cell["column"],
        "method": references.get(cell["arm"], trainers.get(cell["trainer"], "")), "metric": cell["metric"],
        "structure": _published_structure(study, cell["structure"]), "slices": slices,
    }  # fmt: skip
    return _statistics(keys, cell, {"mean": "mean", **({"sd": "sd"} if cell["pooled"] else {})})


def _tumour(cell: Mapping[Any, Any], results: Results) -> list[dict[str, Any]]:
    trainers = {entry.name: entry.label for entry in results.study.trainers}
    keys = {
        "train": cell["arm"] if cell["trainer"] in trainers else "published",
        "method": trainers.get(cell["trainer"], cell["method"]), "metric": "tumour_overlap",
        "structure": "tumour", "slices": _slices(results.study, cell),
    }  # fmt: skip
    percent = dict(cell) | {"mean": 100 * cell["mean"], "median": 100 * cell["median"]}
    names = {"mean": "mean", "median": "median"}
    return _statistics(
        keys, percent, names | {"count_below_5": "below_5_percent", "count_above_95": "above_95_percent"}
    )


def _characteristics(cell: Mapping[Any, Any], results: Results) -> list[dict[str, Any]]:
    metric = "disease_extent" if cell["kind"] == "extent" else _covariate(results, cell["characteristic"])
    keys = {"metric": metric}
    if cell["kind"] == "extent":
        keys |= {"method": cell["characteristic"], **_EXTENT}
    if not cell["cohort"]:
        return [keys | {"test": cell["compared"].replace(", ", " vs "), "statistic": "p", "value": cell["p"]}]
    names = {"count": "number", "percent": "percent"} if cell["kind"] == "count" else _QUARTILES
    return _statistics(keys | {"test": cell["cohort"]}, cell, names)


def _covariate(results: Results, label: str) -> str:
    """Return the covariate behind a row label: the published metrics are named after covariates."""
    entries = (*results.study.tables.cohorts.characteristics, *results.study.tables.cohorts.lung_function)
    return next((entry.covariate for entry in entries if label in (entry.label, entry.covariate)), label)


def _readers(cell: Mapping[Any, Any], results: Results) -> list[dict[str, Any]]:
    method = cell["column"].replace("reader", "Radiologist ") if cell["kind"] == "reader" else cell["column"]
    keys = {
        "reader": cell["row"], "method": method, "metric": "DSC",
        "structure": _published_structure(results.study, cell["structure"]), "slices": _slices(results.study, cell),
    }  # fmt: skip
    return _statistics(keys, cell, _QUARTILES)


def _lung_function(cell: Mapping[Any, Any], results: Results) -> list[dict[str, Any]]:
    metric = f"extent_with_{_covariate(results, cell['parameter'])}"
    keys = {"test": cell["cohort"], "method": cell["model"], "metric": metric, **_EXTENT}
    return _statistics(keys, cell, {"rho": "rho", "p": "p"})


def _protocols(cell: Mapping[Any, Any], results: Results) -> list[dict[str, Any]]:
    keys = {"test": cell["protocol"], "metric": cell["metric"], **_standardised(results)}
    rows = []
    for image in ("original", "standardised"):
        rows += _statistics(keys | {"method": image}, cell, {"mean": f"{image}_mean", "sd": f"{image}_sd"})
    return [*rows, *_statistics(keys | {"method": "original vs standardised"}, cell, {"p": "p"})]


def _concordance(cell: Mapping[Any, Any], results: Results) -> list[dict[str, Any]]:
    keys = {"test": cell["protocol"], "method": cell["image"], "metric": "volume", **_standardised(results)}
    return _statistics(keys, cell, {"ccc": "ccc", "ci_low": "low", "ci_high": "high"})


def _standardised(results: Results) -> dict[str, str]:
    return {"structure": results.study.tables.standardisation.structure, "slices": "all"}


def _statistics(keys: dict[str, Any], cell: Mapping[Any, Any], names: Mapping[str, str]) -> list[dict[str, Any]]:
    return [keys | {"statistic": statistic, "value": cell[column]} for statistic, column in names.items()]


_EXTENT = {"structure": "disease over lung", "slices": "all"}
_QUARTILES = {"median": "median", "q1": "q1", "q3": "q3"}
SOURCES: Mapping[tuple[str, str], tuple[ModuleType, Keyed]] = {
    ("hoang_thi_2021", "Table 1"): (kernel_table1, _kernels),
    ("hofmanninger_2020", "Table I"): (diversity_table1, _training_sets),
    ("hofmanninger_2020", "Table II"): (diversity_table2, _test_sets),
    ("hofmanninger_2020", "Table III"): (diversity_table3, _lung_cases),
    ("hofmanninger_2020", "Table IV"): (diversity_table4, _whole_cases),
    ("hofmanninger_2020", "Table V"): (diversity_table5, _tumour),
    ("chassagnon_2020", "Table 1"): (ssc_table1, _characteristics),
    ("chassagnon_2020", "Table 2"): (ssc_table2, _readers),
    ("chassagnon_2020", "Table 3"): (ssc_table3, _lung_function),
    ("lee_2023", "Table 2"): (standardisation_table2, _protocols),
    ("lee_2023", "Table 3"): (standardisation_table3, _protocols),
    ("lee_2023", "Table 4"): (standardisation_table4, _concordance),
}

"""No number is made from native images and others: refused early, and tried on all tables by changing one kind."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
from analysis_scores import frame, score, two_kernel_study
from table_scores import RESNET, full_results

from analysis.aggregate import case_values, patient_values, reader_values, score_counts
from analysis.cross_matrix import cross_matrix
from analysis.errors import AnalysisError, NotApplicableError
from analysis.figure_style import STYLE
from analysis.make_figures import find_figures
from analysis.make_tables import find_tables
from analysis.results import Results, results_in_memory
from benchmarks.study import Pool
from benchmarks.study_kinds import mixed_kinds

TABLES = find_tables()
METRICS = ("DSC", "HD95", "MSD", "volume", "reference_volume", "extent", "tumour_overlap")
KINDS = {"LK": "native", "MK": "emulated", "SK": "learned"}
TEST = {"shift", "shift_low", "shift_high", "effect", "statistic", "p", "p_corrected"}
COMPARES = {
    "kernel_table1_tests": TEST,
    "cross_kernels": {"loss", "low", "high", "median_loss", "home_mean", "home_median"},
}
"""What compares test sets by name: planned tests and losses."""
FIGURES = find_figures()
OF_SCORES = ("cross_datasets", "diversity_figure4", "sharpness_distance")
"""Figures that need no images and compare nothing by name, and the cheap ones of these."""
SIDE_BY_SIDE = {f"standardisation_table{number}" for number in (2, 3, 4)}
"""Images before and after standardisation, which is what these tables are about."""


def test_scores_of_a_mixed_test_set_are_refused(tmp_path: Path) -> None:
    scores = frame([score(0.8), score(0.6, variant="MK", variant_kind="emulated")])
    study = two_kernel_study(tmp_path)
    message = r"\[test_sets.both\] found images of 2 kinds: emulated \(MK\); native \(LK\); wanted one kind"
    aggregates: tuple[Callable[..., Any], ...] = (patient_values, case_values, reader_values, score_counts)
    for aggregate in (*aggregates, results_in_memory):
        with pytest.raises(AnalysisError, match=message):
            aggregate(scores, study)
    apart = replace(study, test_sets=tuple(entry for entry in study.test_sets if entry.name != "both"))
    values = patient_values(scores, apart)
    assert values.set_index("test_set")["value"].to_dict() == pytest.approx({"LK": 0.8, "MK": 0.6})


def test_test_sets_and_pools_are_of_one_kind(tmp_path: Path) -> None:
    study = two_kernel_study(tmp_path)
    native = {("phantom", "LK"): ("native",), ("phantom", "MK"): ("native",), ("other", "MK"): ("emulated",)}
    assert mixed_kinds(study, native) == []
    emulated = native | {("phantom", "MK"): ("emulated",)}
    assert len(mixed_kinds(study, emulated)) == 1
    pools = (Pool("all", ("LK", "MK")), Pool("one", ("MK",)))
    pooled = replace(study, tables=replace(study.tables, pools=pools))
    assert [line.split("]")[0] for line in mixed_kinds(pooled, emulated)] == ["[test_sets.both", "[tables.pools.all"]
    assert len(mixed_kinds(study, native | {("phantom", "LK"): ("native", "simulated")})) == 2


def test_an_arm_of_both_kinds_is_at_home_on_the_kind_of_the_cell(tmp_path: Path) -> None:
    study = two_kernel_study(tmp_path)
    study = replace(study, test_sets=tuple(entry for entry in study.test_sets if entry.name != "both"))
    rows = [
        score(value, arm=arm, variant=variant, variant_kind=kind, patient=f"P{patient}")
        for arm in ("LK", "LK+MK")
        for variant, kind, value in (("LK", "native", 0.9), ("MK", "emulated", 0.3))
        for patient in range(3)
    ]
    results = results_in_memory(frame(rows), study)
    cells = cross_matrix(results, structure="disease", trainer="nnUNetTrainerWeightedCE2D", by="variant")
    cells = cells.set_index(["arm", "variant"])
    assert cells["home_mean"].to_dict() == pytest.approx(
        {("LK", "LK"): 0.9, ("LK+MK", "LK"): 0.9, ("LK", "MK"): 0.9, ("LK+MK", "MK"): 0.3}
    )
    assert cells.loc[("LK", "MK"), ["home_kind", "kind"]].tolist() == ["native", "emulated"]


@pytest.fixture(scope="module")
def three_kinds(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Return results of every table in which MK is emulated, SK learned, and tables pool what they do by default."""
    results = full_results(tmp_path_factory.mktemp("kinds"), patients=4)
    study, soft = results.study, next(entry for entry in results.study.test_sets if entry.name == "soft")
    more = tuple(replace(soft, name=f"soft-{slices}", slices=slices) for slices in ("lung", "all"))
    tables = replace(study.tables, pools=(), structures=("disease",))
    study = replace(study, test_sets=(*study.test_sets, *more), trainers=study.trainers[:1], tables=tables)
    study = replace(study, scoring=replace(study.scoring, metrics=METRICS))
    scores = results.scores[results.scores["metric"].isin(METRICS) & results.scores["trainer"].ne(RESNET)]
    scores = scores.assign(variant_kind=scores["variant"].map(KINDS).fillna(""))
    images = results.images.assign(variant_kind=results.images["variant"].map(KINDS))
    return replace(results, study=study, scores=scores, images=images)


def changed(results: Results, *, native: bool) -> Results:
    """Return the results with other values for native images only, or for all others only."""
    scores = results.scores
    chosen = scores["variant_kind"].eq("native") == native
    draw = np.random.default_rng(9).uniform(0.5, 0.9, len(scores))
    return replace(results, scores=scores.assign(value=scores["value"] * np.where(chosen, draw, 1)))


@pytest.fixture(scope="module")
def altered(three_kinds: Results) -> tuple[Results, Results]:
    return changed(three_kinds, native=True), changed(three_kinds, native=False)


def numbers(module: ModuleType, results: Results) -> pd.DataFrame:
    return module.make(results).frame.select_dtypes("number")


def shown(module: ModuleType, results: Results) -> pd.DataFrame:
    with matplotlib.rc_context(STYLE):
        return pd.concat([figure.frame.select_dtypes("number") for figure in module.make(results)], ignore_index=True)


@pytest.mark.parametrize("name", OF_SCORES)
def test_no_number_of_a_figure_follows_two_kinds(
    name: str, three_kinds: Results, altered: tuple[Results, Results]
) -> None:
    before = shown(FIGURES[name], three_kinds)
    refuse_mixed_numbers(name, before, [shown(FIGURES[name], results) for results in altered])


def refuse_mixed_numbers(name: str, before: pd.DataFrame, altered: list[pd.DataFrame]) -> None:
    """A number that changes with the values of native images and with those of others was made from both."""
    native, others = (~np.isclose(before, after, rtol=1e-9, atol=1e-12, equal_nan=True) for after in altered)
    mixed = pd.DataFrame(native & others, columns=before.columns).any()
    assert set(mixed.index[mixed]) <= COMPARES.get(name, set())


@pytest.mark.parametrize("name", [name for name in TABLES if name not in SIDE_BY_SIDE])
def test_no_number_of_a_table_follows_two_kinds(
    name: str, three_kinds: Results, altered: tuple[Results, Results]
) -> None:
    try:
        before = numbers(TABLES[name], three_kinds)
    except NotApplicableError:
        pytest.skip("asks for what the study does not have")
    refuse_mixed_numbers(name, before, [numbers(TABLES[name], results) for results in altered])

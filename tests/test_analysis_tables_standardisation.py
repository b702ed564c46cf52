"""Tables 1 to 4 of Lee et al. 2023 by hand, and their notation on the numbers the paper prints."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from table_scores import full_results, full_study, in_memory, row, rows_frame

from analysis.errors import NotApplicableError
from analysis.published_results import load_published
from analysis.results import Results
from analysis.tables import (
    standardisation_table1,
    standardisation_table2,
    standardisation_table3,
    standardisation_table4,
)
from benchmarks.study import Scoring, StandardisationTables

TABLES = [standardisation_table1, standardisation_table2, standardisation_table3, standardisation_table4]
OWN = {"reader": "own-LK", "slices": "all"}


def own(values: dict[str, dict[str, tuple[float, ...]]], folder: Path) -> Results:
    """Return results of one model from metric -> variant -> a value per patient."""
    rows = [
        row(value, metric=metric, variant=variant, patient=f"P{n:02d}", **OWN)
        for metric, by_variant in values.items()
        for variant, numbers in by_variant.items()
        for n, value in enumerate(numbers)
    ]
    return in_memory(full_study(folder), rows_frame(rows))


def spread(mean: float, sd: float) -> tuple[float, float, float]:
    """Return three values with exactly this mean and sample SD."""
    return mean - sd, mean, mean + sd


def published(source: str, metric: str) -> pd.DataFrame:
    """Return mean and SD of original and standardised images of each protocol with the printed cells."""
    frame = load_published("lee_2023")
    frame = frame[frame["source"].eq(source) & frame["metric"].eq(metric) & frame["statistic"].isin(["mean", "sd"])]
    cells = frame.pivot(index=["test", "method", "printed"], columns="statistic", values="value").reset_index()
    return cells.set_index(["test", "method"])


@pytest.mark.parametrize("protocol", ["FBP", "IR", "M40", "M60", "OPT"])
def test_table2_notation_is_the_papers(protocol: str, tmp_path: Path) -> None:
    cells = published("Table 2", "DSC").loc[protocol]
    numbers = {image: spread(cells.loc[image, "mean"] / 100, cells.loc[image, "sd"] / 100) for image in cells.index}
    results = own({"DSC": {"MK": numbers["original"], "SK": numbers["standardised"]}}, tmp_path)
    line = standardisation_table2.make(results).printed()[0].rows()[0]
    assert line[:3] == ("FBP", cells.loc["original", "printed"], cells.loc["standardised", "printed"])


@pytest.mark.parametrize("protocol", ["FBP", "IR", "M40", "M60", "OPT"])
def test_table3_notation_is_the_papers(protocol: str, tmp_path: Path) -> None:
    metrics = ("absolute_volume_difference", "absolute_relative_volume_difference")
    cells = {metric: published("Table 3", metric).loc[protocol] for metric in metrics}
    values = {
        metric: {
            variant: spread(found.loc[image, "mean"], found.loc[image, "sd"])
            for variant, image in (("MK", "original"), ("SK", "standardised"))
        }
        for metric, found in cells.items()
    }
    section = standardisation_table3.make(own(values, tmp_path)).printed()[0]
    line = section.rows()[0]
    assert [line[1], line[2], line[4], line[5]] == [
        cells[metric].loc[image, "printed"] for metric in metrics for image in ("original", "standardised")
    ]
    assert section.spans() == [
        [("Absolute disease volume difference (mL)", 3), ("Difference ratio of disease volume (%)", 3)]
    ]


def test_table4_notation_is_the_papers() -> None:
    frame = load_published("lee_2023")
    frame = frame[frame["source"].eq("Table 4") & frame["value"].notna()]
    cells = frame.pivot(index=["test", "method", "printed"], columns="statistic", values="value").reset_index()
    assert len(cells) == 10
    for cell in cells.to_dict("records"):
        ours = {"ccc": cell["ccc"], "low": cell["ci_low"], "high": cell["ci_high"]}
        assert standardisation_table4._printed(ours) == cell["printed"].replace("-", "−")


def test_paired_t_is_within_patients(tmp_path: Path) -> None:
    first, second = (0.5, 0.7, 0.6, 0.4), (0.9, 0.8, 0.95, 0.7)
    table = standardisation_table2.make(own({"DSC": {"MK": first, "SK": second}}, tmp_path))
    found = table.frame.iloc[0]
    expected = stats.ttest_rel(first, second)
    assert (found["n"], found["statistic"], found["p"]) == (
        4, pytest.approx(expected.statistic), pytest.approx(expected.pvalue)
    )  # fmt: skip
    assert found["original_sd"] == pytest.approx(100 * np.std(first, ddof=1))


def test_missed_predictions_count_as_zero_dice_and_no_volume(tmp_path: Path) -> None:
    metrics = ("absolute_volume_difference", "absolute_relative_volume_difference")
    values = {"DSC": {"MK": (0.8, 0.7, 0.6), "SK": (0.9, 0.8, 0.7)}}
    values |= {metric: {"MK": (80.0, 70.0, 60.0), "SK": (9.0, 8.0, 7.0)} for metric in metrics}
    results = own(values, tmp_path)
    scores = results.scores
    scores.loc[scores["variant"].eq("MK") & scores["patient"].eq("P00"), ["value", "status"]] = (np.nan, "missing")
    dice = standardisation_table2.make(results).frame.iloc[0]
    assert (dice["n"], dice["original_mean"]) == (3, pytest.approx(100 * 1.3 / 3))
    volumes = standardisation_table3.make(results)
    assert volumes.frame[["n", "left_out"]].iloc[0].tolist() == [2, 1]
    assert any("patients left out" in note for note in volumes.notes)


def test_constant_differences_are_not_defined(tmp_path: Path) -> None:
    table = standardisation_table2.make(own({"DSC": {"MK": (0.5, 0.6, 0.7), "SK": (0.75, 0.85, 0.95)}}, tmp_path))
    assert table.printed()[0].rows()[0][3] == "not defined"
    assert any("P not defined" in note for note in table.notes)


def test_one_patient_has_no_sd(tmp_path: Path) -> None:
    table = standardisation_table2.make(own({"DSC": {"MK": (0.5,), "SK": (0.75,)}}, tmp_path))
    assert table.printed()[0].rows()[0] == ("FBP", "50.00 ± –", "75.00 ± –", "not defined")


def test_table4_is_lins_coefficient(tmp_path: Path) -> None:
    reference, original, standard = (100.0, 120.0, 90.0, 150.0), (60.0, 90.0, 70.0, 80.0), (101.0, 119.0, 92.0, 148.0)
    values = {
        "volume": {"MK": original, "SK": standard}, "reference_volume": {"MK": reference, "SK": reference}
    }  # fmt: skip
    table = standardisation_table4.make(own(values, tmp_path))
    expected = [
        2 * np.cov(reference, side, ddof=0)[0, 1]
        / (np.var(reference) + np.var(side) + (np.mean(reference) - np.mean(side)) ** 2)
        for side in (original, standard)
    ]  # fmt: skip
    assert table.frame["ccc"].tolist() == pytest.approx(expected)
    line = table.printed()[0].rows()[0]
    assert line[0] == "FBP"
    assert line[1].startswith(f"{expected[0]:.3f} (")
    assert "–" in line[2]


def test_perfect_agreement_has_no_interval(tmp_path: Path) -> None:
    same = (100.0, 120.0, 90.0, 150.0)
    both = {"MK": same, "SK": same}
    table = standardisation_table4.make(own({"volume": both, "reference_volume": both}, tmp_path))
    assert table.printed()[0].rows()[0][1] == "1.000 (no interval)"
    assert any("original" in note and "FBP" in note for note in table.notes)


def test_table1_has_covariates_and_acquisition_facts(tmp_path: Path) -> None:
    results = full_results(tmp_path)
    cases = results.cases.assign(age=[10.0 + 2 * n for n in range(len(results.cases))])
    tables = replace(
        results.study.tables, cohorts=replace(results.study.tables.cohorts, cohorts=(), characteristics=())
    )
    table = standardisation_table1.make(replace(results, cases=cases, study=replace(results.study, tables=tables)))
    section = table.printed()[0]
    rows = {name: cells for name, *cells in section.rows()}
    assert [head[-1] for head in section.heads()] == ["Training & tuning dataset", "Test dataset"]
    train = cases[cases["role"].eq("train")]
    men, women = (int(train["sex"].eq(name).sum()) for name in ("M", "F"))
    assert rows["Number of patients (male:female)"][0] == f"8 ({men}:{women})"
    test = cases[cases["role"].eq("test")]["age"]
    assert rows["Age (range)"][1] == f"{test.mean():.1f} ± {test.std():.1f} ({test.min():.0f}–{test.max():.0f})"
    assert rows["Number of CT examinations"] == ["8", "12"]
    assert rows["Manufacturer model"] == ["SOMATOM", "SOMATOM"]
    assert rows["Slice thickness mm"] == ["3", "3"]
    fvc = table.frame[table.frame["characteristic"].eq("Fvc (range)")]
    assert fvc["mean"].notna().all()


def test_table1_prints_categories_as_the_paper(tmp_path: Path) -> None:
    results = full_results(tmp_path)
    reasons = ["Abdominal pain"] * 3 + ["Tumor follow-up"] * 9 + ["Others"] * (len(results.cases) - 12)
    tables = replace(
        results.study.tables, cohorts=replace(results.study.tables.cohorts, cohorts=(), characteristics=())
    )
    cases = results.cases.assign(reason=reasons)
    table = standardisation_table1.make(replace(results, cases=cases, study=replace(results.study, tables=tables)))
    rows = {name: cells for name, *cells in table.printed()[0].rows()}
    assert rows["Reason"][1] == "Tumor follow-up (n = 9, 75.0%), Abdominal pain (n = 3, 25.0%)"


@pytest.mark.parametrize("module", TABLES)
def test_what_the_study_lacks_is_named(module, tmp_path: Path) -> None:
    study = full_study(tmp_path)
    nothing = replace(study, tables=replace(study.tables, standardisation=StandardisationTables()))
    with pytest.raises(NotApplicableError, match="protocols"):
        module.make(in_memory(nothing, rows_frame([])))
    with pytest.raises(NotApplicableError, match="own_variant"):
        module.make(in_memory(replace(study, scoring=Scoring()), rows_frame([])))
    with pytest.raises(NotApplicableError, match="needs"):
        module.make(in_memory(study, rows_frame([])))

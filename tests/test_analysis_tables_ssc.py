"""Tables 1 to 3 of Chassagnon et al. 2020 by hand, and their notation on the numbers the paper prints."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from table_scores import UNET, full_results, full_study, in_memory, row, rows_frame

from analysis.errors import AnalysisError, NotApplicableError
from analysis.published_results import load_published
from analysis.results import CASE_COLUMNS, Results
from analysis.statistics.clustered_spearman import clustered_spearman
from analysis.table import INDENT
from analysis.table_parts.cohort_values import predicted_extents
from analysis.table_parts.effect_cells import with_interval
from analysis.tables import ssc_table1, ssc_table2, ssc_table3
from benchmarks.study import CohortTables

AGES = {"train": (55, 50, 64), "test": (66, 75, 65, 58), "external": (46, 60, 71, 52)}
EXTENTS = {"test": (17.5, 12.7, 30.8, 20.0), "external": (6.4, 10.6, 22.5, 12.0)}


def patients() -> pd.DataFrame:
    """Return three training, four test and four external patients; FVC falls as the extent rises."""
    rows = [("routine", f"T{n}", f"T{n}", "train", age, "F", 80.0 + n) for n, age in enumerate(AGES["train"])]
    for dataset, name in (("routine", "test"), ("public", "external")):
        for n, (age, extent) in enumerate(zip(AGES[name], EXTENTS[name], strict=True)):
            rows.append((dataset, f"{name}{n}", f"{name}{n}", "test", age, "F" if n else "M", 100 - extent))
    return pd.DataFrame(rows, columns=[*CASE_COLUMNS, "age", "sex", "fvc"])


def cohorts(folder: Path, *, cases: pd.DataFrame | None = None) -> Results:
    """Return results with the extents above, for one architecture and arm."""
    study = full_study(folder)
    study = replace(study, trainers=study.trainers[:1], arms=study.arms[:1])
    rows = [
        row(value, metric="extent", reader="", slices="all", dataset=dataset, patient=f"{name}{n}")
        for dataset, name in (("routine", "test"), ("public", "external"))
        for n, value in enumerate(EXTENTS[name])
    ]
    return in_memory(study, rows_frame(rows), cases=patients() if cases is None else cases)


def test_table1_by_hand(tmp_path: Path) -> None:
    table = ssc_table1.make(cohorts(tmp_path))
    section = table.printed()[0]
    heads = ["Training Dataset (n = 3)", "Test Dataset (n = 4)", "P Value*", "External Validation Dataset (n = 4)"]
    assert [head[-1] for head in section.heads()] == [*heads, "P Value†"]
    age = f"{stats.mannwhitneyu(AGES['train'], AGES['test'], method='exact').pvalue:.3f}"[1:]
    outside = f"{stats.mannwhitneyu(AGES['test'], AGES['external'], method='exact').pvalue:.3f}"[1:]
    assert stats.fisher_exact([[3, 0], [3, 1]]).pvalue == 1
    extent = f"{stats.mannwhitneyu(EXTENTS['test'], EXTENTS['external'], method='exact').pvalue:.3f}"[1:]
    assert section.rows() == [
        ("Age (y)", "55 [52–60]", "66 [63–68]", age, "56 [50–63]", outside),
        ("No. of women", "3 (100)", "3 (75)", ">.99", "3 (75)", ">.99"),
        ("PFTs", "", "", "", "", ""),
        (f"{INDENT}Predicted FVC (%)", "81 [80–82]", "81 [77–84]", ">.99", "89 [85–90]", extent),
        ("Disease extent§", "", "", "", "", ""),
        (f"{INDENT}U-net", "...", "18.8 [16.3–22.7]", "", "11.3 [9.6–14.6]", extent),
    ]
    assert any(note.startswith("* Comparison among Training Dataset, Test Dataset") for note in table.notes)


def test_three_cohorts_are_compared_with_kruskal_wallis(tmp_path: Path) -> None:
    results = cohorts(tmp_path)
    settings = results.study.tables.cohorts
    every = (*settings.cohorts, *settings.external)
    tables = replace(results.study.tables, cohorts=CohortTables(every, characteristics=settings.characteristics))
    table = ssc_table1.make(replace(results, study=replace(results.study, tables=tables)))
    test = table.frame[table.frame["compared"].ne("") & table.frame["characteristic"].eq("Age (y)")].iloc[0]
    expected = stats.kruskal(*AGES.values())
    assert (test["test"], test["statistic"], test["p"]) == (
        "Kruskal-Wallis", pytest.approx(expected.statistic), pytest.approx(expected.pvalue)
    )  # fmt: skip
    assert [head[-1] for head in table.printed()[0].heads()][-1] == "P Value*"


def test_unrecorded_characteristics_are_named(tmp_path: Path) -> None:
    cases = patients()
    cases.loc[cases["dataset"].eq("public"), "age"] = np.nan
    cases.loc[cases["patient"].eq("test0"), "sex"] = ""
    table = ssc_table1.make(cohorts(tmp_path, cases=cases))
    rows = {name: cells for name, *cells in table.printed()[0].rows()}
    assert rows["Age (y)"][3:] == ["ND", ""]
    assert rows["No. of women"][1] == "3 (100)"
    assert any("No. of women in test: 1 of 4" in note for note in table.notes)


def test_constant_and_tiny_cohorts_say_not_defined(tmp_path: Path) -> None:
    cases = patients().assign(age=60)
    table = ssc_table1.make(cohorts(tmp_path, cases=cases[~cases["patient"].isin(["T0", "T1"])]))
    rows = {name: cells for name, *cells in table.printed()[0].rows()}
    assert rows["Age (y)"][2] == "not defined"
    assert any("Age (y)" in note and "not defined" in note for note in table.notes)


def on_variants(folder: Path, variants: dict[str, tuple[str, ...]], *, own: str = "") -> Results:
    """Return the cohorts with each patient's extent on variants, 10 more on each than on the one before."""
    results = cohorts(folder)
    rows = [
        row(value + 10 * step, metric="extent", reader="", slices="all", dataset=dataset, patient=f"{name}{n}")
        | {"variant": variant}
        for dataset, name in (("routine", "test"), ("public", "external"))
        for n, value in enumerate(EXTENTS[name])
        for step, variant in enumerate(variants[f"{name}{n}"] if f"{name}{n}" in variants else variants[name])
    ]
    study = replace(results.study, scoring=replace(results.study.scoring, own_variant=own))
    return replace(results, study=study, scores=rows_frame(rows))


def test_extents_are_of_one_variant(tmp_path: Path) -> None:
    both = {"test": ("LK", "MK"), "external": ("LK", "MK"), "test1": ("MK",)}
    extents = predicted_extents(on_variants(tmp_path, both))
    assert set(extents["variant"]) == {"MK"}
    assert extents.set_index("patient").loc["test0", "value"] == pytest.approx(17.5 + 10)
    own = on_variants(tmp_path, both, own="LK")
    assert predicted_extents(own).set_index("patient").loc["test0", "value"] == pytest.approx(17.5)
    for module in (ssc_table1, ssc_table3):
        notes = [note for note in module.make(own).notes if note.startswith("Disease extent on images")]
        assert len(notes) == 1
        assert "variant LK." in notes[0]
        assert "Test Dataset: 1 of 4" in notes[0]
    assert ssc_table3.make(own).frame["n"].tolist() == [3, 4]


def test_cohorts_on_different_variants_are_not_compared(tmp_path: Path) -> None:
    results = on_variants(tmp_path, {"test": ("LK",), "external": ("MK",)})
    with pytest.raises(NotApplicableError, match=r"LK: 4 of 4, 0 of 4; MK: 0 of 4, 4 of 4; or name a variant"):
        ssc_table3.make(results)
    table = ssc_table1.make(results)
    assert not table.frame["kind"].eq("extent").any()
    assert any(note.startswith("Disease extent left out: needs one variant") for note in table.notes)


def test_cohorts_that_share_patients_are_not_compared(tmp_path: Path) -> None:
    results = cohorts(tmp_path)
    settings = results.study.tables.cohorts
    everyone = replace(settings.cohorts[1], name="everyone", role="")
    shared = replace(settings, cohorts=(*settings.cohorts, everyone))
    study = replace(results.study, tables=replace(results.study.tables, cohorts=shared))
    with pytest.raises(AnalysisError, match="cohorts training and everyone: 3 patients are in both"):
        ssc_table1.make(replace(results, study=study))


def pair_rows(values: dict[tuple[str, str], tuple[float, ...]]) -> pd.DataFrame:
    """Return score rows of pairs: two readers, a reader's repeat, or a reader and the model."""
    rows = []
    for (first, second), numbers in values.items():
        for n, value in enumerate(numbers):
            words = {"patient": f"P{n}", "reader": first, "slices": "annotated"}
            if second != "model":
                kind = "repeat" if "repeat" in second else "reader"
                words |= {"trainer": kind, "arm": second, "variant": "", "variant_kind": ""}
            rows.append(row(value, **words))
    return rows_frame(rows)


def three(median: float, q1: float, q3: float) -> tuple[float, float, float]:
    """Return three values with exactly these quartiles (type 7)."""
    return 2 * q1 - median, median, 2 * q3 - median


def test_table2_notation_is_the_papers(tmp_path: Path) -> None:
    published = load_published("chassagnon_2020")
    published = published[published["source"].eq("Table 2") & published["value"].notna()]
    cells = published.pivot(index=["row", "column", "printed"], columns="statistic", values="value").reset_index()
    names = {"Radiologist 1": "reader1", "Radiologist 2": "reader2", "Radiologist 3": "reader3", "AtlasNet": "model"}
    cells = cells[cells["column"].isin(names)]
    values = {
        (names[cell["row"]], names[cell["column"]]): three(cell["median"], cell["q1"], cell["q3"])
        for cell in cells.to_dict("records")
    }
    study = replace(full_study(tmp_path), test_sets=full_study(tmp_path).test_sets[4:5])
    section = ssc_table2.make(in_memory(study, pair_rows(values))).printed()[0]
    printed = {
        (name, head[-1]): cell
        for name, *line in section.rows()
        for head, cell in zip(section.heads(), line, strict=True)
    }
    assert len(cells) == 6
    for cell in cells.to_dict("records"):
        spoken = {name: name.replace("Radiologist", "Reader") for name in names} | {"AtlasNet": "U-net, RR"}
        assert printed[spoken[cell["row"]], spoken[cell["column"]]] == cell["printed"]
    assert printed["Reader 2", "Reader 2"] == printed["Reader 3", "Reader 3"] == "..."


def test_table2_has_repeats_and_counts(tmp_path: Path) -> None:
    scores = pair_rows({
        ("reader1", "reader2"): (0.6, 0.7, 0.8), ("reader1", "model"): (0.5, 0.6, 0.7),
        ("reader1", "reader1_repeat"): (0.9, 0.8, 0.7),
    })  # fmt: skip
    scores.loc[scores["trainer"].eq(UNET) & scores["patient"].eq("P0"), ["value", "status"]] = (np.nan, "missing")
    study = replace(full_study(tmp_path), test_sets=full_study(tmp_path).test_sets[4:5])
    table = ssc_table2.make(in_memory(study, scores))
    lines = table.printed()[0].rows()
    assert lines[0] == ("Reader 1", "0.70 (0.65–0.75)", "0.60 (0.30–0.65)")
    assert lines[-1] == ("Reader 1, repeated reading (reader1_repeat)", "0.80 (0.75–0.85)", "")
    assert "Predictions (one model on one image): 3, 1 of them missing or failed." in table.notes
    assert any(
        "3 with a value; missed 1 (1 without a prediction, 0 empty), counted as 0" in note for note in table.notes
    )
    assert any(note == "DSC: 6 values of readers with each other, 6 with a value." for note in table.notes)


def test_table3_by_hand(tmp_path: Path) -> None:
    cases = patients()
    cases.loc[cases["patient"].eq("test1"), "fvc"] = 60.0
    table = ssc_table3.make(cohorts(tmp_path, cases=cases))
    section = table.printed()[0]
    assert section.heads() == [
        ("Test Dataset (n = 4)", "U-net", "ρ (95% CI)"), ("Test Dataset (n = 4)", "U-net", "P Value"),
        ("External Validation Dataset (n = 4)", "U-net", "ρ (95% CI)"),
        ("External Validation Dataset (n = 4)", "U-net", "P Value"),
    ]  # fmt: skip
    expected = stats.spearmanr(EXTENTS["test"], [82.5, 60.0, 69.2, 80.0])
    p = f"{expected.pvalue:.3f}"[1:]
    interval = clustered_spearman(EXTENTS["test"], [82.5, 60.0, 69.2, 80.0], [1, 2, 3, 4])
    rho = with_interval(expected.statistic, interval.low, interval.high, decimals=2)
    assert section.rows() == [("Predicted FVC (%)", rho, p, "−1.00 (no interval)", ".083")]
    assert table.frame["n"].tolist() == [4, 4]
    assert any("perfect rank correlation" in note for note in table.notes)


def test_table3_with_too_few_patients_is_not_defined(tmp_path: Path) -> None:
    cases = patients()
    cases.loc[cases["patient"].isin(["test0", "test1"]), "fvc"] = np.nan
    table = ssc_table3.make(cohorts(tmp_path, cases=cases))
    assert table.printed()[0].rows()[0][1:3] == ("–", "not defined")
    assert any("2 patients" in note for note in table.notes)
    assert any("Predicted FVC (%), Test Dataset, U-net: 2 of 4" in note for note in table.notes)


@pytest.mark.parametrize("module", [ssc_table1, ssc_table2, ssc_table3])
def test_what_the_study_lacks_is_named(module, tmp_path: Path) -> None:
    study = full_study(tmp_path)
    study = replace(study, tables=replace(study.tables, cohorts=CohortTables()))
    with pytest.raises(NotApplicableError, match="needs"):
        module.make(in_memory(study, rows_frame([])))


def test_extents_of_missing_predictions_are_left_out(tmp_path: Path) -> None:
    results = full_results(tmp_path)
    chosen = results.scores["metric"].eq("extent") & results.scores["patient"].eq("P01")
    scores = results.scores
    scores.loc[chosen, ["value", "status"]] = (np.nan, "missing")
    frame = ssc_table3.make(replace(results, scores=scores)).frame
    assert frame["n"].eq(5).all()

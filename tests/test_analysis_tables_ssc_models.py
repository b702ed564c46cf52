"""Staging, correlation and false positives with networks and HU ranges side by side, by hand."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from analysis_scores import study_from
from matplotlib import pyplot as plt
from table_scores import in_memory, rows_frame
from table_scores import row as score_row

from analysis.emulated_marks import emulated_notes, marked_study
from analysis.errors import NotApplicableError
from analysis.figures import ssc_figure5
from analysis.make_tables import write_table
from analysis.results import CASE_COLUMNS, IMAGE_COLUMNS, Results
from analysis.statistics.correlation import spearman
from analysis.table_parts.cohort_values import predicted_extents
from analysis.tables import ssc_false_positives, ssc_staging, ssc_table1, ssc_table3
from benchmarks.study import Study
from dataset_converters.datasets import phantom

PHANTOM = Path(__file__).resolve().parents[1] / "benchmarks" / "studies" / "ssc_phantom.toml"
UNET = "nnUNetTrainerSScUNet"
FVC = (95.0, 65.0, 75.0, 60.0, np.nan, 90.0)
UNET_EXTENT = (5.0, 15.0, 15.0, 35.0, 25.0, 8.0)
RANGE_EXTENT = (4.0, 9.0, 25.0, 31.0, 12.0, 20.0)
READ_EXTENT = (6.0, 12.0, 31.0, 40.0, 21.0, 9.0)


def study(folder: Path) -> Study:
    """Return the phantom study with the U-Net as its only network."""
    text = PHANTOM.read_text(encoding="utf-8")
    for pattern, new in (
        (r'\[\[arms\]\][^\[]*\nname = "atlas"(?:.|\n)*?\n\n', ""),
        (r'\[\[trainers\]\]\nname = "nnUNetTrainerAtlasNet"\n.*\n\n', ""),
        (r'"atlas", "atlas-T1", ', ""),
        (r'lung_from = "atlas"', 'lung_from = "unet"'),
        (r"comparisons = .*\n", ""),
    ):
        text, count = re.subn(pattern, new, text)
        assert count
    return study_from(text, folder)


@pytest.mark.parametrize("name", ["correlation", "external"])
def test_lung_function_of_the_simulated_patients_falls_with_their_extent(name: str, tmp_path: Path) -> None:
    use = next(entry for entry in study(tmp_path).datasets if entry.name == name)
    cases = phantom.list_cases(tmp_path, **use.options)
    true = [case.covariates["disease_extent"] for case in cases]
    for entry in study(tmp_path).tables.cohorts.lung_function:
        assert spearman(true, [case.covariates[entry.covariate] for case in cases]).estimate < -0.4


def extent(value: float, case: int, dataset: str, **words: object) -> dict:
    """Return a score row of a predicted extent."""
    base = {"metric": "extent", "reader": "", "slices": "all", "dataset": dataset, "patient": f"P{case}"}
    return score_row(value, **(base | words))


def results(folder: Path, *, external: int = 6) -> Results:
    """Return six patients of the correlation cohort, some external ones; the network on LK and SK, HU ranges on MK."""
    rows = []
    for dataset, sharp, number in (("correlation", "LK", 6), ("external", "SK", external)):
        for case in range(number):
            rows.append(extent(UNET_EXTENT[case], case, dataset, arm="unet", trainer=UNET, variant=sharp))
            soft = {"arm": "salaffi", "trainer": "hu_range"}
            rows.append(extent(RANGE_EXTENT[case], case, dataset, **soft, variant="MK"))
            refusal = {"status": "refused", "reason": "prediction: kernel B70f is sharp"}
            rows.append(extent(np.nan, case, dataset, **soft, variant=sharp) | refusal)
            words = {"arm": "unet", "trainer": UNET, "variant": sharp, "reader": "truth", "metric": "reference_extent"}
            rows.append(extent(READ_EXTENT[case], case, dataset, **words))
    cases = pd.DataFrame(
        [
            (dataset, f"P{n}", f"P{n}", "test", FVC[n])
            for dataset, k in (("correlation", 6), ("external", external))
            for n in range(k)
        ],
        columns=[*CASE_COLUMNS, "fvc_percent_predicted"],
    )
    return in_memory(study(folder), rows_frame(rows), cases=cases, images=_images("simulated"))


def _images(soft_kind: str) -> pd.DataFrame:
    rows = []
    for dataset, sharp, kernel in (("correlation", "LK", "B70f"), ("external", "SK", "B50f")):
        for n in range(6):
            ids = (dataset, f"P{n}", f"P{n}")
            rows.append((*ids, sharp, "simulated", 10, 8, kernel, ""))
            rows.append((*ids, "MK", soft_kind, 10, 8, "B30f", kernel if soft_kind == "emulated" else ""))
    return pd.DataFrame(rows, columns=[*IMAGE_COLUMNS, "kernel", "emulated_from"])


def test_each_model_is_measured_on_its_own_variant(tmp_path: Path) -> None:
    found = predicted_extents(results(tmp_path))
    variants = found.groupby(["recipe", "dataset"])["variant"].agg(set).to_dict()
    assert variants == {
        ("unet", "correlation"): {"LK"}, ("unet", "external"): {"SK"},
        ("salaffi", "correlation"): {"MK"}, ("salaffi", "external"): {"MK"},
    }  # fmt: skip
    note = next(note for note in ssc_table3.make(results(tmp_path)).notes if note.startswith("Disease extent on"))
    assert "variant LK; External validation: SK; −700 to −200 HU: MK." in note


def test_without_a_variant_of_its_own_the_external_cohort_stops_the_table(tmp_path: Path) -> None:
    made = results(tmp_path)
    tables = made.study.tables
    external = tuple(replace(entry, variant="") for entry in tables.cohorts.external)
    bare = replace(made.study, tables=replace(tables, cohorts=replace(tables.cohorts, external=external)))
    with pytest.raises(NotApplicableError, match="needs one variant"):
        ssc_table3.make(replace(made, study=bare))


def test_staging_by_hand(tmp_path: Path) -> None:
    table = ssc_staging.make(results(tmp_path, external=2))
    section = table.printed()[0]
    assert section.title == "Correlation with lung function (n = 6)"
    # U-Net: limited, extensive by FVC, limited by FVC, extensive, extensive by the 20 % rule, limited
    # readers: limited, extensive by FVC, extensive, extensive, extensive by the 20 % rule, limited
    rows = {row[0]: row[1:] for row in section.rows()}
    assert rows["U-Net"][:6] == ("3 (50)", "3 (50)", "2 (33)", "1 (17)", "0", "5 of 6")
    assert rows["Readers"] == ("2 (33)", "4 (67)", "1 (17)", "1 (17)", "0", "", "")
    frame = table.frame[table.frame["cohort"].eq("correlation")].set_index("model")
    assert frame.loc["U-Net", "kappa"] == pytest.approx((5 / 6 - 0.5) / 0.5)
    assert frame.loc["−700 to −200 HU", "limited"] == 5
    assert any(note.startswith("κ of U-Net, External validation: 2 patients") for note in table.notes)
    assert any(note == "FVC: fvc_percent_predicted." for note in table.notes)


def test_staging_without_fvc_or_extent_says_so(tmp_path: Path) -> None:
    made = results(tmp_path)
    tables = replace(made.study.tables, cohorts=replace(made.study.tables.cohorts, fvc=""))
    scores = made.scores
    lost = scores["arm"].eq("unet") & scores["patient"].eq("P1") & scores["metric"].eq("extent")
    table = ssc_staging.make(replace(made, study=replace(made.study, tables=tables), scores=scores[~lost]))
    row = table.frame[table.frame["model"].eq("U-Net") & table.frame["cohort"].eq("correlation")].iloc[0]
    assert (row["fvc"], row["extent_only"], row["not_stageable"]) == (0, 2, 1)
    assert any("the extent decides" in note for note in table.notes)
    assert "No stage, U-Net, Correlation with lung function: 1 no disease extent of 6." in table.notes


def test_staging_needs_extents(tmp_path: Path) -> None:
    made = results(tmp_path)
    with pytest.raises(NotApplicableError, match="needs scores of the metric extent"):
        ssc_staging.make(replace(made, scores=made.scores[made.scores["metric"].ne("extent")]))


def test_networks_and_ranges_stand_side_by_side_with_their_kernels(tmp_path: Path) -> None:
    made = results(tmp_path, external=3)
    table = write_table(ssc_table3, made, folder=tmp_path, footer="")
    heads = [head[1] for head in table.printed()[0].heads()]
    assert heads == 2 * ["U-Net", "U-Net", "−700 to −200 HU", "−700 to −200 HU"]
    assert "an interval needs 4 patients" in " ".join(table.notes)
    note = next(note for note in table.notes if note.startswith("−700 to −200 HU: "))
    assert "within the lung of U-Net predicted on LK or SK" in note
    assert "kernels of its images: B30f (9 images)" in note
    assert "Refused: 9 images: kernel B70f is sharp." in note
    assert "HAA" not in " ".join(table.notes)
    extents = write_table(ssc_table1, made, folder=tmp_path, footer="")
    assert any("B30f (9 images)" in note for note in extents.notes)


def test_a_constant_cohort_is_a_stated_reason(tmp_path: Path) -> None:
    made = results(tmp_path)
    scores = made.scores
    scores.loc[scores["arm"].eq("salaffi") & scores["status"].eq("ok"), "value"] = 7.0
    table = ssc_table3.make(replace(made, scores=scores))
    words = [note for note in table.notes if "all values of one variable are equal" in note]
    assert any("−700 to −200 HU" in note for note in words)


def test_more_than_six_columns_are_blocks_of_one_cohort(tmp_path: Path) -> None:
    made = results(tmp_path)
    extra = made.scores[made.scores["arm"].eq("salaffi")]
    scores = pd.concat([made.scores, extra.assign(arm="HAA"), extra.assign(arm="LAA")])
    assert [section.heads()[0][0] for section in ssc_table3.make(replace(made, scores=scores)).printed()] == [
        "Correlation with lung function (n = 6)", "External validation (n = 6)",
    ]  # fmt: skip


def test_ranges_on_emulated_images_are_marked(tmp_path: Path) -> None:
    bare, images = study(tmp_path), _images("emulated")
    shown = marked_study(bare, images)
    assert [entry.label.endswith("¶") for entry in shown.baselines] == [True, True, True]
    assert not shown.arms[0].label.endswith("¶")
    assert emulated_notes(shown, images)[0].startswith("¶ MK: emulated")
    assert not any(entry.label.endswith("¶") for entry in marked_study(bare, _images("native")).baselines)


def test_every_model_has_a_figure_with_a_falling_extent(tmp_path: Path) -> None:
    figures = ssc_figure5.make(results(tmp_path))
    assert len(figures) == 2
    assert [set(figure.frame["arm"]) for figure in figures] == [{"unet"}, {"salaffi"}]
    assert "B30f (12 images)" in figures[1].caption
    for figure in figures:
        plt.close(figure.figure)


def false_positives(folder: Path, *, missing: bool = False) -> Results:
    """Return volumes of three patients by the network: reader truth outlined every slice, reader1 some slices."""
    parts = {"lung_border": 1.0, "outside_body": 0.0, "below_diaphragm": 2.0, "airways": 0.0, "mediastinum": 0.05}
    rows = []
    for case in range(3):
        words = {"arm": "unet", "trainer": UNET, "variant": "LK", "dataset": "correlation", "patient": f"P{case}"}
        volumes = parts | {"chest_wall": case / 10, "outside_lung": 3.05 + case / 10}
        for region, value in volumes.items():
            whole = words | {"metric": f"false_positives_{region}", "reader": "truth", "slices": "all"}
            lost = missing and case == 2
            rows.append(score_row(np.nan if lost else value, **whole) | ({"status": "missing"} if lost else {}))
        some = {"metric": "false_positives_outside_lung", "reader": "reader1", "slices": "annotated"}
        rows.append(score_row(99.0, **(words | some)))
    return in_memory(study(folder), rows_frame(rows))


def test_false_positives_by_region_by_hand(tmp_path: Path) -> None:
    section = ssc_false_positives.make(false_positives(tmp_path)).printed()[0]
    assert section.title == "Correlation"
    heads = [head[-1] for head in section.heads()]
    volumes, seen = section.rows()
    assert volumes[0] == "U-Net (n = 3)"
    assert dict(zip(heads, volumes[2:], strict=True)) == {
        "Anywhere": "3.15 [3.10–3.20]", "Edge of the lung": "1.00 [1.00–1.00]", "Mediastinum": "0.05 [0.05–0.05]",
        "Airways": "0.00 [0.00–0.00]", "Below the diaphragm": "2.00 [2.00–2.00]",
        "Chest wall, neck": "0.10 [0.05–0.15]", "Outside the body": "0.00 [0.00–0.00]",
    }  # fmt: skip
    counts = dict(zip(heads, seen[2:], strict=True))
    assert (counts["Chest wall, neck"], counts["Mediastinum"], counts["Anywhere"]) == ("2 (67)", "0", "3 (100)")


def test_false_positives_leave_missing_predictions_out_and_count_them(tmp_path: Path) -> None:
    table = ssc_false_positives.make(false_positives(tmp_path, missing=True))
    assert table.frame["n"].eq(2).all()
    assert any("left out: U-Net, correlation: 1" in note for note in table.notes)


def test_false_positives_need_a_whole_lung(tmp_path: Path) -> None:
    made = false_positives(tmp_path)
    scores = made.scores[made.scores["metric"].eq("false_positives_outside_lung")]
    with pytest.raises(NotApplicableError, match="outlined the lung on every slice"):
        ssc_false_positives.make(replace(made, scores=scores))

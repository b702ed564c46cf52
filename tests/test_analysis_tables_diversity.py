"""Tables I to V of Hofmanninger et al. 2020 by hand, and their notation on every number the paper prints."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from table_scores import RESNET, UNET, full_results, full_study, in_memory, row, rows_frame

from analysis.errors import NotApplicableError
from analysis.published_results import load_published
from analysis.results import IMAGE_COLUMNS, TRAINING_COLUMNS
from analysis.table_parts.case_cells import best_cells, case_summary, printed_cell
from analysis.tables import diversity_table1, diversity_table2, diversity_table3, diversity_table4, diversity_table5

BOTH_LUNGS = ("right_lung", "left_lung")


def lungs(value: float, **changes: object) -> list[dict]:
    """Return score rows of both lungs of one case, right and left 0.02 apart around the value."""
    return [
        row(value + shift, structure=structure, **changes)
        for structure, shift in zip(BOTH_LUNGS, (-0.01, 0.01), strict=True)
    ]


def cell_of(mean: float, sd: float, *, infinite: int = 0) -> dict:
    """Return the summary of three cases with exactly this mean and sample SD, and infinite ones."""
    values = [mean - sd, mean, mean + sd, *[np.inf] * infinite]
    return case_summary(pd.DataFrame({"value": values, "status": "ok"}))


def test_pooled_notation_is_the_papers_for_every_printed_cell() -> None:
    published = load_published("hofmanninger_2020")
    published = published[
        published["source"].isin(["Table III", "Table IV"]) & published["statistic"].isin(["mean", "sd"])
    ]
    cells = published.pivot_table(index="printed", columns="statistic", values="value")
    pooled = cells.dropna()
    assert len(pooled) > 50
    for printed, numbers in pooled.iterrows():
        assert printed_cell(cell_of(numbers["mean"], numbers["sd"]), pooled=True) == printed
    single = cells[cells["sd"].isna()]
    assert len(single) > 10
    for printed, numbers in single.iterrows():
        assert printed_cell(cell_of(numbers["mean"], 0.01), pooled=False) == printed


def test_infinite_distances_stand_beside_the_mean() -> None:
    cell = cell_of(9.19, 18.15, infinite=2)
    assert printed_cell(cell, pooled=True) == "9.19±18.15 (2 without distance)"
    assert (cell["n"], cell["infinite"], cell["median"]) == (5, 2, pytest.approx(27.34))
    nothing = case_summary(pd.DataFrame({"value": [np.inf], "status": "missing"}))
    assert printed_cell(nothing, pooled=True) == "– (1 without distance)"
    assert printed_cell(case_summary(pd.DataFrame({"value": [], "status": []})), pooled=True) == "–"


def test_best_is_compared_as_printed() -> None:
    cells = [(0, 0, "DSC", 0.991), (1, 0, "DSC", 0.989), (2, 0, "DSC", 0.97), (0, 1, "HD95", 9.0), (1, 1, "HD95", 8.9)]
    assert best_cells(cells) == {(0, 0), (1, 0), (1, 1)}
    assert best_cells([(0, 0, "DSC", 0.9)]) == frozenset()
    assert best_cells([(0, 0, "DSC", 0.9), (1, 0, "DSC", 0.9)]) == frozenset()
    assert best_cells([(0, 0, "DSC", np.nan), (1, 0, "DSC", 0.5)]) == frozenset()


def test_table1_by_hand(tmp_path: Path) -> None:
    training = pd.DataFrame(
        [("RR", 0, 0, "routine", "A", "A", "LK", np.nan), ("RR", 0, 0, "routine", "B", "B", "LK", np.nan),
         ("PUB", 0, 0, "public", "C", "C", "LK", np.nan)],
        columns=list(TRAINING_COLUMNS),
    )  # fmt: skip
    images = pd.DataFrame(
        [("routine", "A", "A", "LK", "native", 100, 60), ("routine", "B", "B", "LK", "native", 50, 40),
         ("public", "C", "C", "LK", "native", 70, np.nan)],
        columns=list(IMAGE_COLUMNS),
    )  # fmt: skip
    table = diversity_table1.make(in_memory(full_study(tmp_path), rows_frame([]), training=training, images=images))
    assert table.printed()[0].row_headers() == ("Abbr.",)
    assert [head[-1] for head in table.printed()[0].heads()] == ["Name", "#Vol.", "#SlicesL", "#Slices"]
    assert table.printed()[0].rows() == [("RR", "RR36", "2", "100", "150"), ("PUB", "LTRC36", "1", "–", "70")]
    assert any("PUB (1 of 1 volumes)" in note for note in table.notes)


def test_table1_counts_chosen_slices_only(tmp_path: Path) -> None:
    training = pd.DataFrame(
        [("RR", 0, 0, "routine", "A", "A", "LK", 7), ("RR", 0, 0, "routine", "B", "B", "LK", 2),
         ("PUB", 0, 0, "public", "C", "C", "LK", np.nan)],
        columns=list(TRAINING_COLUMNS),
    )  # fmt: skip
    images = pd.DataFrame(
        [("routine", "A", "A", "LK", "native", 100, 60), ("routine", "B", "B", "LK", "native", 50, np.nan),
         ("public", "C", "C", "LK", "native", 70, 30)],
        columns=list(IMAGE_COLUMNS),
    )  # fmt: skip
    table = diversity_table1.make(in_memory(full_study(tmp_path), rows_frame([]), training=training, images=images))
    assert table.printed()[0].rows() == [("RR", "RR36", "2", "9", "9"), ("PUB", "LTRC36", "1", "30", "70")]
    assert "Trained on chosen slices with lung only, which both columns count: RR." in table.notes


def test_table2_by_hand(tmp_path: Path) -> None:
    results = full_results(tmp_path, patients=2)
    study = results.study
    sets = (replace(study.test_sets[0], label="Both", datasets=("public", "routine")), *study.test_sets[1:4])
    results = replace(results, study=replace(study, test_sets=sets))
    table = diversity_table2.make(results)
    assert table.printed()[0].rows() == [
        ("Both", "Public, Routine", "4", "32", "40"),
        ("RRT", "Routine", "2", "16", "20"),
        ("LTRC", "Public", "2", "16", "20"),
        ("", "Total", "4", "32", "40"),
    ]
    assert any("share images" in note for note in table.notes)


def test_table3_by_hand(tmp_path: Path) -> None:
    rows = []
    for trainer in (UNET, RESNET):
        for arm, shift in (("RR", 0.0), ("PUB", 0.1 if trainer == RESNET else -0.1)):
            words = {"trainer": trainer, "arm": arm}
            rows += lungs(0.8 + shift, dataset="public", patient="A", **words)
            rows += lungs(0.6 + shift, dataset="routine", patient="A", **words)
            rows += lungs(0.7 + shift, dataset="routine", patient="B", **words)
            for patient, value in (("A", 10.0), ("B", np.inf)):
                rows += [row(value, metric="HD95", structure=side, patient=patient, **words) for side in BOTH_LUNGS]
    table = diversity_table3.make(in_memory(full_study(tmp_path), rows_frame(rows)))
    section = table.printed()[0]
    assert section.row_headers() == ("Architecture", "Trainingset")
    assert section.heads() == [
        ("Test datasets (DSC) - Lung slices only", "Public", "LTRC"),
        ("Test datasets (DSC) - Lung slices only", "Routine", "RRT"),
        ("DSC±STD", "", "All(L)*"),
        ("DSC±STD", "", "All"),
        ("HD95(mm)±STD", "", "All"),
    ]
    assert section.rows() == [
        ("U-net", "RR", "0.80", "0.65", "0.7±0.1", "0.65±0.07", "10.0±– (1 without distance)"),
        ("", "PUB", "0.70", "0.55", "0.6±0.1", "0.55±0.07", "10.0±– (1 without distance)"),
        ("ResU-net", "RR", "0.80", "0.65", "0.7±0.1", "0.65±0.07", "10.0±– (1 without distance)"),
        ("", "PUB", "0.90", "0.75", "0.8±0.1", "0.75±0.07", "10.0±– (1 without distance)"),
    ]
    assert {place for place in section.bold if place[1] < 4} == {
        (0, 0), (0, 1), (0, 2), (0, 3), (3, 0), (3, 1), (3, 2), (3, 3)
    }  # fmt: skip
    cell = table.frame[table.frame["column"].eq("All") & table.frame["metric"].eq("HD95")].iloc[0]
    assert (cell["n"], cell["infinite"], cell["median"]) == (2, 1, np.inf)
    assert any(note.startswith("All(L)*: 3 cases of LTRC, RRT. *Dominated by LTRC.") for note in table.notes)
    assert any("MSD is not scored" in note for note in table.notes)
    assert any(
        "HD95: 8 values" in note and "4 without distance (4 slice by slice, one mask on a slice)" in note
        for note in table.notes
    )


def test_table4_restricts_to_the_cases_a_reference_system_did(tmp_path: Path) -> None:
    rows = []
    model = {"A": 0.9, "B": 0.8, "C": 0.5}
    for patient, value in model.items():
        rows += lungs(value, patient=patient, slices="all")
    system = {"trainer": "centred_ellipsoid", "arm": "ellipsoid", "slices": "all"}
    rows += lungs(0.6, patient="A", **system)
    rows += [row(0.0, structure=side, patient="B", **system) for side in BOTH_LUNGS]
    rows += [row(np.nan, structure=side, patient="C", status="failed", **system) for side in BOTH_LUNGS]
    table = diversity_table4.make(in_memory(full_study(tmp_path), rows_frame(rows)))
    section = table.printed()[0]
    lines = {name: cells for name, *cells in section.rows()}
    heads = [head[-1] for head in section.heads()]
    rrt, pooled = heads.index("RRT"), heads.index("All")
    assert list(lines) == ["U-net(RR)", "Ellipsoid", "U-net(RR)**", "Ellipsoid**", "Ellipsoid #cases**"]
    assert [line[rrt] for line in lines.values()] == ["0.73", "0.20", "0.90", "0.60", "1/3"]
    assert lines["Ellipsoid"][pooled] == "0.2±0.35"
    assert (0, rrt) in section.bold
    assert (2, rrt) in section.bold
    assert (3, rrt) not in section.bold


def test_table4_without_failures_has_no_restricted_rows(tmp_path: Path) -> None:
    rows = lungs(0.9, slices="all") + lungs(0.5, slices="all", trainer="centred_ellipsoid", arm="ellipsoid")
    table = diversity_table4.make(in_memory(full_study(tmp_path), rows_frame(rows)))
    assert [name for name, *_ in table.printed()[0].rows()] == ["U-net(RR)", "Ellipsoid"]
    assert any("no rows are restricted" in note for note in table.notes)


def test_table5_by_hand(tmp_path: Path) -> None:
    overlaps = [0.04, 0.05, 0.5, 0.95, 0.951]
    words = {"metric": "tumour_overlap", "structure": "lung", "slices": "all"}
    rows = [row(value, patient=f"P{n}", **words) for n, value in enumerate(overlaps)]
    rows += [row(0.3, patient="P0", trainer="centred_ellipsoid", arm="ellipsoid", **words)]
    rows += [row(np.nan, patient="P1", trainer="centred_ellipsoid", arm="ellipsoid", status="missing", **words)]
    table = diversity_table5.make(in_memory(full_study(tmp_path), rows_frame(rows)))
    section = table.printed()[0]
    assert section.title == "RRT (n = 5)"
    assert section.heads()[2:] == [("Tumor overlap", "< 5%"), ("Tumor overlap", "> 95%")]
    assert section.rows() == [("Ellipsoid", "15%", "15%", "1", "0"), ("U-net(RR)", "50%", "50%", "1", "1")]
    assert any("missed 1 (1 without a prediction, 0 empty), counted as 0" in note for note in table.notes)


@pytest.mark.parametrize(
    "module", [diversity_table1, diversity_table2, diversity_table3, diversity_table4, diversity_table5]
)
def test_no_scores_is_not_applicable(module, tmp_path: Path) -> None:
    with pytest.raises(NotApplicableError, match="needs"):
        module.make(in_memory(full_study(tmp_path), rows_frame([])))


@pytest.mark.parametrize("module", [diversity_table3, diversity_table4])
def test_everything_missing_is_counted(module, tmp_path: Path) -> None:
    results = full_results(tmp_path, patients=2)
    scores = results.scores.assign(value=np.nan, status="missing")
    table = module.make(in_memory(results.study, scores))
    assert table.frame.loc[table.frame["metric"].eq("DSC") & table.frame["n"].gt(0), "mean"].eq(0).all()
    assert any("missing or failed" in note for note in table.notes)

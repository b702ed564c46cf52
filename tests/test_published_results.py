"""Published results: nothing lost, every contradiction flagged and every flag found, slips noticed."""

import random
import tomllib
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import published_results
from analysis.errors import AnalysisError
from analysis.published.general_checks import not_as_printed
from analysis.published.printed_numbers import overlap
from analysis.published_results import PAPERS, find_contradictions, load_published, published_cells

ROWS_AND_CELLS = {
    "hoang_thi_2021": {
        **{"Table 1": (90, 18), "Fig. 1": (6, 6), "Abstract": (46, 22), "Text 3.1": (52, 24), "Text 3.2": (42, 18)},
        **{"Text 2.2": (7, 7), "Text 2.3": (10, 10)},
    },
    "hofmanninger_2020": {
        **{"Table I": (20, 20), "Table II": (47, 47), "Table III": (304, 240), "Table IV": (155, 116)},
        **{"Table V": (16, 16), "Table II caption": (2, 2), "Table III caption": (2, 2), "Table IV caption": (2, 2)},
        **{"Fig. 4 caption": (1, 1), "Text I": (6, 6), "Text II.C": (16, 16), "Text II.E": (5, 5), "Text III": (5, 5)},
        **{"Text III.A": (17, 11), "Text III.B": (9, 5), "Text III.C": (10, 10), "Text III.D": (36, 22)},
        **{"Text III.E": (8, 5), "Text III.F": (8, 8)},
    },
    "chassagnon_2020": {
        **{"Table 1 header": (4, 4), "Table 1": (154, 78), "Table 1 note": (1, 1), "Table 2": (30, 12)},
        **{"Table 3": (48, 48), "Abstract": (26, 26), "Key Points": (6, 6), "Text Study Design": (11, 11)},
        **{"Text CT Examinations": (6, 3), "Text Image Assessment": (8, 8), "Text Discussion": (7, 7)},
        **{"Text Patient Characteristics": (58, 30), "Text Segmentation Comparisons": (54, 38)},
    },
    "lee_2018": {"Fig. 9 caption": (4, 2)},
    "lee_2023": {
        **{"Table 1": (50, 20), "Table 1 note": (1, 1), "Table 2": (25, 15), "Table 3": (50, 30), "Table 4": (30, 10)},
        **{"Fig. 4 caption": (12, 4), "Fig. 5 caption": (18, 6), "Abstract": (19, 13), "Text Agreement": (30, 10)},
        **{"Text Study Population": (6, 6), "Text Patient Demographics": (9, 7), "Text Comparison": (3, 3)},
    },
}
HOANG, HOFMANNINGER, CHASSAGNON, LEE = "hoang_thi_2021", "hofmanninger_2020", "chassagnon_2020", "lee_2023"
BOTH, WOMEN, AGREEMENT = "Applied on both kernel | ILD", "No. of women", "mean difference, 95% limits of agreement"
SLIPS = [  # paper, source, row, column, statistic, the slip, the check that must notice
    (HOANG, "Table 1", "Trained on lung kernel", BOTH, "median", 0.54, "repeats"),
    (HOANG, "Table 1", "Trained on lung kernel", BOTH, "q1", 0.47, "repeats"),
    (HOANG, "Table 1", "Trained on lung kernel", BOTH, "min", 0.31, "kernels"),
    (HOANG, "Table 1", "Trained on lung kernel", BOTH, "max", 0.88, "kernels"),
    (HOANG, "Table 1", "Trained on lung kernel", BOTH, "q3", 0.36, "order"),
    (HOANG, "Fig. 1", "both kernel", "Lung kernel", "single_case", 0.96, "within_range"),
    (HOANG, "Abstract", "COVID-19", "slices", "count", 323690, "totals"),
    (HOANG, "Text 2.3", "ILD | test", "slices", "count", 40, "totals"),
    (HOANG, "Text 3.1", "ILD | trained on LK+MK vs LK | applied on LK", "P", "p", 0.06, "repeats"),
    (HOFMANNINGER, "Table I", "LTRC36", "#Slices", "count", 3339, "equal_sizes"),
    (HOFMANNINGER, "Table II", "Ath.", "#SlicesL", "count", 359, "totals"),
    (HOFMANNINGER, "Table II", "PnTh", "#Vol.", "count", 3, "origins"),
    (HOFMANNINGER, "Table III", "DRN | VISC36", "DSC | RRT", "mean", 0.38, "weighted_mean"),
    (HOFMANNINGER, "Table III", "DRN | VISC36", "DSC±STD | All(L)*", "mean", 0.97, "weighted_mean"),
    (HOFMANNINGER, "Table III", "U-net | RR36", "HD95(mm)±STD | All", "mean", 9.91, "repeats"),
    (HOFMANNINGER, "Table III", "DRN | VISC36", "MSD(mm)±STD | All", "mean", 19.2, "surface_order"),
    (HOFMANNINGER, "Table IV", "CIP**", "DSC | LTRC", "mean", 0.96, "weighted_mean"),
    (HOFMANNINGER, "Table IV", "CIP#cases**", "DSC | VESS12", "count", 71, "order"),
    (HOFMANNINGER, "Table IV", "CIP#cases**", "DSC | VESS12", "total", 24, "totals"),
    (HOFMANNINGER, "Table V", "CIP", "Tumor overlap | < 5%", "count_below_5", 311, "overlap_bounds"),
    (HOFMANNINGER, "Table V", "CIP", "Tumor overlap | Median", "median", 3, "overlap_bounds"),
    (HOFMANNINGER, "Text III.F", "GPU | inference", "per volume of 350 slices", "mean", 44, "run_time"),
    (HOFMANNINGER, "Text III.C", "all models | LTRC and VESS12", "smallest DSC", "lowest", 0.97, "spread"),
    (CHASSAGNON, "Table 1", WOMEN, "Test Dataset (n = 20)", "count", 16, "fisher"),
    (CHASSAGNON, "Table 1", WOMEN, "Test Dataset (n = 20)", "percent", 58, "percent"),
    (CHASSAGNON, "Table 1", WOMEN, "P Value†", "p", 0.88, "fisher"),
    (CHASSAGNON, "Table 1", "Age (y)", "P Value*", "p", 7.52, "limits"),
    (CHASSAGNON, "Table 1", WOMEN, "Training Dataset (n = 17)", "count", -14, "limits"),
    (CHASSAGNON, "Table 2", "Radiologist 2", "AtlasNet", "median", 0.73, "readers"),
    (CHASSAGNON, "Table 3", "Predicted DLCO (%)", "Test Dataset (n = 20) | U-Net | P Value", "p", 0.03, "p_from_rho"),
    (LEE, "Table 1", "Number of patients (male:female)", "Test Dataset", "male", 29, "totals"),
    (LEE, "Table 1", "Age* (range)", "Test Dataset", "mean", 101.0, "order"),
    (LEE, "Table 2", "M40", "DSC (%) | Original", "sd", 81.06, "limits"),
    (LEE, "Table 2", "IR", "DSC (%) | Original", "mean", 97.27, "dice_bound"),
    (LEE, "Table 2", "FBP", "DSC (%) | Standardized", "mean", 69.74, "ranges"),
    (LEE, "Table 3", "IR", "Difference Ratio of Liver Volume (%) | Standardized vs. GT", "sd", 8.2, "second_moment"),
    (LEE, "Table 3", "OPT", "Difference Ratio of Liver Volume (%) | Original vs. GT", "mean", 12.6, "bias_ratio"),
    (LEE, "Table 4", "OPT", "Original", "ci_high", 0.838, "ccc_interval"),
    (LEE, "Text Agreement", "IR | standardised", AGREEMENT, "loa_high", 4.5, "loa_centre"),
]


def pairs(found: pd.DataFrame) -> set[tuple[int, str]]:
    return set(zip(found.index, found["check"], strict=True))


@cache
def checked(paper: str) -> tuple[pd.DataFrame, set[tuple[int, str]]]:
    """Return a paper's numbers and what is known to be wrong with them."""
    frame = load_published(paper)
    return frame, pairs(find_contradictions(frame))


@pytest.fixture(scope="module")
def published() -> pd.DataFrame:
    return load_published()


@pytest.mark.parametrize("paper", PAPERS)
def test_every_table_has_all_its_rows_and_cells(paper: str) -> None:
    frame = load_published(paper)
    counts = {
        source: (len(rows), len(rows.drop_duplicates(["row", "column"])))
        for source, rows in frame.groupby("source", sort=False)
    }
    assert counts == ROWS_AND_CELLS[paper]


def test_numbers_are_typed_and_only_cells_without_a_number_have_none(published: pd.DataFrame) -> None:
    assert published["value"].dtype == float
    assert list(published["paper"].unique()) == list(PAPERS)
    assert set(published.loc[published["value"].isna(), "statistic"]) == {"text", "not_given"}
    small = published[(published["paper"] == CHASSAGNON) & (published["printed"] == "<.001")].iloc[0]
    assert (small["operator"], small["value"], small["decimals"]) == ("<", 0.001, 3)
    assert set(published["page"]) == {""}


def test_every_contradiction_is_flagged_and_every_flag_is_found(published: pd.DataFrame) -> None:
    flagged = {(index, check) for index, flag in published["flag"].items() for check in flag.split(";") if check}
    assert pairs(find_contradictions(published)) == flagged
    assert (published.loc[published["flag"] != "", "note"] != "").all()


def test_a_contradiction_says_where_and_what_was_expected() -> None:
    found = find_contradictions(load_published(HOFMANNINGER))
    cases = found[(found["check"] == "totals") & (found["printed"] == "160")].iloc[0]
    assert (cases["source"], cases["row"]) == ("Text III.D", "CIP | processed")
    assert cases["expected"] == "the 11 parts sum to 159"
    assert find_contradictions(load_published("lee_2018")).empty


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: "-".join(map(str, slip)))
def test_a_slip_in_a_number_is_noticed(slip: tuple) -> None:
    paper, source, row, column, statistic, value, check = slip
    frame, before = checked(paper)
    named = {"source": source, "row": row, "column": column}
    if statistic == "male":
        named, statistic = {**named, "metric": "male"}, "count"
    chosen = frame[(frame[[*named, "statistic"]] == [*named.values(), statistic]).all(axis=1)].index
    assert len(chosen) == 1
    new = pairs(find_contradictions(_with_value(frame, chosen[0], value))) - before
    assert check in {name for _, name in new if name != "printed"}


@pytest.mark.parametrize("paper", PAPERS)
def test_a_number_that_differs_from_its_printed_cell_is_noticed(paper: str) -> None:
    frame, _ = checked(paper)
    numbers = list(frame.index[frame["value"].notna()])
    chosen = random.Random(0).sample(numbers, min(20, len(numbers)))
    slips = frame.copy()
    for index in chosen:
        slips.loc[index, "value"] += 3 * 10.0 ** -slips.at[index, "decimals"]
    assert {found.index for found in not_as_printed(slips.loc[numbers])} == set(chosen)


def test_cells_stand_as_printed() -> None:
    table = published_cells(HOANG, "Table 1")
    assert table.shape == (3, 6)
    assert list(table.columns[:2]) == ["Applied on lung kernel | COVID-19", "Applied on lung kernel | ILD"]
    assert table.loc["Trained on mediastinal kernel", BOTH] == "0.65 (0.58, 0.70) [0.30–0.84]"
    table = published_cells(HOFMANNINGER, "Table III")
    assert table.shape == (16, 15)
    assert table.loc["DRN | VISC36", "DSC±STD | All(L)*"] == "0.94±0.1"
    assert table.loc["Deeplab v3+ | LTRC36", "HD95(mm)±STD | All"] == "11.9±21.8"
    table = published_cells(HOFMANNINGER, "Table IV")
    assert list(table.loc["CIP#cases**"]) == [
        *["96/105", "19/24", "17/20", "13/20", "2/2", "2/2", "4/4", "2/2", "2/2", "1/3", "1/7"],
        *[""] * 4,
    ]
    table = published_cells(CHASSAGNON, "Table 2")
    assert list(table.loc["Radiologist 3"]) == ["...", "...", "0.74 (0.65–0.77)", "0.71 (0.62–0.77)"]
    table = published_cells(CHASSAGNON, "Table 1")
    assert table.loc["PFTs | Predicted KCO (%)", "Correlation-with-PFTs Dataset (n = 171)"] == "74[59–82]"
    assert table.loc["Diffuse SSc", "External Validation Dataset (n = 31)"] == "ND"
    assert published_cells(LEE, "Table 4").loc["M40", "Original"] == "-0.006 (-0.046–0.035)"


def test_keys_are_the_words_of_the_kernel_study(published: pd.DataFrame) -> None:
    study = tomllib.loads((Path(__file__).parents[1] / "benchmarks/studies/kernel_2021.toml").read_text("utf-8"))
    table = published[(published["paper"] == HOANG) & (published["source"] == "Table 1")]
    assert set(table["train"]) == {arm["recipe"] for arm in study["arms"]}
    assert set(table["test"]) == {test_set["name"] for test_set in study["test_sets"]}
    assert set(table["dataset"]) == {dataset["name"] for dataset in study["datasets"]}
    assert set(table["trainer"]) == {trainer["name"] for trainer in study["trainers"]}
    assert set(table["structure"]) == set(study["structures"])


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("paper,source", "paper,where", "columns"),
        ("lee_2018,Fig", "lee_2023,Fig", "line 2: names another paper"),
        ("airway segmentation,execution time,,,,manual", "airway segmentation,execution time,,,,", ""),
        ("high,,8,min", "low,,8,min", "line 3: repeats the key"),
        ("low,,1,h", "low,,,h", "line 4: has no number"),
        ("low,,1,h", "text,,1,h", "line 4: has a number it should not have"),
        ("low,,1,h", "low,=,1,h", "line 4: has an unknown operator"),
        ("low,,1,h", ",,1,h", "line 4: has no source"),
        ("h,1-2 hours,,", "h,1-2 hours,totals,", "line 4: is flagged without a note"),
    ],
)
def test_a_faulty_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, fault: str
) -> None:
    text = (Path(published_results.__file__).parent / "published/lee_2018.csv").read_text("utf-8")
    (tmp_path / "lee_2018.csv").write_text(text.replace(old, new, 1), encoding="utf-8")
    monkeypatch.setattr(published_results.resources, "files", lambda package: tmp_path)
    if not fault:
        assert len(load_published("lee_2018")) == 4
        return
    with pytest.raises(AnalysisError, match=fault):
        load_published("lee_2018")


def test_unknown_papers_and_sources_name_the_choices() -> None:
    with pytest.raises(AnalysisError, match="hoang_thi_2021"):
        load_published("hoang_2021")
    with pytest.raises(AnalysisError, match="Table IV"):
        published_cells(HOFMANNINGER, "Table 4")


def test_a_part_of_a_paper_cannot_be_checked(published: pd.DataFrame) -> None:
    with pytest.raises(AnalysisError, match="30 rows to check, wanted all 253"):
        find_contradictions(published[published["source"] == "Table 4"])


def test_printed_numbers_agree_only_if_one_value_rounds_to_both() -> None:
    assert overlap((0.665, 0.675), (0.665, 0.675))
    assert not overlap((0.665, 0.675), (0.675, 0.685))
    assert overlap((0.65, 0.75), (0.675, 0.685))
    assert not overlap((-np.inf, 0.001), (0.0055, 0.0065))


def _with_value(frame: pd.DataFrame, index: int, value: float) -> pd.DataFrame:
    slip = frame.copy()
    slip.loc[index, "value"] = value
    return slip

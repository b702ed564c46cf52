"""Figures of scores with few and with many arms, test sets and patients, long names, and values that do not vary."""

import time
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from figure_checks import overlapping_texts, shown_texts, smallest_text, texts_outside
from figure_scores import crowd

from analysis import make_figures
from analysis.errors import NotApplicableError
from analysis.figure import FigureResult
from analysis.figure_index import figure_index
from analysis.figure_parts.difference_rows import DifferenceRow, draw_differences
from analysis.figure_parts.distribution import MOST_POINTS
from analysis.figure_style import MM_PER_INCH, PAGE_HEIGHT_MM, SMALL_POINTS, STYLE
from analysis.results import Results
from analysis.statistics.effects import hodges_lehmann
from analysis.statistics.interval import Interval

FIGURES = make_figures.find_figures()
OF_SCORES = ("box_plots", "cross_kernels", "diversity_figure4", "paired_differences")
SIZES = {
    "one patient": {"arms": 1, "sets": 2, "patients": 1},
    "two patients": {"arms": 3, "sets": 3, "patients": 2},
    "constant": {"arms": 2, "sets": 2, "patients": 4, "constant": 0.9},
    "many constant": {"arms": 2, "sets": 2, "patients": MOST_POINTS + 20, "constant": 0.7},
    "many patients": {"arms": 2, "sets": 2, "patients": 1000},
    "long names": {"arms": 12, "sets": 2, "patients": 4, "long": True},
    "many sets": {"arms": 1, "sets": 15, "patients": 4, "long": True},
    "many of all": {"arms": 12, "sets": 15, "patients": 3},
}


def _make(name: str, results: Results) -> tuple[FigureResult, ...]:
    with matplotlib.rc_context(STYLE):
        return FIGURES[name].make(results)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", OF_SCORES)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_figure_can_be_read(name: str, size: str, tmp_path: Path) -> None:
    for result in _make(name, crowd(tmp_path, **SIZES[size])):
        assert result.figure.get_size_inches()[1] * MM_PER_INCH <= PAGE_HEIGHT_MM
        with matplotlib.rc_context(STYLE):
            assert smallest_text(result.figure) >= SMALL_POINTS
            assert overlapping_texts(result.figure) == []
            assert texts_outside(result.figure) == []


def test_legend_of_many_lines_stays_on_the_sheet(tmp_path: Path) -> None:
    result = _make("box_plots", crowd(tmp_path, arms=12, sets=1, patients=3, long=True))[0]
    with matplotlib.rc_context(STYLE):
        assert texts_outside(result.figure) == []
        assert overlapping_texts(result.figure) == []


def test_sheets_together_show_every_box(tmp_path: Path) -> None:
    results = crowd(tmp_path, arms=12, sets=15, patients=3)
    sheets = [result for result in _make("box_plots", results) if "HD95" not in result.name]
    assert len(sheets) > 1
    shown = [pair for result in sheets for pair in result.frame.groupby(["test_set", "recipe"]).groups]
    assert len(shown) == len(set(shown)) == 12 * 15


def test_many_patients_are_drawn_quickly_and_as_densities(tmp_path: Path) -> None:
    results = crowd(tmp_path, arms=2, sets=2, patients=1000)
    figure = _make("box_plots", results)[0].figure
    start = time.process_time()
    with matplotlib.rc_context(STYLE):
        overlapping_texts(figure)
    assert time.process_time() - start < 5
    kinds = [type(entry).__name__ for entry in figure.axes[0].collections]
    assert "PathCollection" not in kinds
    assert len(kinds) == 4


def test_infinite_distances_are_counted_beside_every_box(tmp_path: Path) -> None:
    results = crowd(tmp_path, arms=2, sets=2, patients=5)
    result = next(entry for entry in _make("box_plots", results) if "HD95" in entry.name)
    texts = [text.get_text() for text, _ in shown_texts(result.figure)]
    assert texts.count("1 without distance") == 4
    assert int(np.isinf(result.frame["value"]).sum()) == 4
    cells = [text.get_text().replace("\n", " ") for text, _ in shown_texts(_hd95_map(results))]
    assert sum(text.endswith(" 1 without distance") for text in cells) == 4
    assert not any("missed" in text for text in [*texts, *cells])


def test_box_counts_infinite_distances_as_its_table_does(tmp_path: Path) -> None:
    """Of 1, 2, 3 and two patients without a distance the median is 3; of three without one the box has no end."""
    results = crowd(tmp_path, arms=1, sets=1, patients=5)
    scores = results.scores
    scores.loc[scores["metric"].eq("HD95"), "value"] = [1.0, 2.0, 3.0, np.inf, np.inf]
    result = next(entry for entry in _make("box_plots", results) if "HD95" in entry.name)
    (axis,) = result.figure.axes
    top = axis.get_ylim()[1]
    box = axis.patches[0].get_path().vertices[:, 1]
    assert (box.min(), box.max()) == (2.0, top)
    assert [line.get_ydata()[0] for line in axis.lines if line.get_linewidth() == 1.9] == [3.0]
    assert [line.get_ydata()[0] for line in axis.lines if line.get_marker() == "^"] == [top]
    assert sorted(axis.collections[0].get_offsets()[:, 1]) == [1.0, 2.0, 3.0]


def test_map_of_infinite_distances_is_listed_as_not_made(tmp_path: Path) -> None:
    results = crowd(tmp_path, arms=2, sets=2, patients=3)
    scores = results.scores
    scores.loc[scores["metric"].eq("HD95"), "value"] = np.inf
    known = {"cross_kernels": FIGURES["cross_kernels"]}
    outcome = make_figures.make_figure(known["cross_kernels"], results, tmp_path / "figures", known=known)
    assert [entry.name for entry in outcome.drawn] == ["cross_kernels"]
    assert outcome.left_out == (("cross_kernels_HD95", "needs a patient with a finite value of HD95"),)
    page = figure_index([outcome])
    assert '<th scope="row">cross_kernels_HD95</th><td>needs a patient with a finite value of HD95</td>' in page


def test_tumour_overlap_is_shown_once_on_all_slices(tmp_path: Path) -> None:
    results = crowd(tmp_path, arms=1, sets=2, patients=3)
    first, second = results.study.test_sets
    study = replace(results.study, test_sets=(replace(first, slices="all"), replace(second, slices="lung")))
    both = pd.concat([results.scores, results.scores.assign(slices="lung")], ignore_index=True)
    (result,) = _make("diversity_figure4", replace(results, study=study, scores=both))
    assert set(result.frame["test_set"]) == {first.name}


def _hd95_map(results: Results) -> matplotlib.figure.Figure:
    return next(entry.figure for entry in _make("cross_kernels", results) if "HD95" in entry.name)


def test_difference_of_two_missed_patients_is_not_drawn(tmp_path: Path) -> None:
    results = crowd(tmp_path, arms=2, sets=1, patients=5)
    result = next(entry for entry in _make("paired_differences", results) if "HD95" in entry.name)
    assert result.frame["drawn"].tolist() == [False, True, True, True, True]
    texts = " ".join(text.get_text() for text, _ in shown_texts(result.figure)).replace("\n", " ")
    assert "n = 4, 1 without distance on both sides" in texts
    kept = result.frame.iloc[1:]
    assert np.isnan(result.frame["difference"].iloc[0])
    assert result.frame["n"].eq(4).all()
    assert result.frame["hodges_lehmann"].iloc[0] == hodges_lehmann(kept["first"], kept["second"]).estimate
    assert result.frame["mean"].iloc[0] == pytest.approx(result.frame.loc[result.frame["drawn"], "difference"].mean())


def test_patient_without_distance_on_one_side_leaves_no_mean(tmp_path: Path) -> None:
    results = crowd(tmp_path, arms=2, sets=1, patients=5)
    scores = results.scores
    scores.loc[scores["metric"].eq("HD95") & scores["patient"].eq("P0000") & scores["arm"].eq("A0"), "value"] = 1.0
    result = next(entry for entry in _make("paired_differences", results) if "HD95" in entry.name)
    texts = " ".join(text.get_text() for text, _ in shown_texts(result.figure)).replace("\n", " ")
    assert "n = 5 (1 without distance)" in texts
    assert result.frame["mean"].isna().all()
    assert np.isfinite(result.frame["hodges_lehmann"]).all()


def test_one_arm_on_its_own_kernel_has_no_cross_map(tmp_path: Path) -> None:
    with pytest.raises(NotApplicableError, match=r"^needs an arm tested on another variant"):
        FIGURES["cross_kernels"].make(crowd(tmp_path, arms=1, sets=1, patients=3))


def test_interval_without_end_is_written_as_infinite() -> None:
    row = DifferenceRow(
        0, "a − b", "", np.array([1.0]), Interval(5, 1, np.nan, np.nan), Interval(5, 2, -0.001, np.inf), "n = 1"
    )
    ((figure, indices),) = draw_differences([row], label="x")
    texts = [text.get_text() for text, _ in shown_texts(figure)]
    assert "2.0 [0.0, ∞]\nn = 1" in texts
    assert indices == [0]

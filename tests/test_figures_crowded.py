"""Figures of scores with few and with many arms, test sets and patients, long names, and values that do not vary."""

import time
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from figure_checks import overlapping_texts, shown_texts, smallest_text, texts_outside
from figure_scores import crowd

from analysis import make_figures
from analysis.errors import NotApplicableError
from analysis.figure import FigureResult
from analysis.figure_parts.difference_rows import DifferenceRow, draw_differences
from analysis.figure_parts.distribution import MOST_POINTS
from analysis.figure_style import MM_PER_INCH, PAGE_HEIGHT_MM, SMALL_POINTS, STYLE
from analysis.results import Results
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
@pytest.mark.filterwarnings("ignore:Precision loss:RuntimeWarning")
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
    assert texts.count("1 missed") == 4
    assert int(np.isinf(result.frame["value"]).sum()) == 4
    assert "1 missed" in [text.get_text().split("\n")[-1] for text, _ in shown_texts(_hd95_map(results))]


def _hd95_map(results: Results) -> matplotlib.figure.Figure:
    return next(entry.figure for entry in _make("cross_kernels", results) if "HD95" in entry.name)


def test_difference_of_two_missed_patients_is_not_drawn(tmp_path: Path) -> None:
    results = crowd(tmp_path, arms=2, sets=1, patients=5)
    result = next(entry for entry in _make("paired_differences", results) if "HD95" in entry.name)
    assert result.frame["drawn"].tolist() == [False, True, True, True, True]
    assert "1 missed by both" in " ".join(text.get_text() for text, _ in shown_texts(result.figure))
    assert result.frame["mean"].iloc[0] == pytest.approx(result.frame.loc[result.frame["drawn"], "difference"].mean())


def test_one_arm_on_its_own_kernel_has_no_cross_map(tmp_path: Path) -> None:
    with pytest.raises(NotApplicableError, match=r"^needs an arm tested on another variant"):
        FIGURES["cross_kernels"].make(crowd(tmp_path, arms=1, sets=1, patients=3))


def test_interval_without_end_is_written_as_infinite() -> None:
    row = DifferenceRow(0, "a − b", "", np.array([1.0]), Interval(5, 1, np.nan, np.nan), Interval(5, 2, -0.001, np.inf))
    ((figure, indices),) = draw_differences([row], label="x")
    texts = [text.get_text() for text, _ in shown_texts(figure)]
    assert "2.0 [0.0, ∞]\nn = 1" in texts
    assert indices == [0]

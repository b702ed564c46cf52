"""Scores that no table may average are refused, whatever the table."""

from pathlib import Path

import pytest
from analysis_scores import frame, score, two_kernel_study

from analysis.errors import AnalysisError
from analysis.results import results_in_memory


def test_a_repeated_row_is_refused_for_every_table(tmp_path: Path) -> None:
    rows = [
        score(30.0, metric="extent", reader="", slices="all"),
        score(15.0, metric="extent", reader="", slices="all"),
    ]
    with pytest.raises(AnalysisError, match=r"2 rows for .*metric 'extent'; wanted one"):
        results_in_memory(frame(rows), two_kernel_study(tmp_path))


@pytest.mark.parametrize(
    ("column", "value"),
    [("definition", "another"), ("backend", "another"), ("postprocess", "largest component"), ("study", "another")],
)
def test_two_ways_to_measure_are_never_averaged(tmp_path: Path, column: str, value: str) -> None:
    rows = [score(0.8, **{column: "one"}), score(0.4, **{column: value})]
    with pytest.raises(AnalysisError, match=f"{column} 'one', '{value}'; wanted one"):
        results_in_memory(frame(rows), two_kernel_study(tmp_path))


def test_models_may_differ_in_postprocessing(tmp_path: Path) -> None:
    rows = [score(0.8), score(0.7, arm="MK", postprocess="largest component")]
    assert len(results_in_memory(frame(rows), two_kernel_study(tmp_path)).scores) == 2

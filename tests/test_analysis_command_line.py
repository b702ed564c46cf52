"""What the commands of the analysis share: the latest run, and what is said about a run that is not whole."""

import os
from pathlib import Path

import pandas as pd
import pytest
from analysis_run import write_run

from analysis import evaluate
from analysis.command_line import latest_run, make_from_run
from analysis.errors import AnalysisError
from analysis.results import read_results
from benchmarks.run import _first_table


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_run(tmp_path_factory.mktemp("scored") / "run", patients=2)
    assert evaluate.main([str(root)]) == 0
    return root


def _with_scores(folder: Path, name: str, *, at: int) -> Path:
    path = folder / "runs" / name / "scores.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    os.utime(path, (at, at))
    return path.parent


def test_the_run_with_the_newest_scores_is_the_latest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AnalysisError, match=r"no run with scores in .*runs; give the folder of a run"):
        latest_run()
    _with_scores(tmp_path, "a", at=3000)
    _with_scores(tmp_path, "b", at=5000)
    _with_scores(tmp_path, "c", at=4000)
    (tmp_path / "runs" / "d").mkdir()
    made: list[tuple[Path, str | None]] = []
    code = make_from_run([], lambda root, only: made.append((root, only)), program="x", description=None)
    assert (code, made) == (0, [(Path("runs/b"), None)])
    assert "latest run: runs/b" in capsys.readouterr().err
    make_from_run(["else", "--only", "y"], lambda root, only: made.append((root, only)), program="x", description=None)
    assert made[1] == (Path("else"), "y")


@pytest.mark.parametrize("name", ["scores.parquet", "images.csv"])
def test_results_that_are_not_there_say_what_to_run(scored: Path, name: str) -> None:
    path = scored / name
    content = path.read_bytes()
    path.unlink()
    try:
        with pytest.raises(AnalysisError, match=f"{name} not found; first: python -m analysis.evaluate"):
            read_results(scored)
    finally:
        path.write_bytes(content)
    assert len(read_results(scored).images) == 4


def test_results_without_a_column_ask_for_another_evaluation(scored: Path) -> None:
    for name, read, write in (
        ("images.csv", pd.read_csv, lambda frame, path: frame.to_csv(path, index=False)),
        ("scores.parquet", pd.read_parquet, lambda frame, path: frame.to_parquet(path)),
    ):
        path = scored / name
        content = path.read_bytes()
        write(read(path).drop(columns="variant"), path)
        with pytest.raises(AnalysisError, match=f"{name}: columns variant not found; evaluate the run again"):
            read_results(scored)
        path.write_bytes(content)


def test_names_that_look_like_numbers_stay_text(scored: Path) -> None:
    path = scored / "images.csv"
    content = path.read_text()
    path.write_text(content.replace("P001,P001", "001,001"))
    assert read_results(scored).images["patient"].iloc[0] == "001"
    path.write_text(content)


def test_a_run_ends_with_the_kernel_table_or_the_first_one(tmp_path: Path) -> None:
    assert _first_table(tmp_path) is None
    for name in ("index.md", "ssc_table1.md", "kernel_table1_tests.md"):
        (tmp_path / name).write_text("x")
    assert _first_table(tmp_path) == tmp_path / "kernel_table1_tests.md"
    (tmp_path / "kernel_table1.md").write_text("x")
    assert _first_table(tmp_path) == tmp_path / "kernel_table1.md"

"""The command line of the figures: its page, what it says about figures it cannot make, and what it leaves behind."""

import re
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from analysis_run import write_run
from matplotlib.figure import Figure

from analysis import evaluate, make_figures
from analysis.errors import NotApplicableError
from analysis.figure import FigureResult
from analysis.figure_index import Drawn, FigureOutcome, figure_index
from analysis.results import Results


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(make_figures, "DOTS_PER_INCH", 30)
    folder = write_run(tmp_path, patients=2)
    assert evaluate.main([str(folder)]) == 0
    return folder


def _module(name: str, make: object) -> SimpleNamespace:
    return SimpleNamespace(NAME=name, TITLE=f"Title of {name}", make=make)


def _good(results: Results) -> tuple[FigureResult, ...]:
    return (FigureResult("good_one", Figure(figsize=(1, 1)), pd.DataFrame({"x": [0.1]}), "Caption & <text>."),)


def _bad(results: Results) -> tuple[FigureResult, ...]:
    raise ValueError("what went wrong")


def _absent(results: Results) -> tuple[FigureResult, ...]:
    raise NotApplicableError("needs a thing")


def _use(monkeypatch: pytest.MonkeyPatch, **modules: object) -> None:
    found = {name: _module(name, make) for name, make in modules.items()}
    monkeypatch.setattr(make_figures, "find_figures", lambda: found)


def test_failing_figure_stops_no_other_but_the_command_fails(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _use(monkeypatch, absent=_absent, bad=_bad, good=_good)
    assert make_figures.main([str(run)]) == 1
    assert (run / "figures" / "good_one.csv").read_text() == "x\n0.1\n"
    page = (run / "figures" / "index.html").read_text()
    assert "failed: ValueError: what went wrong" in page
    assert "needs a thing" in page
    printed = capsys.readouterr()
    assert "absent: not made: needs a thing\n" in printed.out
    assert "1 of 3 figures failed: bad" in printed.err


def test_what_a_study_lacks_is_no_failure(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _use(monkeypatch, absent=_absent, good=_good)
    assert make_figures.main([str(run)]) == 0
    assert make_figures.main([str(run), "--only", "absent"]) == 1
    assert make_figures.main([str(run), "--only", "good"]) == 0


def test_unknown_figure_lists_the_choices(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make_figures.main([str(run), "--only", "nothing"]) == 1
    assert "box_plots" in capsys.readouterr().err


def test_files_of_an_earlier_run_go(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = run / "figures"
    folder.mkdir()
    for name in ("good_old.png", "good.csv", "good_two_a.png", "notes.md", "good_old.md"):
        (folder / name).write_text("old")
    _use(monkeypatch, good=_good, good_two=_absent)
    assert make_figures.main([str(run), "--only", "good"]) == 0
    kept = {path.name for path in folder.iterdir()}
    assert {"notes.md", "good_old.md", "good_two_a.png", "good_one.png"} <= kept
    assert not {"good_old.png", "good.csv"} & kept


def test_quickstart_has_figures_and_names_the_others(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make_figures.main([str(run)]) == 0
    page = (run / "figures" / "index.html").read_text(encoding="utf-8")
    for name in ("box_plots", "kernel_figure1", "paired_differences", "cross_kernels", "ssc_figure4"):
        assert f'src="{name}.png"' in page
    for name in ("ssc_figure5", "standardisation_figure4_5", "diversity_figure1", "cross_datasets"):
        assert f"{name}: not made: needs " in capsys.readouterr().out or f'<th scope="row">{name}</th>' in page
    linked = re.findall(r'(?:href|src)="([^"#]+)"', page)
    assert linked
    assert all((run / "figures" / name).is_file() for name in linked)


def test_page_needs_nothing_else() -> None:
    drawn = (Drawn("a_1", "First <b>. Second.", 85.0),)
    page = figure_index([FigureOutcome("a", "A & B", drawn), FigureOutcome("c", "C", reason="needs <x>")])
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert "A &amp; B" in page
    assert "First &lt;b&gt;. Second." in page
    assert "needs &lt;x&gt;" in page
    assert 'alt="First &lt;b&gt;"' in page
    assert all(f'href="a_1.{suffix}"' in page for suffix in ("pdf", "svg", "png", "csv"))

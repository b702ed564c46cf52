"""The comparison with other libraries runs, says what is not installed, and reports what it measured."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.performance import __main__ as commands
from benchmarks.performance import scoring
from benchmarks.performance.lung_pair import make_lung_pair
from benchmarks.performance.package_empties import compare_empties
from benchmarks.performance.scoring_report import print_report, reached, write_report
from benchmarks.performance.scoring_routes import ROUTES

OURS, PACKAGE = ROUTES[:2]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    missing = replace(ROUTES[-1], modules=("no_such_module",))
    return scoring.measure_routes([OURS, PACKAGE, missing], scale=0.06)


def test_both_give_the_same_values_in_their_own_processes(table: pd.DataFrame) -> None:
    ours, theirs = table.iloc[0], table.iloc[1]
    for name in ("HD95", "NSD", "forth", "back"):
        assert ours[name] == theirs[name]
    assert ours["HD95"] > 0
    assert 0 < ours["NSD"] < 1
    assert (table["cpu_s"][:2] > 0).all()


def test_a_missing_library_is_named_with_what_to_install(table: pd.DataFrame) -> None:
    assert table.iloc[2]["note"] == "not installed: pip install medpy"
    assert pd.isna(table.iloc[2]["cpu_s"])


def test_a_route_that_fails_is_a_row(tmp_path: Path) -> None:
    row = scoring._row(OURS, tmp_path / "nowhere")
    assert row["note"].startswith("failed: FileNotFoundError")


@pytest.mark.parametrize(
    ("column", "value", "good"), [("cpu_s", 0.1, True), ("cpu_s", 0.2, False), ("HD95", 3.0000001, False)]
)
def test_what_has_to_be_reached(column: str, value: float, good: bool) -> None:
    rows = [
        {"route": OURS.name, "cpu_s": 0.1, "extra_mb": 10.0, "HD95": 3.0, "forth": 1.0, "back": 2.0, "NSD": 0.5},
        {"route": PACKAGE.name, "cpu_s": 0.7, "extra_mb": 60.0, "HD95": 3.0, "forth": 1.0, "back": 2.0, "NSD": 0.5},
    ]
    rows[0][column] = value
    assert reached(pd.DataFrame(rows)) is good


def test_report_on_screen_and_in_files(table: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_report(table)
    printed = capsys.readouterr().out
    assert "times less CPU time than surface-distance" in printed
    assert "not installed: pip install medpy" in printed
    for path in (tmp_path / "out.csv", tmp_path / "out.md"):
        write_report(table, path, versions={"numpy": np.__version__}, scale=0.06)
    assert pd.read_csv(tmp_path / "out.csv")["HD95"][0] == table["HD95"][0]
    text = (tmp_path / "out.md").read_text(encoding="utf-8")
    assert "`python -m benchmarks.performance scoring --scale 0.06 --out FILE.md`" in text
    assert f"| {table['HD95'][0]:.5f} |" in text


def test_what_empties_give() -> None:
    table = compare_empties().set_index(["empty", "metric"])
    assert list(table.loc[("both", "HD95")]) == ["nan", "inf", "AttributeError"]
    assert list(table.loc[("prediction", "MSD")]) == ["inf", "inf, nan", "AttributeError"]
    assert list(table.loc[("reference", "DSC")]) == ["0", "0", "0"]
    assert not hasattr(np, "Inf")


def test_the_lung_pair_can_be_made_again() -> None:
    first, second = make_lung_pair(0.06), make_lung_pair(0.06)
    for one, other in zip(first, second, strict=True):
        assert one.dtype == bool
        np.testing.assert_array_equal(one, other)
    reference, prediction = first
    assert 0.9 < 2 * (reference & prediction).sum() / (reference.sum() + prediction.sum()) < 0.99


@pytest.mark.parametrize(("words", "code"), [([], 2), (["speed"], 2), (["--help"], 0)])
def test_the_command_lists_its_choices(words: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main(words) == code
    out, err = capsys.readouterr()
    assert "coverage" in out + err
    assert ("'speed' not found" in err) == (words == ["speed"])


def test_wrong_output_is_refused_before_anything_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        commands.main(["scoring", "--out", "table.pdf"])
    assert "wanted .csv or .md" in capsys.readouterr().err

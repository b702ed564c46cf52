"""Conformance of every table, and the numbers of Table 1 and its tests by hand."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from analysis_run import write_run
from analysis_scores import frame, score, two_kernel_study

from analysis import evaluate, make_tables
from analysis.formats.latex import escape_latex, to_latex
from analysis.table import Section, TableResult
from analysis.tables import table1, table1_against_baseline, table1_tests

TABLES = make_tables.find_tables()
STRUCTURAL = ("\\begin{table}", "\\toprule", "\\midrule", "\\bottomrule", "\\end{tabular}", "\\end{table}")


@pytest.fixture(scope="module", params=[True, False], ids=["paired", "unpaired"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_run(tmp_path_factory.mktemp("tables"), patients=8, paired=request.param)
    assert evaluate.main([str(folder)]) == 0
    return folder


@pytest.mark.parametrize("name", TABLES)
def test_table_is_written_in_every_format(name: str, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make_tables.main([str(run), "--only", name]) == 0
    assert TABLES[name].TITLE in capsys.readouterr().out
    texts = {suffix: (run / "tables" / f"{name}.{suffix}").read_text() for suffix in ("csv", "md", "tex", "html")}
    assert len(pd.read_csv(run / "tables" / f"{name}.csv")) > 0
    assert TABLES[name].TITLE in texts["html"]
    assert "<script" not in texts["html"]
    assert "http" not in texts["html"]
    assert all(word in texts["tex"] for word in STRUCTURAL)
    assert "| --- |" in texts["md"]
    assert "sha256" in texts["html"]
    assert not list((run / "tables").glob(".part*"))


@pytest.mark.parametrize("name", TABLES)
def test_table_has_notes_and_survives_missing_predictions(name: str, tmp_path: Path) -> None:
    study = two_kernel_study(tmp_path)
    scores = frame(
        [score(np.nan, patient=f"P{n}", arm=arm, status="missing") for n in range(4) for arm in ("LK", "MK")]
    )
    table = TABLES[name].make(scores, study)
    assert any("missing or failed predictions 8" in note for note in table.notes)
    assert to_latex("title", table)


@pytest.mark.parametrize("name", TABLES)
def test_table_survives_no_scores(name: str, tmp_path: Path) -> None:
    table = TABLES[name].make(frame([]), two_kernel_study(tmp_path))
    assert table.notes
    assert table.printed()


def _eight_patients() -> pd.DataFrame:
    values = {("LK", "LK"): 0.60, ("LK", "MK"): 0.40, ("MK", "LK"): 0.45, ("MK", "MK"): 0.62}
    values |= {("LK+MK", "LK"): 0.70, ("LK+MK", "MK"): 0.70}
    rows = []
    for patient in range(8):
        for (arm, variant), value in values.items():
            rows.append(
                score(
                    value + 0.01 * patient + 0.001 * patient**2 * len(arm),
                    patient=f"P{patient}",
                    arm=arm,
                    variant=variant,
                )
            )
    return frame(rows)


def test_table1_by_hand(tmp_path: Path) -> None:
    study, scores = two_kernel_study(tmp_path), _eight_patients()
    scores.loc[scores.patient.eq("P0") & scores.arm.eq("LK") & scores.variant.eq("MK"), ["value", "status"]] = (
        np.nan,
        "failed",
    )
    table = table1.make(scores, study)
    cells = table.frame.set_index(["arm", "test_set"])
    lung = np.array([0.60 + 0.01 * n + 0.002 * n**2 for n in range(8)])
    soft = np.array([0.0, *(0.40 + 0.01 * n + 0.002 * n**2 for n in range(1, 8))])
    assert cells.loc[("LK", "LK"), "median"] == pytest.approx(np.median(lung))
    assert cells.loc[("LK", "MK"), "min"] == 0
    assert cells.loc[("LK", "MK"), "missed"] == 1
    assert cells.loc[("LK", "both"), "median"] == pytest.approx(np.median((lung + soft) / 2))
    assert cells.loc[("LK", "both"), "n"] == 8
    printed = table.printed()[0]
    assert printed.spans()[0] == ("Applied on lung kernel", 1)
    assert printed.heads()[2] == ("Applied on both kernels", "Phantom ILD (n = 8)")
    assert printed.rows()[0][0] == "Trained on lung kernel"
    assert (
        printed.rows()[0][1]
        == f"{np.median(lung):.2f} ({np.quantile(lung, 0.25):.2f}, {np.quantile(lung, 0.75):.2f}) [0.60–0.77]"
    )
    assert any("MK, phantom: 1 of 8 scores missed" in note for note in table.notes)


def test_tests_by_hand(tmp_path: Path) -> None:
    table = table1_tests.make(_eight_patients(), two_kernel_study(tmp_path))
    assert len(table.frame) == 8
    assert set(table.frame.family) == {8}
    kernels = table.frame[table.frame.arm_1.eq("LK") & table.frame.arm_2.eq("LK")].iloc[0]
    assert (kernels.test_set_1, kernels.test_set_2, kernels.n_1) == ("LK", "MK", 8)
    assert kernels.median_1 - kernels.median_2 == pytest.approx(0.2)
    assert kernels.statistic == 36
    assert kernels.p_bonferroni == pytest.approx(min(1, 8 * kernels.p))
    same = table.frame[table.frame.arm_1.eq("LK+MK") & table.frame.arm_2.eq("LK+MK")].iloc[0]
    assert same.note == "not defined: all differences are zero"
    assert np.isnan(same.p)
    text = table.printed()[0].frame
    assert "not defined" in text["P"].tolist()
    assert any("Bonferroni" in note and "8" in note for note in table.notes)


def test_unpaired_kernels_are_compared_between_patients(tmp_path: Path) -> None:
    rows = _eight_patients()
    rows = rows[rows.variant.eq("LK") == rows.patient.isin(["P0", "P2", "P4", "P6"])]
    table = table1_tests.make(rows, two_kernel_study(tmp_path, paired=False))
    between = table.frame[table.frame.test_set_1.ne(table.frame.test_set_2)]
    assert between.test.str.startswith("Mann-Whitney").all()
    assert between.note.str.contains("no causal kernel effect").all()
    assert (between.n_1.eq(4) & between.n_2.eq(4)).all()
    within = table.frame[table.frame.test_set_1.eq("both")]
    assert within.test.str.startswith("Wilcoxon").all()
    assert within.n_1.eq(8).all()
    assert any("no causal effect" in note for note in table.notes)


def test_difference_to_the_baseline_is_within_patients(tmp_path: Path) -> None:
    values = [0.6, 0.7, 0.8]
    rows = [score(value, patient=f"P{n}") for n, value in enumerate([*values, 0.9])]
    rows += [score(0.5, patient=f"P{n}", arm="ellipsoid", trainer="centred_ellipsoid") for n in range(3)]
    table = table1_against_baseline.make(frame(rows), two_kernel_study(tmp_path))
    row = table.frame[table.frame.arm.eq("LK") & table.frame.test_set.eq("LK")].iloc[0]
    assert (row.n, row.mean_arm, row.mean_baseline) == (3, pytest.approx(0.7), pytest.approx(0.5))
    half = 4.302652729696142 * 0.1 / np.sqrt(3)
    assert (row.difference, row.low, row.high) == pytest.approx((0.2, 0.2 - half, 0.2 + half))


def test_new_table_needs_only_frame_and_notes() -> None:
    table = TableResult(pd.DataFrame({"name": ["a_b", "c|d"], "value": [0.123456789, 1.0]}), ("50% & more",))
    assert table.printed()[0].rows() == [("a_b", "0.1235"), ("c|d", "1")]
    text = to_latex("A_title", table)
    assert r"a\_b & 0.1235 \\" in text
    assert r"50\% \& more" in text


def test_latex_is_escaped_and_balanced() -> None:
    assert escape_latex(r"a_b% & {x} [1] \ < 0.001") == (r"a\_b\% \& \{x\} {[}1{]} \textbackslash{} \textless{} 0.001")
    columns = pd.MultiIndex.from_tuples([("A", "x"), ("A", "y"), ("B", "x")])
    section = Section("", pd.DataFrame([["1", "2", "3"]], index=["row"], columns=columns))
    text = to_latex("t", TableResult(section.frame, ("note",), (section,)))
    assert r"\multicolumn{2}{c}{A} & \multicolumn{1}{c}{B}" in text
    assert r"\cmidrule(lr){2-3} \cmidrule(lr){4-4}" in text
    assert text.count("{") == text.count("}")


def test_unknown_table_lists_the_choices(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make_tables.main([str(run), "--only", "tabel1"]) == 1
    assert "table1_tests" in capsys.readouterr().err


def test_missing_scores_say_what_to_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make_tables.main([str(tmp_path)]) == 1
    assert "python -m analysis.evaluate" in capsys.readouterr().err


def test_tables_need_neither_torch_nor_matplotlib() -> None:
    code = "import sys, analysis.make_tables as made; made.find_tables(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "matplotlib", "pingouin", "seaborn"} & set(loaded)

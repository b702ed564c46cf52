"""Conformance of every table, the command line, and the numbers of the kernel study's tables by hand."""

import subprocess
import sys
from dataclasses import replace
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from analysis_run import write_run
from analysis_scores import frame, score, two_kernel_study
from table_scores import full_results, in_memory

from analysis import evaluate, make_tables
from analysis.errors import NotApplicableError
from analysis.formats.latex import to_latex
from analysis.results import Results, results_in_memory
from analysis.table import TableResult
from analysis.tables import kernel_table1, kernel_table1_baseline, kernel_table1_tests

TABLES = make_tables.find_tables()
STRUCTURAL = ("\\begin{table}", "\\toprule", "\\midrule", "\\bottomrule", "\\end{tabular}", "\\end{table}")
WITHOUT_SCORES = ("diversity_table1", "diversity_table2", "ssc_table1", "standardisation_table1")
FOOTER = "made by a test, sha256 0"


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return full_results(tmp_path_factory.mktemp("everything"))


@pytest.fixture(scope="module", params=[True, False], ids=["paired", "unpaired"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_run(tmp_path_factory.mktemp("tables"), patients=8, paired=request.param)
    assert evaluate.main([str(folder)]) == 0
    return folder


def of_paper(name: str, results: Results) -> Results:
    """Return the results, for the table of published numbers under the name of a paper's study."""
    paper = replace(results.study, name="ssc_ild_2020")
    return replace(results, study=paper) if name == "beside_published" else results


def made_or_reason(name: str, results: Results) -> TableResult | str:
    """Return the table, or what it says it needs."""
    try:
        table: TableResult = TABLES[name].make(of_paper(name, results))
    except NotApplicableError as reason:
        return str(reason)
    return table


@pytest.mark.parametrize("name", TABLES)
def test_table_is_written_in_every_format(name: str, everything: Results, tmp_path: Path) -> None:
    table = make_tables.write_table(
        TABLES[name], of_paper(name, everything), folder=tmp_path, footer=FOOTER, notes=("a budget",)
    )
    texts = {suffix: (tmp_path / f"{name}.{suffix}").read_text() for suffix in ("csv", "md", "tex", "html")}
    assert len(pd.read_csv(tmp_path / f"{name}.csv")) > 0
    assert table.notes[-1] == "a budget"
    assert len(table.notes) > 1
    assert escape(TABLES[name].TITLE) in texts["html"]
    assert "<script" not in texts["html"]
    assert "http" not in texts["html"]
    assert all(word in texts["tex"] for word in STRUCTURAL)
    assert texts["tex"].count("{") == texts["tex"].count("}")
    assert "| --- |" in texts["md"]
    assert "sha256" in texts["html"]
    assert not list(tmp_path.glob(".part*"))


@pytest.mark.parametrize("name", TABLES)
def test_nothing_printed_is_nan(name: str, everything: Results) -> None:
    for section in TABLES[name].make(of_paper(name, everything)).printed():
        cells = [cell for row in section.rows() for cell in row]
        assert not [cell for cell in cells if "nan" in cell.lower()]
        assert cells


@pytest.mark.parametrize("name", [name for name in TABLES if name not in WITHOUT_SCORES])
def test_missing_predictions_are_counted_or_the_table_says_what_it_needs(name: str, everything: Results) -> None:
    scores = everything.scores.assign(value=np.nan, status="missing")
    table = made_or_reason(name, in_memory(everything.study, scores, cases=everything.cases))
    words = ("missing", "left out", "no value", "not defined", "counterpart", "without")
    if isinstance(table, str):
        assert "needs" in table
    else:
        assert any(word in note.lower() for note in table.notes for word in words)
        assert to_latex("title", table)


@pytest.mark.parametrize("name", TABLES)
def test_no_scores_is_no_failure(name: str, everything: Results, tmp_path: Path) -> None:
    for results in (results_in_memory(frame([]), two_kernel_study(tmp_path)), in_memory(everything.study, frame([]))):
        table = made_or_reason(name, results)
        if isinstance(table, str):
            assert "needs" in table
        else:
            assert table.notes
            assert table.printed()


def test_run_makes_what_applies_and_lists_the_rest(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make_tables.main([str(run)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[: len(TABLES)]] == list(TABLES)
    index = (run / "tables" / "index.html").read_text()
    assert 'href="kernel_table1.html"' in index
    assert "beside_published" in index
    assert "needs the study of a paper" in index
    assert (run / "tables" / "index.md").is_file()
    for name in TABLES:
        assert ((run / "tables" / f"{name}.csv").is_file()) == (f'href="{name}.html"' in index)


def test_one_table_is_printed_whole(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make_tables.main([str(run), "--only", "kernel_table1"]) == 0
    out = capsys.readouterr().out
    assert TABLES["kernel_table1"].TITLE in out
    assert "Training budget not recorded" in out
    assert "kernel_table1.html" in out


def test_table_that_does_not_apply_is_an_error_only_if_asked_for(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stale = run / "tables" / "beside_published.md"
    stale.parent.mkdir(exist_ok=True)
    stale.write_text("of an earlier study")
    assert make_tables.main([str(run), "--only", "beside_published"]) == 1
    assert "needs the study of a paper" in capsys.readouterr().err
    assert not stale.exists()


def test_failing_table_does_not_keep_the_others(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(results: Results) -> TableResult:
        raise KeyError("no such column")

    (run / "tables" / "kernel_table1_tests.csv").unlink(missing_ok=True)
    monkeypatch.setattr(TABLES["kernel_table1"], "make", broken)
    assert make_tables.main([str(run)]) == 1
    captured = capsys.readouterr()
    assert "1 of" in captured.err
    assert "KeyError" in captured.err
    assert (run / "tables" / "kernel_table1_tests.csv").is_file()
    assert not (run / "tables" / "kernel_table1.csv").exists()
    assert "failed: KeyError" in (run / "tables" / "index.md").read_text()


def test_without_python_docx_one_line_says_so(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(make_tables, "docx_installed", lambda: False)
    assert make_tables.main([str(run)]) == 0
    assert "ctshift[docx]" in capsys.readouterr().out
    assert not list((run / "tables").glob("*.docx"))


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
    table = kernel_table1.make(results_in_memory(scores, study))
    cells = table.frame.set_index(["arm", "test_set"])
    lung = np.array([0.60 + 0.01 * n + 0.002 * n**2 for n in range(8)])
    soft = np.array([0.0, *(0.40 + 0.01 * n + 0.002 * n**2 for n in range(1, 8))])
    assert cells.loc[("LK", "LK"), "median"] == pytest.approx(np.median(lung))
    assert cells.loc[("LK", "MK"), "min"] == 0
    assert cells.loc[("LK", "MK"), "missed"] == 1
    assert cells.loc[("LK", "both"), "median"] == pytest.approx(np.median((lung + soft) / 2))
    assert cells.loc[("LK", "both"), "n"] == 8
    printed = table.printed()[0]
    assert printed.spans()[0][0] == ("Applied on lung kernel", 1)
    assert printed.heads()[2] == ("Applied on both kernels", "Phantom ILD (n = 8)")
    assert printed.rows()[0][0] == "Trained on lung kernel"
    assert (
        printed.rows()[0][1]
        == f"{np.median(lung):.2f} ({np.quantile(lung, 0.25):.2f}, {np.quantile(lung, 0.75):.2f}) [0.60–0.77]"
    )
    assert (cells.loc[("LK", "both"), "predictions"], cells.loc[("LK", "both"), "missing"]) == (16, 1)
    assert (
        "Trained on lung kernel, Applied on mediastinal kernel, Phantom ILD: 1 of 8 predictions missing or failed."
        in (table.notes)
    )


def test_tests_by_hand(tmp_path: Path) -> None:
    table = kernel_table1_tests.make(results_in_memory(_eight_patients(), two_kernel_study(tmp_path)))
    assert len(table.frame) == 8
    assert set(table.frame.family) == {8}
    kernels = table.frame[table.frame.arm_1.eq("LK") & table.frame.arm_2.eq("LK")].iloc[0]
    assert (kernels.test_set_1, kernels.test_set_2, kernels.n_1) == ("LK", "MK", 8)
    assert kernels.median_1 - kernels.median_2 == pytest.approx(0.2)
    assert kernels.statistic == 36
    assert kernels.p_corrected == pytest.approx(min(1, 8 * kernels.p))
    same = table.frame[table.frame.arm_1.eq("LK+MK") & table.frame.arm_2.eq("LK+MK")].iloc[0]
    assert same.note == "not defined: all differences are zero"
    assert np.isnan(same.p)
    text = table.printed()[0].frame
    assert "not defined" in text["P"].tolist()
    assert any("Bonferroni" in note and "8" in note for note in table.notes)


def test_unpaired_kernels_are_compared_between_patients(tmp_path: Path) -> None:
    rows = _eight_patients()
    rows = rows[rows.variant.eq("LK") == rows.patient.isin(["P0", "P2", "P4", "P6"])]
    table = kernel_table1_tests.make(results_in_memory(rows, two_kernel_study(tmp_path, paired=False)))
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
    table = kernel_table1_baseline.make(results_in_memory(frame(rows), two_kernel_study(tmp_path)))
    row = table.frame[table.frame.arm.eq("LK") & table.frame.test_set.eq("LK")].iloc[0]
    assert (row.n, row.mean_arm, row.mean_baseline) == (3, pytest.approx(0.7), pytest.approx(0.5))
    half = 4.302652729696142 * 0.1 / np.sqrt(3)
    assert (row.difference, row.low, row.high) == pytest.approx((0.2, 0.2 - half, 0.2 + half))


def test_effects_stand_beside_the_tests(tmp_path: Path) -> None:
    study = two_kernel_study(tmp_path)
    scores = _eight_patients()
    table = kernel_table1_tests.make(results_in_memory(scores, study))
    kernels = table.frame[table.frame.arm_1.eq("LK") & table.frame.arm_2.eq("LK")].iloc[0]
    assert kernels["shift"] == pytest.approx(0.2)
    assert kernels.effect == 1
    heads = [head[-1] for head in table.printed()[0].heads()]
    assert heads[3:5] == ["Shift (95% CI)", "Effect"]
    apart = scores[scores.variant.eq("LK") == scores.patient.isin(["P0", "P2", "P4", "P6"])]
    unpaired = kernel_table1_tests.make(results_in_memory(apart, two_kernel_study(tmp_path, paired=False))).frame
    between = unpaired[unpaired.test_set_1.ne(unpaired.test_set_2)]
    assert between["shift"].isna().all()
    assert between.effect.between(-1, 1).all()


def test_holm_takes_the_place_of_bonferroni(tmp_path: Path) -> None:
    study = two_kernel_study(tmp_path)
    holm = replace(study, tables=replace(study.tables, correction="holm"))
    tables = [kernel_table1_tests.make(results_in_memory(_eight_patients(), entry)) for entry in (study, holm)]
    first, second = (table.frame for table in tables)
    assert (second.correction == "holm").all()
    defined = first.p.notna()
    smallest = first.p.idxmin()
    assert second.p_corrected[smallest] == pytest.approx(first.p_corrected[smallest])
    assert (second.p_corrected[defined] <= first.p_corrected[defined]).all()
    assert second.p_corrected[defined].lt(first.p_corrected[defined]).any()
    assert "P (Holm)" in [head[-1] for head in tables[1].printed()[0].heads()]
    assert any("Holm" in note for note in tables[1].notes)


def test_new_table_needs_only_frame_and_notes() -> None:
    table = TableResult(pd.DataFrame({"name": ["a_b", "c|d"], "value": [0.123456789, 1.0]}), ("50% & more",))
    assert table.printed()[0].rows() == [("a_b", "0.1235"), ("c|d", "1")]
    text = to_latex("A_title", table)
    assert r"a\_b & 0.1235 \\" in text
    assert r"50\% \& more" in text


def test_unknown_table_lists_the_choices(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make_tables.main([str(run), "--only", "tabel1"]) == 1
    assert "kernel_table1_tests" in capsys.readouterr().err


def test_missing_scores_say_what_to_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make_tables.main([str(tmp_path)]) == 1
    assert "python -m analysis.evaluate" in capsys.readouterr().err


def test_tables_need_neither_torch_nor_matplotlib() -> None:
    code = "import sys, analysis.make_tables as made; made.find_tables(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "matplotlib", "pingouin", "seaborn"} & set(loaded)

"""Conformance of every figure, and what Figure 1 chooses to show."""

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from analysis_run import ANNOTATED, write_run
from analysis_scores import frame, score, two_kernel_study

from analysis import evaluate, make_figures
from analysis.aggregate import patient_values
from analysis.example_case import median_patient, slice_with_most_disease
from analysis.reference_masks import read_references
from analysis.run_folder import open_run

FIGURES = make_figures.find_figures()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_run(tmp_path_factory.mktemp("figures"), patients=4)
    assert evaluate.main([str(folder)]) == 0
    return folder


@pytest.mark.parametrize("name", FIGURES)
def test_figure_is_written_in_every_format(name: str, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make_figures, "DOTS_PER_INCH", 50)
    before = dict(matplotlib.rcParams)
    assert make_figures.main([str(run), "--only", name]) == 0
    first = {suffix: (run / "figures" / f"{name}.{suffix}").read_bytes() for suffix in ("pdf", "svg", "png", "csv")}
    assert first["pdf"].startswith(b"%PDF")
    assert first["png"].startswith(b"\x89PNG")
    assert b"<svg" in first["svg"]
    shown = pd.read_csv(run / "figures" / f"{name}.csv")
    assert len(shown) > 0
    assert dict(matplotlib.rcParams) == before
    assert not any(patient.encode() in first["svg"] for patient in ("P001", "P002", "P003", "P004"))
    assert (run / "figures" / f"{name}.txt").read_text().strip()
    assert make_figures.main([str(run), "--only", name]) == 0
    assert all((run / "figures" / f"{name}.{suffix}").read_bytes() == first[suffix] for suffix in ("svg", "png", "csv"))


@pytest.mark.parametrize("name", FIGURES)
def test_figure_survives_missing_predictions(name: str, tmp_path: Path) -> None:
    run = open_run(write_run(tmp_path, patients=2))
    for path in (tmp_path / "predictions").rglob("*.nii.gz"):
        path.unlink()
    results = FIGURES[name].make(evaluate.evaluate(run), run.study, run)
    assert all(len(result.frame) for result in results)


def test_unpaired_study_shows_one_patient_per_kernel(tmp_path: Path) -> None:
    run = open_run(write_run(tmp_path, patients=6, paired=False))
    (result,) = FIGURES["figure1"].make(evaluate.evaluate(run), run.study, run)
    patients = result.frame.groupby("test_set")["patient"].unique()
    assert patients["LK"][0] in ("P001", "P003", "P005")
    assert patients["MK"][0] in ("P002", "P004", "P006")
    assert "different patients" in result.caption


def test_dice_below_a_picture_is_the_score_of_that_prediction(run: Path) -> None:
    opened = open_run(run)
    scores = evaluate.evaluate(opened)
    scores = scores[scores.metric.eq("DSC")]
    (result,) = FIGURES["figure1"].make(scores, opened.study, opened)
    shown = result.frame.iloc[0]
    rows = scores[scores.patient.eq(shown.patient) & scores.variant.eq(shown.variant) & scores.arm.eq(shown.arm)]
    assert shown.dice == pytest.approx(rows.value.mean())
    assert shown.slice_z in ANNOTATED


def test_median_patient(tmp_path: Path) -> None:
    study = two_kernel_study(tmp_path)
    rows = [score(value, patient=name, variant=variant) for variant in ("LK", "MK") for name, value in
            {"a": 0.9, "b": 0.2, "c": 0.5, "d": 0.6, "e": 0.55}.items()]  # fmt: skip
    scores = frame(rows)
    chosen = median_patient(scores, patient_values(scores, study), study, test_sets=["LK", "MK"])
    assert chosen == "e"
    scores.loc[scores.patient.eq("e") & scores.variant.eq("MK"), ["status", "value"]] = ("missing", np.nan)
    assert median_patient(scores, patient_values(scores, study), study, test_sets=["LK", "MK"]) == "c"
    assert median_patient(frame([]), patient_values(frame([]), study), study, test_sets=["LK"]) is None


def test_slice_is_annotated_by_every_reader(run: Path) -> None:
    opened = open_run(run)
    references = read_references(opened, opened.matrix["references"]["phantom_P002"])
    z = slice_with_most_disease(references, "disease")
    assert z in ANNOTATED
    areas = {index: references[0].slice_mask("disease", index).sum() for index in ANNOTATED}
    assert areas[z] == max(areas.values())
    assert references[0].slice_mask("disease", 0) is None

"""The baseline of a HU range: what it marks, where its lung comes from, what it refuses, and its jobs and settings."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from analysis_scores import study_from
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tiny_run import TRAINER, write, write_tiny_run

from analysis.empties import counted_values
from analysis.metric import find_metric
from analysis.run_folder import RunFolder as AnalysedRun
from analysis.scoring.predictions import read_prediction
from benchmarks.baseline_settings import hu_range_settings
from benchmarks.study import Study
from benchmarks.study_file import load_study
from benchmarks.study_names import StudyError
from benchmarks.workflow.jobs import RECORDED, REFERENCES, list_jobs
from dataset_converters.kernels.image_class import image_kernel_class
from trainers.errors import TrainerError
from trainers.predict.hu_range import healthy_lung, mark_range, predict_hu_range
from trainers.run_folder import RunFolder, open_run

PHANTOM = Path(__file__).resolve().parents[1] / "benchmarks" / "studies" / "ssc_phantom.toml"
MODEL, LUNG = "salaffi-hu_range-s0-f0", f"LK-{TRAINER}-s0-f0"
IMAGES = ("source_P0-LK", "source_P0-MK")


def test_both_ends_of_the_range_count_and_nothing_outside_the_lung() -> None:
    hu = np.array([[[-701, -700, -450, -200, -199, -450]]], dtype=np.int16)
    lung = np.array([[[1, 1, 1, 1, 3, 0]]], dtype=np.uint8)
    marked = mark_range(hu, lung, hu_range=(-700, -200), disease=2)
    assert marked.tolist() == [[[1, 2, 2, 2, 3, 0]]]


@given(arrays(np.int16, (2, 3, 4)), arrays(bool, (2, 3, 4)), st.integers(-900, -500), st.integers(1, 400))
@settings(max_examples=40, deadline=None)
def test_the_lung_stays_and_a_wider_range_marks_no_less(hu: np.ndarray, lung: np.ndarray, low: int, width: int) -> None:
    labels = lung.astype(np.uint8)
    narrow = mark_range(hu, labels, hu_range=(low, low + width), disease=2)
    wide = mark_range(hu, labels, hu_range=(low - 10, low + width + 10), disease=2)
    assert np.array_equal(narrow > 0, lung)
    assert not ((narrow == 2) & (wide != 2)).any()


def test_what_was_predicted_as_disease_is_lung_first() -> None:
    values = {"right_lung": 1, "left_lung": 2, "disease": 3}
    found = healthy_lung(
        np.array([0, 7, 8, 9, 5]), {"right_lung": (7,), "left_lung": (8,), "disease": (9,)}, values, "disease"
    )
    assert found.tolist() == [0, 1, 2, 1, 0]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"kernel": "B30f", "manufacturer": "SIEMENS"}, "soft"),
        ({"kernel": "B70f", "manufacturer": "SIEMENS"}, "sharp"),
        ({"kernel": "I31f\\3", "manufacturer": "SIEMENS"}, "soft"),
        ({"kernel": "STANDARD", "manufacturer": "GE MEDICAL SYSTEMS"}, "soft"),
        ({"kernel": "LUNG", "manufacturer": "GE MEDICAL SYSTEMS"}, "sharp"),
        ({"kernel": "B45f", "manufacturer": "SIEMENS"}, "medium"),
        ({"kernel": "B30f", "manufacturer": "GE MEDICAL SYSTEMS", "emulated_from": "B70f"}, "soft"),
        ({"kernel": "B50f", "manufacturer": "CTShift digital phantom"}, "sharp"),
        ({"kernel": "OWN", "manufacturer": "SIEMENS", "kernel_class": "soft"}, "soft"),
        ({"kernel": "B31f"}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_kernel_class_of_an_image(facts: dict[str, str], expected: str) -> None:
    assert image_kernel_class(facts) == expected


def tiny(folder: Path, **changes: Any) -> tuple[RunFolder, dict[str, Any]]:
    """Return a run with structures lung and disease, a lung predicted on LK, and a baseline on LK and MK."""
    root = write_tiny_run(folder / "run")
    matrix = json.loads((root / "matrix.json").read_text())
    model = {
        "model": MODEL, "arm": "salaffi", "trainer": "hu_range", "seed": 0, "fold": 0, "plans_name": "",
        "kind": "hu_range", "train": [], "test": list(IMAGES), "hu_range": [-700.0, -200.0], "disease": "disease",
        "labels": {"lung": 1, "disease": 2}, "lung_model": LUNG,
        "lung_images": dict.fromkeys(IMAGES, "source_P0-LK"), "refused": {"source_P0-LK": "kernel B70f is sharp"},
    }  # fmt: skip
    model |= changes
    matrix["models"].append(model)
    matrix["structures"] = {"lung": 1, "disease": 2}
    (root / "matrix.json").write_text(json.dumps(matrix))
    lung = np.zeros((8, 64, 64), np.uint8)
    lung[2:6, 16:48, 16:48] = 1
    lung[3, 20:30, 20:30] = 2
    write(root / "predictions" / LUNG / "source_P0-LK.nii.gz", lung)
    return open_run(root), model


def test_values_of_the_soft_image_are_marked_in_the_lung_of_the_sharp_one(tmp_path: Path) -> None:
    run, model = tiny(tmp_path)
    predict_hu_range(run, model)
    folder = run.predictions(model)
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "source_P0-MK.nii.gz")))
    hu = sitk.GetArrayFromImage(sitk.ReadImage(str(run.image("source_P0-MK"))))
    inside = np.zeros(hu.shape, bool)
    inside[2:6, 16:48, 16:48] = True
    assert np.array_equal(labels == 2, inside & (hu >= -700) & (hu <= -200))
    assert np.array_equal(labels > 0, inside)
    assert not (folder / "source_P0-LK.nii.gz").exists()
    assert json.loads((folder / "refused.json").read_text()) == {"source_P0-LK": "kernel B70f is sharp"}


def test_a_changed_lung_is_marked_again_and_an_unchanged_one_is_not(tmp_path: Path) -> None:
    run, model = tiny(tmp_path)
    written = run.predictions(model) / "source_P0-MK.nii.gz"
    predict_hu_range(run, model)
    first = written.stat().st_mtime_ns
    predict_hu_range(run, model)
    assert written.stat().st_mtime_ns == first
    write(run.path / "predictions" / LUNG / "source_P0-LK.nii.gz", np.zeros((8, 64, 64), np.uint8))
    predict_hu_range(run, model)
    assert not sitk.GetArrayFromImage(sitk.ReadImage(str(written))).any()


def test_without_a_lung_the_image_is_refused_with_the_reason(tmp_path: Path) -> None:
    run, model = tiny(tmp_path, lung_images=dict.fromkeys(IMAGES, "source_P9-LK"))
    predict_hu_range(run, model)
    refused = json.loads((run.predictions(model) / "refused.json").read_text())
    assert refused["source_P0-MK"] == f"no lung: {LUNG} predicted no source_P9-LK"


@pytest.mark.parametrize("annotated", [None, [2, 5]])
def test_the_lung_of_the_reference_needs_every_slice(tmp_path: Path, annotated: list[int] | None) -> None:
    run, model = tiny(tmp_path, lung_model="")
    lung = np.zeros((8, 64, 64), np.uint8)
    lung[4, 10:20, 10:20] = 5
    write(run.path / "annotations" / "lung.nii.gz", lung)
    reader = {"annotation": "annotations/lung.nii.gz", "annotated_slices": annotated, "ignore_value": None}
    structures = {"lung": [5], "disease": [6]}
    run.matrix["references"]["source_P0"] = {"readers": {"one": reader}, "structures": structures}
    predict_hu_range(run, model)
    written = run.predictions(model) / "source_P0-MK.nii.gz"
    refused = json.loads((run.predictions(model) / "refused.json").read_text())
    if annotated:
        assert refused["source_P0-MK"] == "no lung: no reader annotated every slice"
        assert not written.exists()
    else:
        assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(written))) > 0, lung > 0)


def test_a_lung_on_another_grid_names_both(tmp_path: Path) -> None:
    run, model = tiny(tmp_path)
    write(run.path / "predictions" / LUNG / "source_P0-LK.nii.gz", np.ones((4, 64, 64), np.uint8))
    with pytest.raises(TrainerError, match=r"source_P0-MK.*\(64, 64, 4\) voxels.*\(64, 64, 8\) voxels"):
        predict_hu_range(run, model)


def test_no_torch_and_a_clear_error_for_another_kind_of_model(tmp_path: Path) -> None:
    run, _ = tiny(tmp_path)
    code = "import sys, trainers.predict.hu_range; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    command = [sys.executable, "-m", "trainers.predict.hu_range", str(run.path), "LK"]
    failed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert f"no hu_range model 'LK'; wanted one of ['{MODEL}']" in failed.stderr


def test_a_refused_image_is_a_score_with_a_reason_that_counts_for_nothing(tmp_path: Path) -> None:
    run, model = tiny(tmp_path)
    predict_hu_range(run, model)
    analysed = AnalysedRun(run.path, load_study(PHANTOM), dict(run.matrix))
    found = read_prediction(analysed, MODEL, "source_P0-LK")
    assert found.missed == ("refused", "prediction: kernel B70f is sharp")
    assert read_prediction(analysed, MODEL, "source_P0-MK").missed is None
    import pandas as pd

    scores = pd.DataFrame({"value": [np.nan, np.nan], "status": ["refused", "failed"]})
    assert np.isnan(counted_values(scores, find_metric("DSC"))[0])
    assert counted_values(scores, find_metric("DSC"))[1] == 0


def test_settings_of_a_model_name_lung_and_refusals() -> None:
    study = load_study(PHANTOM)
    facts = {"LK": "B70f", "MK": "B30f", "XX": ""}
    images = {
        f"external_P1-{name}": {"dataset": "external", "case": "P1", "variant": name, "facts": {"kernel": kernel}}
        for name, kernel in facts.items()
    }
    found = hu_range_settings(study, study.baselines[0], 0, list(images), images)
    assert found["labels"] == {"lung": 1, "disease": 2}
    assert found["lung_images"]["external_P1-MK"] == "external_P1-LK"
    assert list(found["refused"]) == ["external_P1-LK", "external_P1-XX"]
    assert found["refused"]["external_P1-LK"].startswith("kernel B70f is sharp")
    assert found["refused"]["external_P1-XX"].startswith("kernel not recorded is unknown")


def test_its_job_comes_after_the_lung_and_is_made_again_with_it() -> None:
    study = load_study(PHANTOM)
    jobs = {job.name: job for job in list_jobs(study, "cpu")}
    lung = "predict-atlas-nnUNetTrainerAtlasNet-s0-f0"
    assert lung in jobs[f"predict-{MODEL}"].needs
    assert f"{RECORDED}{lung}" in jobs[f"predict-{MODEL}"].inputs
    assert f"predictions/{MODEL}/refused.json" in jobs[f"predict-{MODEL}"].contents
    own = replace(study.baselines[0], lung_from="reference", lung_trainer="", lung_variants=())
    jobs = {job.name: job for job in list_jobs(replace(study, baselines=(own,)), "cpu")}
    assert jobs[f"predict-{MODEL}"].needs == ("assemble",)
    assert REFERENCES in jobs[f"predict-{MODEL}"].inputs


WRONG = {
    "the choices are: reference, atlas, atlas-T1": ('lung_from = "atlas"', 'lung_from = "nobody"'),
    "wanted two numbers, the lower first": ("hu_range = [-700, -200]", "hu_range = [-200, -700]"),
    "is in no test set with BK of annotated": ('lung_variants = ["LK", "SK"]', 'lung_variants = ["BK"]'),
    "unknown name 'other'": ('lung_from = "atlas"', 'lung_from = "atlas"\nlung_trainer = "other"'),
    "the reference has no trainer": ('lung_from = "atlas"', 'lung_from = "reference"\nlung_trainer = "other"'),
    "takes no lung": ('kind = "hu_range"', 'kind = "centred_ellipsoid"'),
    "needs a .scoring. lung that is a union": ('lung = "lung_whole"', 'lung = "lung"'),
    "needs .scoring. lung and disease": ('disease = "disease"\nslices', "slices"),
}


@pytest.mark.parametrize("message", WRONG)
def test_a_baseline_that_cannot_be_made_is_refused(message: str, tmp_path: Path) -> None:
    before, after = WRONG[message]
    text = PHANTOM.read_text(encoding="utf-8")
    assert before in text
    with pytest.raises(StudyError, match=message):
        study_from(text.replace(before, after, 1), tmp_path)


def test_one_trainer_need_not_be_named() -> None:
    study: Study = load_study(PHANTOM)
    assert {entry.lung_trainer for entry in study.baselines} == {"nnUNetTrainerAtlasNet"}

"""Predictions to scores: every model, image and reader has a row, right by hand, the same on every run."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
from analysis_run import ANNOTATED, MISSING, SIZE_ZYX, write_image, write_run

from analysis import evaluate
from analysis.errors import AnalysisError
from analysis.run_folder import open_run
from analysis.score_columns import COLUMNS, KEY

MODEL = "LK-nnUNetTrainerWeightedCE2D-s0-f0"
IMAGE = "phantom_P002-LK"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", patients=2)


def _scores(run: Path) -> pd.DataFrame:
    """Return the Dice rows: a new metric adds rows, it changes none of these."""
    scores = evaluate.evaluate(open_run(run))
    return scores[scores.metric.eq("DSC")].reset_index(drop=True)


def _rows(scores: pd.DataFrame, *, reader: str = "reader1") -> pd.Series:
    rows = scores[scores.arm.eq("LK") & scores.patient.eq("P002") & scores.variant.eq("LK") & scores.reader.eq(reader)]
    assert len(rows) == 1
    return rows.iloc[0]


def test_every_model_image_and_reader_has_one_row(run: Path) -> None:
    scores = _scores(run)
    assert tuple(scores.columns) == COLUMNS
    assert len(scores) == 4 * 2 * 2 * 2 + 2
    assert scores.trainer.eq("reader").sum() == 2
    assert not scores.duplicated(list(KEY)).any()
    missing = scores[scores.status.eq("missing")]
    assert set(zip(missing.arm, missing.patient, missing.variant, strict=True)) == {("LK", "P001", "MK")}
    assert missing.value.isna().all()
    assert missing.reason.eq("prediction: file not found").all()
    assert (run / "predictions" / MISSING[0]).is_dir()


def test_voxels_are_pooled_over_the_annotated_slices(run: Path) -> None:
    reference = np.zeros(SIZE_ZYX, dtype=np.uint8)
    prediction = reference.copy()
    reference[ANNOTATED[0], 0, 0:6] = 3
    reference[ANNOTATED[1], 0, 0:2] = 4
    reference[ANNOTATED[1], 0, 2] = 5
    reference[0] = 3
    prediction[ANNOTATED[0], 0, 2:6] = 1
    prediction[7] = 1
    write_image(run / "annotations/Dataset702_phantom/P002-reader1.nii.gz", reference)
    write_image(run / "predictions" / MODEL / f"{IMAGE}.nii.gz", prediction)
    row = _rows(_scores(run))
    assert row["value"] == pytest.approx(2 * 4 / (8 + 4))
    assert (row["slices"], row["status"], row["reason"]) == ("annotated", "ok", "")
    assert _rows(_scores(run), reader="reader2")["slices"] == "all"


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ("truncated", "failed", "prediction: not readable"),
        ("spacing", "failed", "prediction: spacing_zyx_mm (5, 2.5, 1), reference (5, 2.5, 2)"),
        ("size", "failed", "prediction: size_zyx"),
        ("label", "failed", "prediction: labels [2], wanted [0, 1]"),
        ("fraction", "failed", "prediction: values that are not whole numbers"),
        ("empty", "empty_prediction", "empty prediction"),
    ],
)
def test_bad_prediction_is_a_row_with_its_reason(run: Path, change: str, status: str, reason: str) -> None:
    path = run / "predictions" / MODEL / f"{IMAGE}.nii.gz"
    array = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    if change == "truncated":
        path.write_bytes(path.read_bytes()[:150])
    elif change == "spacing":
        write_image(path, array, spacing_xyz_mm=(1.0, 2.5, 5.0))
    elif change == "size":
        write_image(path, array[:-1])
    else:
        write_image(path, {"label": array * 2, "fraction": array * np.float32(0.5), "empty": array * 0}[change])
    row = _rows(_scores(run))
    assert row["status"] == status
    assert row["reason"].startswith(reason)
    assert str(run) not in row["reason"]


def test_both_masks_empty_is_undefined(run: Path) -> None:
    write_image(run / "annotations/Dataset702_phantom/P002-reader1.nii.gz", np.zeros(SIZE_ZYX, dtype=np.uint8))
    write_image(run / "predictions" / MODEL / f"{IMAGE}.nii.gz", np.zeros(SIZE_ZYX, dtype=np.uint8))
    row = _rows(_scores(run))
    assert np.isnan(row["value"])
    assert row["status"] == "both_empty"


def test_missing_reference_is_a_row(run: Path) -> None:
    (run / "annotations/Dataset702_phantom/P002-reader1.nii.gz").unlink()
    row = _rows(_scores(run))
    assert (row["status"], row["reason"]) == ("no_reference", "annotation: file not found")


def test_command_line_is_repeatable_and_leaves_no_partial_file(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate.main([str(run)]) == 0
    assert "x prediction: file not found" in capsys.readouterr().out
    first = (run / "scores.csv").read_bytes()
    assert evaluate.main([str(run)]) == 0
    assert (run / "scores.csv").read_bytes() == first
    assert not list(run.glob(".part*"))
    table, text = pd.read_parquet(run / "scores.parquet"), pd.read_csv(run / "scores.csv", keep_default_na=False)
    assert list(table["value"].dropna()) == [float(value) for value in text["value"] if value != ""]


def test_path_that_leaves_the_run_is_refused(run: Path) -> None:
    matrix = json.loads((run / "matrix.json").read_text())
    matrix["references"]["phantom_P002"]["readers"]["reader1"]["annotation"] = "../outside.nii.gz"
    (run / "matrix.json").write_text(json.dumps(matrix))
    with pytest.raises(AnalysisError, match="leaves the run folder") as refusal:
        _scores(run)
    assert str(run) not in str(refusal.value)
    matrix["references"]["phantom_P002"]["readers"]["reader1"]["annotation"] = (
        "annotations/Dataset702_phantom/P002-reader1.nii.gz"
    )
    matrix["models"][0]["model"] = "../x"
    (run / "matrix.json").write_text(json.dumps(matrix))
    with pytest.raises(AnalysisError, match="cannot be a file name"):
        _scores(run)


def test_folder_without_a_run_is_a_clear_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate.main([str(tmp_path)]) == 1
    assert "matrix.json not found" in capsys.readouterr().err


def test_two_models_under_one_name_are_an_error(run: Path) -> None:
    matrix = json.loads((run / "matrix.json").read_text())
    matrix["models"].append(matrix["models"][0])
    (run / "matrix.json").write_text(json.dumps(matrix))
    with pytest.raises(AnalysisError, match=r"2 rows for .*dataset 'phantom', patient 'P001'.*arm 'LK'"):
        _scores(run)

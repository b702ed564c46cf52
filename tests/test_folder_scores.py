"""Any two folders of label maps: pairing by name, labels, slices, and every fault as a row or a clear error."""

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
from analysis_run import write_image
from scoring_run import LEFT, RIGHT, lungs, nothing

from analysis import evaluate
from analysis.errors import AnalysisError
from analysis.folders.folder_labels import FolderLabels, described_labels, parse_labels
from analysis.folders.label_map_files import list_label_maps
from analysis.label_map import read_label_map

LABELS = ["--labels", f"right_lung={RIGHT}", f"left_lung={LEFT}", f"lung={RIGHT},{LEFT}"]


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two cases in both folders; the second prediction lacks a slice of the right lung."""
    reference, predictions = tmp_path / "reference", tmp_path / "predictions"
    found = lungs()
    found[1, :, :5] = 0
    for case, labels in (("a", lungs()), ("b", found)):
        write_image(reference / f"{case}.nii.gz", lungs())
        write_image(predictions / f"{case}.nii.gz", labels)
    return reference, predictions


def _run(folders: tuple[Path, Path], *options: str, code: int = 0) -> pd.DataFrame:
    out = folders[0].parent / "scores.csv"
    arguments = ["--reference", str(folders[0]), "--predictions", str(folders[1]), "--out", str(out), *options]
    assert evaluate.main(arguments) == code
    return pd.read_csv(out, keep_default_na=False) if code == 0 else pd.DataFrame()


def _value(scores: pd.DataFrame, case: str, structure: str, metric: str = "DSC") -> float:
    row = scores[scores.case.eq(case) & scores.structure.eq(structure) & scores.metric.eq(metric)]
    assert len(row) == 1
    return float(row.iloc[0]["value"])


def test_two_folders_by_hand(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    scores = _run(folders, *LABELS, "--metrics", "DSC", "HD95", "volume_difference")
    assert list(scores.columns)[:6] == ["case", "structure", "metric", "value", "unit", "status"]
    assert len(scores) == 2 * 3 * 3
    assert scores.status.eq("ok").all()
    assert _value(scores, "a", "lung") == 1.0
    assert _value(scores, "b", "right_lung") == pytest.approx(2 * 18 / (24 + 18))
    assert _value(scores, "b", "left_lung") == 1.0
    assert _value(scores, "b", "lung") == pytest.approx(2 * 42 / (48 + 42))
    assert _value(scores, "b", "right_lung", "volume_difference") == pytest.approx(-6 * 2.0 * 2.5 * 5.0 / 1000)
    assert _value(scores, "a", "lung", "HD95") == 0.0
    text = capsys.readouterr().out
    assert "2 cases, 18 scores" in text
    assert any(line.split()[:5] == ["right_lung", "DSC", "2", "2", "0"] for line in text.splitlines())


def test_labels_come_from_dataset_json_or_from_the_values(folders: tuple[Path, Path]) -> None:
    assert set(_run(folders, "--metrics", "DSC").structure) == {"label_1", "label_2"}
    labels = {"background": 0, "right_lung": 1, "lung": [1, 2], "ignore": 9}
    (folders[0].parent / "dataset.json").write_text(json.dumps({"labels": labels}))
    assert set(_run(folders, "--metrics", "DSC").structure) == {"right_lung", "lung"}


def test_ignored_slices_and_voxels_are_not_scored(folders: tuple[Path, Path]) -> None:
    labels = {"background": 0, "right_lung": RIGHT, "left_lung": LEFT, "ignore": 9}
    (folders[1] / "dataset.json").write_text(json.dumps({"labels": labels}))
    ignoring = lungs()
    ignoring[1] = 9
    ignoring[2, 2, 1] = 9
    write_image(folders[0] / "b.nii.gz", ignoring)
    wrong = lungs()
    wrong[1] = LEFT
    wrong[2, 2, 2] = 0
    write_image(folders[1] / "b.nii.gz", wrong)
    scores = _run(folders, "--metrics", "DSC")
    assert _value(scores, "b", "right_lung") == pytest.approx(2 * 16 / (17 + 16))
    assert set(scores[scores.case.eq("b")].slices) == {"annotated"}


def test_slices_of_a_structure(folders: tuple[Path, Path]) -> None:
    found = lungs()
    found[0], found[5] = RIGHT, RIGHT
    write_image(folders[1] / "a.nii.gz", found)
    assert _value(_run(folders, *LABELS, "--metrics", "DSC"), "a", "lung") < 0.5
    scores = _run(folders, *LABELS, "--metrics", "DSC", "--slices", "lung")
    assert _value(scores, "a", "lung") == 1.0
    assert set(scores.slices) == {"lung"}


def test_every_kind_of_file_is_paired_by_case(folders: tuple[Path, Path]) -> None:
    for name in ("c.nii", "d.mha", "e.nrrd", "f_0000.nii.gz"):
        case, suffix = name.split(".", 1)
        write_image(folders[0] / f"{case.removesuffix('_0000')}.nii.gz", lungs())
        write_image(folders[1] / name, lungs())
        assert suffix
    (folders[1] / "plans.json").write_text("{}")
    scores = _run(folders, *LABELS, "--metrics", "DSC")
    assert list(dict.fromkeys(scores.case)) == ["a", "b", "c", "d", "e", "f"]
    assert scores.status.eq("ok").all()


@pytest.mark.parametrize(
    ("fault", "status", "reason"),
    [
        ("no prediction", "missing", "prediction: no file"),
        ("no reference", "no_reference", "reference: no file"),
        ("damaged prediction", "failed", "prediction: not readable"),
        ("damaged reference", "no_reference", "reference: not readable"),
        ("other spacing", "failed", "prediction: spacing_zyx_mm"),
        ("other size", "failed", "prediction: size_zyx"),
        ("fractions", "failed", "prediction: values that are not whole numbers"),
        ("empty", "empty_prediction", "empty prediction"),
    ],
)
def test_a_faulty_case_is_rows_and_the_others_are_scored(
    folders: tuple[Path, Path], fault: str, status: str, reason: str
) -> None:
    reference, prediction = folders[0] / "b.nii.gz", folders[1] / "b.nii.gz"
    if fault.startswith("no "):
        (prediction if fault == "no prediction" else reference).unlink()
    elif fault.startswith("damaged"):
        path = prediction if "prediction" in fault else reference
        path.write_bytes(path.read_bytes()[:60])
    elif fault == "other spacing":
        write_image(prediction, lungs(), spacing_xyz_mm=(1.0, 1.0, 1.0))
    else:
        array = {"other size": lungs()[:-1], "fractions": lungs() * np.float32(0.5), "empty": nothing()}[fault]
        write_image(prediction, array)
    scores = _run(folders, *LABELS, "--metrics", "DSC", "volume")
    rows = scores[scores.case.eq("b")]
    assert len(rows) == 6
    assert set(rows.status) - {"both_empty"} == {status}
    assert rows[rows.status.eq(status)].reason.str.startswith(reason).all()
    assert scores[scores.case.eq("a")].status.eq("ok").all()


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".mha", ".nrrd"])
def test_a_truncated_file_is_never_read_as_zeros(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_image(path, np.random.default_rng(0).integers(0, 3, (10, 20, 20)).astype(np.uint8))
    assert read_label_map(path).labels.any()
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    with pytest.raises(AnalysisError, match="not readable"):
        read_label_map(path)


def _describe(folder: Path, labels: dict[str, int]) -> None:
    (folder / "dataset.json").write_text(json.dumps({"labels": {"background": 0} | labels}))


def test_a_prediction_with_a_value_that_no_label_names_is_failed(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _describe(folders[0].parent, {"right_lung": RIGHT, "left_lung": LEFT})
    found = lungs()
    found[0, 0, 0] = 7
    write_image(folders[1] / "b.nii.gz", found)
    scores = _run(folders, "--metrics", "DSC")
    rows = scores[scores.case.eq("b")]
    assert set(rows.status) == {"failed"}
    assert set(rows.reason) == {"prediction: labels [7], wanted [0, 1, 2]"}
    assert scores[scores.case.eq("a")].status.eq("ok").all()
    assert "warning" not in capsys.readouterr().err


def test_values_left_out_by_labels_are_warned_of_once(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    scores = _run(folders, "--labels", f"right_lung={RIGHT}", "--metrics", "DSC")
    assert scores.status.eq("ok").all()
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning")]
    assert lines == ["warning: predictions hold values that --labels does not name, not scored: 2 (2 files)"]


def test_a_label_that_occurs_nowhere_is_warned_of(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _describe(folders[0], {"right_lung": RIGHT, "left_lung": LEFT, "disease": 5})
    scores = _run(folders, "--metrics", "DSC")
    assert set(scores[scores.structure.eq("disease")].status) == {"both_empty"}
    assert "warning: labels in no reference and no prediction: disease = 5" in capsys.readouterr().err


def test_a_label_too_large_is_a_clear_error(tmp_path: Path) -> None:
    labels = np.zeros((2, 3, 4))
    labels[0, 0, 0] = 2.0**32 + 1
    write_image(tmp_path / "a.nii.gz", labels)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(AnalysisError, match="labels from 0 to 4294967297, wanted at most 2147483647"):
            read_label_map(tmp_path / "a.nii.gz")


def test_missed_cases_count_as_zero_in_the_summary(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    (folders[1] / "b.nii.gz").unlink()
    _run(folders, "--labels", "lung=1,2", "--metrics", "DSC")
    line = next(line for line in capsys.readouterr().out.splitlines() if " DSC " in line)
    assert line.split() == ["lung", "DSC", "2", "2", "1", "0.5000", "0.5000"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--labels", "lung"], "found 'lung', wanted each structure once, as in lung=1,2"),
        (["--labels", "lung=0"], "found 'lung=0'"),
        (["--labels", "lung=1", "lung=2"], "found 'lung=2'"),
        ([*LABELS, "--metrics", "DCS"], "unknown metric 'DCS'; the choices are"),
        ([*LABELS, "--metrics", "extent"], "metric extent needs to know disease"),
        (
            [*LABELS, "--slices", "liver"],
            "--slices liver: not found; the choices are: all, right_lung",
        ),
        ([*LABELS, "--nsd-tolerance", "0"], "--nsd-tolerance 0.0: wanted more than 0 mm"),
        ([*LABELS, "--workers", "0"], "--workers 0: wanted 1 or more"),
    ],
)
def test_wrong_options_are_one_clear_line(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    _run(folders, *options, code=1)
    assert message in capsys.readouterr().err
    assert not (folders[0].parent / "scores.csv").exists()


def test_only_an_earlier_score_table_is_replaced(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    out = folders[0].parent / "scores.csv"
    _run(folders, *LABELS, "--metrics", "DSC")
    first = out.read_bytes()
    _run(folders, *LABELS, "--metrics", "DSC")
    assert out.read_bytes() == first
    out.write_text("case,age\na,61\n")
    _run(folders, *LABELS, code=1)
    assert "exists and is no score table" in capsys.readouterr().err
    assert out.read_text() == "case,age\na,61\n"
    label_map = folders[0] / "a.nii.gz"
    arguments = ["--reference", str(folders[0]), "--predictions", str(folders[1]), "--out", str(label_map)]
    assert evaluate.main(arguments) == 1
    assert sitk.ReadImage(str(label_map)).GetSize()


def test_run_and_folders_are_told_apart(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["run", "--reference", str(folders[0])]):
        assert evaluate.main(arguments) == 1
        assert "give the folder of a run, or --reference" in capsys.readouterr().err
    assert evaluate.main(["--reference", str(folders[0])]) == 1
    assert "--predictions, --out not given" in capsys.readouterr().err


def test_folders_that_do_not_fit_are_errors(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    with pytest.raises(AnalysisError, match="no such folder"):
        list_label_maps(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(AnalysisError, match="no label map"):
        list_label_maps(tmp_path / "empty")
    write_image(folders[0] / "a.mha", lungs())
    with pytest.raises(AnalysisError, match=r"a\.mha and a\.nii\.gz are both a"):
        list_label_maps(folders[0])


def test_folders_without_a_common_case_are_an_error(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    for path in list(folders[1].iterdir()):
        path.rename(path.with_name("x_" + path.name))
    _run(folders, *LABELS, code=1)
    assert "no case in common: references such as 'a', predictions such as 'x_a'" in capsys.readouterr().err


def test_descriptions_that_disagree_are_an_error(tmp_path: Path) -> None:
    for name, value in (("one", 1), ("two", 2)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "dataset.json").write_text(json.dumps({"labels": {"lung": value}}))
    with pytest.raises(AnalysisError, match=r"label lung: \[1\] in .*, \[2\] in .*; say which with --labels"):
        described_labels(tmp_path / "one", tmp_path / "two")
    for text in ("{}", "{", '{"labels": {"lung": []}}', '{"labels": {"lung": "x"}}'):
        (tmp_path / "two" / "dataset.json").write_text(text)
        with pytest.raises(AnalysisError, match="no readable labels"):
            described_labels(tmp_path / "two")
    (tmp_path / "two" / "dataset.json").write_text(json.dumps({"labels": {"0": "background", "3": "liver"}}))
    assert described_labels(tmp_path / "two") == FolderLabels({"liver": [3]})
    assert described_labels(tmp_path) is None
    assert parse_labels(["lung=1,2"]) == FolderLabels({"lung": [1, 2]}, chosen=True)

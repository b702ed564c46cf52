"""Preparation: HU window, slices, budget and splits; the same result whatever happened on the way."""

import json
from pathlib import Path
from typing import Any

import blosc2
import numpy as np
import pytest
import SimpleITK as sitk
from tiny_run import NNUNET, write, write_tiny_run

from trainers.errors import TrainerError
from trainers.prepare import prepare
from trainers.run_folder import open_run
from trainers.settings import read_settings

pytestmark = pytest.mark.usefixtures("kept_environment")


def change_matrix(run: Path, **changes: Any) -> None:
    matrix = json.loads((run / "matrix.json").read_text())
    for name, value in changes.items():
        matrix[name] = matrix[name] | value if isinstance(value, dict) else value
    (run / "matrix.json").write_text(json.dumps(matrix))


def preprocessed(run: Path, case: str, part: str = "") -> np.ndarray:
    path = run / "nnUNet_preprocessed" / NNUNET / "nnUNetPlans_2d" / f"{case}{part}.b2nd"
    return np.asarray(blosc2.open(str(path))[0])


def snapshot(run: Path) -> dict[str, int]:
    files = (run / "nnUNet_preprocessed").rglob("*")
    return {str(path): path.stat().st_mtime_ns for path in files if path.is_file()}


def test_window_becomes_0_to_1_exactly_and_reruns_change_nothing(tmp_path: Path) -> None:
    run = write_tiny_run(tmp_path / "run", patients=4)
    image = run / "nnUNet_raw/Dataset976_source/imagesTr/P2-LK_0000.nii.gz"
    hu = np.full((8, 64, 64), -212, np.int16)
    hu[0, 0, :4] = [-3000, -1024, 600, 3000]
    write(image, hu)
    prepare(open_run(run))
    values = preprocessed(run, "source_P2-LK")
    assert values[0, 0, :4].tolist() == [0.0, 0.0, 1.0, 1.0]
    assert np.unique(values[1:]).tolist() == [0.5]
    before = snapshot(run)
    prepare(open_run(run))
    assert snapshot(run) == before


def test_an_arm_with_new_images_leaves_the_others_plans_as_they_were(tmp_path: Path) -> None:
    run = write_tiny_run(tmp_path / "run", patients=4)
    whole = json.loads((run / "matrix.json").read_text())
    listing = run / "nnUNet_raw" / NNUNET / "dataset.json"
    everything = json.loads(listing.read_text())
    lung = {name: entry for name, entry in everything["dataset"].items() if name.endswith("-LK")}
    listing.write_text(json.dumps(everything | {"dataset": lung, "numTraining": len(lung)}))
    change_matrix(run, plans=whole["plans"][:1])
    prepare(open_run(run))
    plans = run / "nnUNet_preprocessed" / NNUNET / "tiny-LK-s0.json"
    before = plans.read_bytes()
    for entry in everything["dataset"].values():  # the new arm's images are larger
        path = listing.parent / entry["images"][0]
        if path.name.endswith("-MK_0000.nii.gz"):
            write(path.resolve(), np.zeros((8, 96, 96), np.int16))
            write(listing.parent / entry["label"], np.zeros((8, 96, 96), np.uint8))
    listing.write_text(json.dumps(everything))
    change_matrix(run, plans=whole["plans"])
    prepare(open_run(run))
    assert plans.read_bytes() == before
    assert (plans.parent / "tiny-both-s0.json").is_file()


def test_plans_hold_the_budget_and_splits_their_patients(tmp_path: Path) -> None:
    run = write_tiny_run(tmp_path / "run", patients=4)
    prepare(open_run(run))
    folder = run / "nnUNet_preprocessed" / NNUNET
    plans = json.loads((folder / "tiny-both-s0.json").read_text())
    assert plans["ctshift"]["arm"] == "both"
    assert plans["ctshift"]["iterations"] == 6
    assert plans["plans_name"] == "tiny-both-s0"
    assert list(plans["configurations"]) == ["2d"]
    assert plans["configurations"]["2d"]["batch_size"] == 2
    assert plans["configurations"]["2d"]["patch_size"] == [64, 64]
    (split,) = json.loads((folder / "splits_tiny-LK-s0.json").read_text())
    assert split["train"] == ["source_P2-LK", "source_P3-LK"]
    assert split["patients"] == {"source_P1-LK": "source/P1", "source_P2-LK": "source/P2", "source_P3-LK": "source/P3"}


def test_thin_slices_stay_axial_and_keep_their_annotation(tmp_path: Path) -> None:
    run = write_tiny_run(tmp_path / "run", patients=3, ignore=True)
    for path in (run / "nnUNet_raw").rglob("*.nii.gz"):
        image = sitk.ReadImage(str(path))
        image.SetSpacing((1.0, 1.0, 0.6))
        sitk.WriteImage(image, str(path))
    change_matrix(run, budget={"spacing_mm": [2.0, 2.0]})
    prepare(open_run(run))
    assert preprocessed(run, "source_P1-LK").shape == (8, 32, 32)
    labels = preprocessed(run, "source_P1-LK", "_seg")
    annotated = np.flatnonzero((labels != 2).any(axis=(1, 2)))
    assert annotated.tolist() == [2, 5]


def test_killed_preparation_goes_on_with_the_same_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor

    undisturbed, killed = (write_tiny_run(tmp_path / name, patients=4) for name in ("a", "b"))
    prepare(open_run(undisturbed))
    original, calls = DefaultPreprocessor.run_case_save, []

    def stop_at_the_third(self: Any, *args: Any) -> None:
        calls.append(args)
        if len(calls) == 3:
            Path(f"{args[0]}.b2nd").write_bytes(b"half a file")
            raise KeyboardInterrupt
        original(self, *args)

    monkeypatch.setattr(DefaultPreprocessor, "run_case_save", stop_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        prepare(open_run(killed))
    assert not (killed / "nnUNet_preprocessed" / NNUNET / "tiny-LK-s0.json").exists()
    prepare(open_run(killed))
    assert len(calls) == 3 + 4  # two of six cases were not made again
    for case in json.loads((killed / "nnUNet_preprocessed" / NNUNET / "preprocessed_cases.json").read_text()):
        assert np.array_equal(preprocessed(killed, case), preprocessed(undisturbed, case))
        assert np.array_equal(preprocessed(killed, case, "_seg"), preprocessed(undisturbed, case, "_seg"))
    plans = Path("nnUNet_preprocessed") / NNUNET / "tiny-LK-s0.json"
    assert (killed / plans).read_text() == (undisturbed / plans).read_text()


def test_changed_image_is_preprocessed_again(tmp_path: Path) -> None:
    run = write_tiny_run(tmp_path / "run", patients=3)
    prepare(open_run(run))
    write(run / "nnUNet_raw/Dataset976_source/imagesTr/P1-MK_0000.nii.gz", np.full((8, 64, 64), 600, np.int16))
    prepare(open_run(run))
    assert np.unique(preprocessed(run, "source_P1-MK")).tolist() == [1.0]


def test_the_study_says_how_often_a_checkpoint_is_written(tmp_path: Path) -> None:
    plans = []
    for name, more in (("every", {}), ("some", {"checkpoint_minutes": 10.0})):
        run = open_run(write_tiny_run(tmp_path / name, **more))
        prepare(run)
        plans.append(json.loads((run.preprocessed_dataset / "tiny-LK-s0.json").read_text()))
    assert [read_settings(entry).checkpoint_minutes for entry in plans] == [0.0, 10.0]
    assert "checkpoint_minutes" not in plans[0]["ctshift"]  # plans made before it could be said stay the same


def test_changed_budget_under_the_same_name_is_refused(tmp_path: Path) -> None:
    run = write_tiny_run(tmp_path / "run", patients=3)
    prepare(open_run(run))
    before = snapshot(run)
    change_matrix(run, budget={"iterations": 8})
    with pytest.raises(TrainerError, match=r"'iterations': 6}; wanted {'iterations': 8}"):
        prepare(open_run(run))
    assert snapshot(run) == before


def test_patient_in_train_and_val_is_refused(tmp_path: Path) -> None:
    run = write_tiny_run(tmp_path / "run", patients=3)
    matrix = json.loads((run / "matrix.json").read_text())
    matrix["plans"][0]["splits"] = [{"train": ["source_P2-LK"], "val": ["source_P2-MK"]}]
    (run / "matrix.json").write_text(json.dumps(matrix))
    with pytest.raises(TrainerError, match="tiny-LK-s0, fold 0: found patients in train and val: source/P2"):
        prepare(open_run(run))
    assert not (run / "nnUNet_preprocessed").exists()

"""What becomes of annotations: label maps and masks, what readers left open, images without any, folds."""

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_dataset import SIZE_ZYX, Convert, make_annotation, make_case

from dataset_converters.checking.check import check_nnunet_raw
from dataset_converters.errors import ConversionError
from dataset_converters.records import IGNORED
from dataset_converters.writing.patient_folds import patient_folds

pytestmark = pytest.mark.filterwarnings("error")


def listing(run: Path) -> dict:
    return json.loads((run / "annotations" / "Dataset790_toy" / "cases.json").read_text(encoding="utf-8"))


def test_sparse_annotation_gets_ignore_and_keeps_reader_masks_without_it(run_with: Convert, tmp_path: Path) -> None:
    case = make_case("P1", annotated_slices={"reader1": (2, 0)})
    folder = run_with(case)
    label = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "labels" / "P1.nii.gz")))
    assert [set(np.unique(label[z]).tolist()) for z in range(SIZE_ZYX[0])] == [{0}, {2}, {0, 1}, {2}, {2}]
    reader = listing(tmp_path / "run")["cases"][0]["readers"]["reader1"]
    assert reader["annotated_slices"] == [0, 2]
    mask = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "run" / reader["annotation"])))
    assert mask.max() == 1
    assert not mask[1].any(), "slice 1 was drawn on but not annotated"
    assert reader["cleared_slices"] == 1
    assert "1 cases (P1) had labels on slices that were not annotated" in listing(tmp_path / "run")["notes"][1]
    assert json.loads((folder / "dataset.json").read_text())["labels"] == {"background": 0, "tumour": 1, "ignore": 2}


def test_training_reader_is_chosen_and_test_cases_fall_back(run_with: Convert, tmp_path: Path) -> None:
    both = {"reader1": make_annotation, "reader2": lambda grid: make_annotation(grid, slices=(4,))}
    first = make_case("P1", annotations=both, role="train")
    folder = run_with(first, make_case("P2", role="test"), training_reader="reader2")
    label = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "labels" / "P1.nii.gz")))
    assert np.flatnonzero(label.any(axis=(1, 2))).tolist() == [4]
    assert [case["training_reader"] for case in listing(tmp_path / "run")["cases"]] == ["reader2", "reader1"]


def test_empty_annotations_are_noted_but_not_everywhere(run_with: Convert, tmp_path: Path) -> None:
    healthy = {"annotations": {"reader1": lambda grid: make_annotation(grid, slices=())}}
    run_with(make_case("P1"), make_case("P2", **healthy))
    assert listing(tmp_path / "run")["notes"] == [
        "found 2 cases; the complete collection has 3",
        "P2: the annotation of reader1 has no foreground",
    ]
    with pytest.raises(ConversionError, match="no foreground voxel in the training annotation of any of 1 cases"):
        run_with(make_case("P1", role="test"), make_case("P2", role="train", **healthy))
    assert not (tmp_path / "run/nnUNet_raw/Dataset790_toy/dataset.json").exists()


def test_images_alone_go_where_nnunet_predicts_and_pass_the_check(run_with: Convert, tmp_path: Path) -> None:
    folder = run_with(make_case("P1"), make_case("P2", role="test", annotations={}))
    content = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    assert content["numTraining"] == len(content["dataset"]) == 2
    assert content["unlabelled"]["P2-MK"] == {"images": ["imagesTs/P2-MK_0000.nii.gz"]}
    assert sorted(path.name for path in (folder / "imagesTs").iterdir()) == ["P2-LK_0000.nii.gz", "P2-MK_0000.nii.gz"]
    assert [path.name for path in (folder / "labels").iterdir()] == ["P1.nii.gz"]
    entry = listing(tmp_path / "run")["cases"][1]
    assert (entry["readers"], entry["training_reader"], entry["label"]) == ({}, "", None)
    assert listing(tmp_path / "run")["notes"][1] == "1 cases (P2) have no annotation: images only"
    annotations = tmp_path / "run/annotations/Dataset790_toy"
    assert [str(finding) for finding in check_nnunet_raw(folder, annotations=annotations)] == []
    image = folder / "imagesTs/P2-LK_0000.nii.gz"
    image.write_bytes(image.read_bytes()[:-9])
    (finding,) = check_nnunet_raw(folder)
    assert "P2-LK: found P2-LK_0000.nii.gz: a truncated or damaged gzip stream" in str(finding)


def test_a_dataset_of_images_alone_passes_the_check(run_with: Convert) -> None:
    folder = run_with(*(make_case(name, role="test", annotations={}) for name in ("P1", "P2", "P3")))
    assert json.loads((folder / "dataset.json").read_text())["numTraining"] == 0
    assert check_nnunet_raw(folder) == []


def test_an_image_that_gains_an_annotation_moves(run_with: Convert) -> None:
    folder = run_with(make_case("P1"), make_case("P2", role="test", annotations={}))
    run_with(make_case("P1"), make_case("P2", role="test"))
    assert sorted(path.name for path in (folder / "labels").iterdir()) == ["P1.nii.gz", "P2.nii.gz"]
    assert list((folder / "imagesTs").iterdir()) == []
    assert check_nnunet_raw(folder) == []


def test_voxels_left_open_are_ignored_in_training_and_marked_in_the_mask(run_with: Convert, tmp_path: Path) -> None:
    def half_open(grid: sitk.Image) -> sitk.Image:
        values = sitk.GetArrayFromImage(make_annotation(grid))
        values[:, :, 5] = IGNORED
        annotation = sitk.GetImageFromArray(values)
        annotation.CopyInformation(grid)
        return annotation

    sparse = {"annotations": {"reader1": half_open}, "annotated_slices": {"reader1": (1, 2, 3)}}
    folder = run_with(make_case("P1", annotations={"reader1": half_open}), make_case("P2", **sparse), make_case("P3"))
    reader = [case["readers"]["reader1"] for case in listing(tmp_path / "run")["cases"]]
    assert [(entry["ignored_voxels"], entry["ignore_value"]) for entry in reader] == [(35, 2), (21, 2), (0, 2)]
    assert [entry["cleared_slices"] for entry in reader] == [0, 0, 0], "open voxels are no labels"
    label, mask = (
        sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
        for path in (folder / "labels/P2.nii.gz", tmp_path / "run" / reader[1]["annotation"])
    )
    assert set(np.unique(label[[0, 4]])) == {2}
    assert set(np.unique(mask[[0, 4]])) == {0}
    assert (label[1:4, :, 5] == 2).all()
    assert np.array_equal(label[1:4], mask[1:4])
    assert (label[1, 2:4, 1:4] == 1).all()
    assert json.loads((folder / "dataset.json").read_text())["labels"] == {"background": 0, "tumour": 1, "ignore": 2}
    assert "2 cases (P1, P2) have voxels that a reader left open; ignored there" in listing(tmp_path / "run")["notes"]
    assert check_nnunet_raw(folder, annotations=tmp_path / "run/annotations/Dataset790_toy") == []


@settings(max_examples=50, deadline=None)
@given(visits=st.lists(st.tuples(st.integers(0, 7), st.integers(1, 3), st.sampled_from(["", "train", "test"]))))
def test_folds_for_nnunet_alone_hold_whole_patients(visits: list[tuple[int, int, str]]) -> None:
    entries = [
        {
            "patient": f"P{patient}",
            "case": f"P{patient}_{number}",
            "role": role,
            "variants": dict.fromkeys("ABC"[:variants]),
            "readers": {"r": {}},
        }
        for number, (patient, variants, role) in enumerate(visits)
    ]
    folds = patient_folds("toy", entries)
    trainable = {f"{case['case']}-{v}" for case in entries if case["role"] != "test" for v in case["variants"]}
    patients = {image.split("_")[0] for image in trainable}
    assert len(folds) == (min(5, len(patients)) if len(patients) > 1 else 0)
    for fold in folds:
        assert set(fold["train"]) | set(fold["val"]) == trainable
        assert not {image.split("_")[0] for image in fold["train"]} & {image.split("_")[0] for image in fold["val"]}
    watched = [image for fold in folds for image in fold["val"]]
    assert not folds or sorted(watched) == sorted(trainable)


def test_folds_leave_out_what_cannot_be_trained_on_and_keep_repeats_together(
    run_with: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "dataset_converters.writing.patient_folds.repeated_images", lambda name: (frozenset({"P1", "P3"}),)
    )
    images = make_case("P5", role="test", annotations={})
    folder = run_with(*(make_case(f"P{n}") for n in (1, 2, 3)), make_case("P4", role="test"), images)
    folds = json.loads((folder / "splits_final.json").read_text())
    one, other = ["P1-LK", "P1-MK", "P3-LK", "P3-MK"], ["P2-LK", "P2-MK"]
    assert sorted((fold["train"], fold["val"]) for fold in folds) == [(one, other), (other, one)]
    run_with(make_case("P1"))
    assert not (folder / "splits_final.json").exists()


def test_an_annotation_left_open_everywhere_is_empty(run_with: Convert) -> None:
    with pytest.raises(ConversionError, match="no foreground voxel in the training annotation of any of 1 cases"):
        run_with(make_case("P1", annotations={"r": lambda grid: make_annotation(grid, value=IGNORED)}))

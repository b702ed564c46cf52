"""Folders in the Decathlon's layout: what dataset.json may say, and the two tasks with files of their own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from dataset_converters.datasets import msd, msd_liver, msd_lung
from dataset_converters.errors import ConversionError
from dataset_converters.records import IGNORED
from dataset_converters.sources.sample_volumes import sample_chest, write_sample

Edit = Callable[[dict[str, Any]], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    msd.make_sample(tmp_path)
    return tmp_path


def edit(folder: Path, change: Edit) -> Path:
    content = json.loads((folder / "dataset.json").read_text())
    change(content)
    (folder / "dataset.json").write_text(json.dumps(content))
    return folder


def test_labels_get_standard_names_and_consecutive_values(folder: Path) -> None:
    """Values 2 and 5 of the files become 1 and 2; the option gives the standard name."""
    labels = sample_chest(0).turned("RAS").labels(right_lung=5, left_lung=2)
    write_sample(folder / "labelsTr" / "case_001.nii.gz", labels)
    edit(folder, lambda content: content.update(labels={"0": "background", "2": "Left Lung!", "5": "LUNG (r)"}))
    names = {"lung_r": "right_lung"}
    assert msd.describe(folder, names=names).labels == {"background": 0, "left_lung": 1, "right_lung": 2}
    case = msd.list_cases(folder, names=names)[0]
    found = sitk.GetArrayFromImage(case.annotations["manual"](case.images["CT"]().image))
    stored = sitk.GetArrayFromImage(labels)
    assert np.array_equal(found == 1, stored == 2)
    assert np.array_equal(found == 2, stored == 5)


def test_nnunet_raw_is_understood_too(folder: Path) -> None:
    """Channel number in image names, no list of cases, labels the other way round, an ignore label."""
    for path in [*folder.glob("imagesT?/case*")]:
        path.rename(path.with_name(path.name.replace(".nii.gz", "_0000.nii.gz")))
    labels = {"background": 0, "right_lung": 1, "ignore": 2}
    (folder / "dataset.json").write_text(json.dumps({"channel_names": {"0": "CT"}, "labels": labels}))
    assert msd.describe(folder).labels == {"background": 0, "right_lung": 1}
    cases = msd.list_cases(folder)
    assert [(case.case, case.role) for case in cases] == [("case_001", ""), ("case_002", ""), ("case_003", "test")]
    labels_zyx = sitk.GetArrayFromImage(cases[0].annotations["manual"](cases[0].images["CT"]().image))
    assert set(np.unique(labels_zyx)) == {0, 1, IGNORED}


@pytest.mark.parametrize("names", ["tumour", ["a"], {"a": 1}])
def test_names_that_are_no_table_are_refused(folder: Path, names: object) -> None:
    with pytest.raises(ConversionError, match="option names that is no table"):
        msd.list_cases(folder, names=names)  # type: ignore[arg-type]


def test_hidden_files_are_no_cases(folder: Path) -> None:
    edit(folder, lambda content: content.pop("training"))
    assert [case.case for case in msd.list_cases(folder)] == ["case_001", "case_002", "case_003"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.update(modality={"0": "MRI"}), "not of one channel CT"),
        (lambda c: c.update(modality={"0": "CT", "1": "PET"}), "not of one channel CT"),
        (lambda c: c.update(labels={"0": "background"}), "0 structures"),
        (lambda c: c.update(labels={"0": "background", "1": "12"}), "labels of another form"),
        (lambda c: c.update(labels={"0": "background", "1": "a", "2": "A"}), "labels of another form"),
        (lambda c: c.update(labels={"0": "background", "1": ["a"]}), "labels of another form"),
        (lambda c: c.update(labels={"background": 0, "a": [1, 2]}), "labels of another form"),
        (lambda c: c.update(labels={"background": 0, "a": "9" * 5000}), "labels of another form"),
        (lambda c: c.update(labels={"background": 0, "a": True}), "labels of another form"),
        (lambda c: c.update(labels=None), "0 structures"),
        (lambda c: c.update(labels={"background": 0, "a": 1, "b": 1}), "2 structures"),
        (lambda c: c.update(labels={"background": 1, "a": 2}), "1 structures"),
        (lambda c: c["training"][0].update(image="../x.nii.gz"), "1 of 5 listed paths that lead out of the folder"),
        (lambda c: c["training"][0].update(label="/etc/passwd"), "1 of 5 listed paths that lead out of the folder"),
        (lambda c: c["training"].append("imagesTr/x"), "2 of 7 listed paths"),
        (lambda c: c["training"][1].update(label="./labelsTr/gone.nii.gz"), "1 of 5 listed files not there"),
        (lambda c: c.update(training=[]), "no training case"),
    ],
)
def test_other_layouts_are_refused(folder: Path, change: Edit, words: str) -> None:
    with pytest.raises(ConversionError, match=words.replace("(", r"\(")):
        msd.list_cases(edit(folder, change))


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 100_000])
def test_damaged_json_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "dataset.json").write_bytes(content)
    with pytest.raises(ConversionError, match=r"found dataset\.json that"):
        msd.list_cases(tmp_path)


def test_names_that_could_be_a_persons_are_refused_and_not_shown(folder: Path) -> None:
    (folder / "imagesTr" / "case_001.nii.gz").rename(folder / "imagesTr" / "Erika M.nii.gz")
    edit(folder, lambda content: content["training"][0].update(image="./imagesTr/Erika M.nii.gz"))
    with pytest.raises(ConversionError) as caught:
        msd.list_cases(folder)
    assert "Erika" not in str(caught.value)
    assert [case.case for case in caught.value.readable] == ["case_002", "case_003"]


def test_tasks_are_found_in_the_archives_folder_or_given_it(tmp_path: Path) -> None:
    msd_lung.make_sample(tmp_path)
    assert len(msd_lung.list_cases(tmp_path)) == len(msd_lung.list_cases(tmp_path / "Task06_Lung")) == 3


def test_another_task_is_refused(tmp_path: Path) -> None:
    msd_lung.make_sample(tmp_path)
    with pytest.raises(ConversionError, match="wanted two, liver = 1 and cancer = 2"):
        msd_liver.list_cases(tmp_path / "Task06_Lung")

import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from dataset_converters.datasets import covid19_ct_seg, covid_19_20, mosmed
from dataset_converters.errors import ConversionError
from dataset_converters.records import Case
from dataset_converters.registry import describe_dataset
from dataset_converters.sources.sample_volumes import sample_chest, write_sample

IMAGES, MASKS = "COVID-19-CT-Seg_20cases", "Lung_and_Infection_Mask"


def image_of(case: Case) -> sitk.Image:
    ((_, load),) = case.images.items()
    return load().image


def labels_of(case: Case) -> np.ndarray:
    return sitk.GetArrayFromImage(case.annotations["manual"](image_of(case)))


@pytest.fixture
def seg(tmp_path: Path) -> Path:
    covid19_ct_seg.make_sample(tmp_path)
    return tmp_path


def test_sides_come_from_geometry_and_infection_stays(seg: Path) -> None:
    """The two samples hold right and left with opposite values."""
    cases = covid19_ct_seg.list_cases(seg)
    assert [case.case for case in cases] == ["coronacases_001", "coronacases_010"]
    assert [case.patient for case in cases] == ["coronacases_001", "coronacases_010"]
    for seed, case in zip((1, 2), cases, strict=True):
        wanted = sample_chest(seed).labels(right_lung=1, left_lung=2, disease=3)
        assert np.array_equal(labels_of(case), sitk.GetArrayFromImage(wanted))


def test_windowed_images_come_alone_and_are_scaled_back(seg: Path) -> None:
    assert list(describe_dataset(covid19_ct_seg, seg, {"cases": "8bit"}).variants) == ["CT8bit"]
    cases = covid19_ct_seg.list_cases(seg, cases="8bit")
    assert [(case.patient, case.case) for case in cases] == [
        ("radiopaedia_10", "radiopaedia_10_85902_1"),
        ("radiopaedia_10", "radiopaedia_10_85902_3"),
    ]
    original = sitk.GetArrayFromImage(sample_chest(3).image)
    hounsfield = sitk.GetArrayFromImage(image_of(cases[0]))
    assert list(cases[0].images) == ["CT8bit"]
    assert hounsfield.max() <= 250
    assert hounsfield.min() >= -1250
    assert np.abs(hounsfield - np.clip(original, -1250, 250)).max() <= 3.5  # half a step of 1500 / 255, rounded


def test_both_ends_of_the_window(seg: Path) -> None:
    image = sitk.GetImageFromArray(np.array([[[0, 255, 51]]], np.uint8))
    image.SetSpacing((1.0, 1.0, 2.0))
    write_sample(seg / IMAGES / "radiopaedia_10_85902_1.nii.gz", image)
    case = covid19_ct_seg.list_cases(seg, cases="8bit")[0]
    assert sitk.GetArrayFromImage(image_of(case)).ravel().tolist() == [-1250, 250, -950]


def test_an_image_that_is_not_what_its_name_says_is_refused(seg: Path) -> None:
    hu, eight = seg / IMAGES / "coronacases_001.nii.gz", seg / IMAGES / "radiopaedia_10_85902_1.nii.gz"
    hounsfield = hu.read_bytes()
    hu.write_bytes(eight.read_bytes())
    eight.write_bytes(hounsfield)
    with pytest.raises(ConversionError, match=r"coronacases_001: found values [\d.]+ to 255; wanted HU"):
        image_of(covid19_ct_seg.list_cases(seg)[0])
    with pytest.raises(ConversionError, match=r"radiopaedia_10_85902_1: found values -\d+ to \d+; wanted 0 to 255"):
        image_of(covid19_ct_seg.list_cases(seg, cases="8bit")[0])


def test_masks_of_the_other_archives_are_not_images(seg: Path) -> None:
    for archive in ("Lung_Mask", "Infection_Mask"):
        shutil.copytree(seg / MASKS, seg / archive)
    shutil.move(seg / MASKS, seg / IMAGES / MASKS)  # as one public program expects them
    assert len(covid19_ct_seg.list_cases(seg)) == 2


def test_images_and_masks_without_each_other(seg: Path) -> None:
    (seg / IMAGES / "coronacases_001.nii.gz").unlink()
    (seg / MASKS / "coronacases_010.nii.gz").unlink()
    with pytest.raises(ExceptionGroup) as caught:
        covid19_ct_seg.list_cases(seg)
    assert "coronacases_001: found a mask without image" in str(caught.value)
    assert "coronacases_010: found an image without mask" in str(caught.value)
    with pytest.raises(ConversionError, match="option cases = 'all'; wanted hu or 8bit"):
        covid19_ct_seg.describe(seg, cases="all")


def test_the_mirror_with_other_names_is_refused(tmp_path: Path) -> None:
    write_sample(tmp_path / "ct_scans" / "coronacases_org_001.nii", sample_chest(1).image)
    with pytest.raises(ConversionError, match=r"covid19_ct_seg: found a folder with .*1 .nii files"):
        covid19_ct_seg.list_cases(tmp_path)


@pytest.fixture
def mosmed_root(tmp_path: Path) -> Path:
    mosmed.make_sample(tmp_path)
    return tmp_path


def test_only_studies_with_a_mask_unless_asked(mosmed_root: Path) -> None:
    cases = mosmed.list_cases(mosmed_root)
    assert [(case.case, case.role, case.covariates) for case in cases] == [
        ("study_0255", "", {"severity": "CT-1"}),
        ("study_0304", "", {"severity": "CT-1"}),
    ]
    assert np.array_equal(labels_of(cases[0]), sitk.GetArrayFromImage(sample_chest(255).structures["disease"]))
    every = mosmed.list_cases(mosmed_root, unlabelled=True)
    assert next((case.case, case.role, len(case.annotations)) for case in every) == ("study_0001", "test", 0)
    assert len(every) == 3
    expected = [describe_dataset(mosmed, mosmed_root, {"unlabelled": value}).expected_cases for value in (False, True)]
    assert expected == [50, 1110]


def test_the_licence_says_that_copies_may_not_be_passed_on() -> None:
    assert "ND" in mosmed.DATASET.licence
    assert "may not be passed on" in mosmed.DATASET.licence


def test_masks_without_study_and_studies_elsewhere_are_refused(mosmed_root: Path) -> None:
    (mosmed_root / "studies" / "CT-1" / "study_0255.nii.gz").unlink()
    (mosmed_root / "studies" / "CT-1").rename(mosmed_root / "studies" / "severe")
    with pytest.raises(ExceptionGroup) as caught:
        mosmed.list_cases(mosmed_root)
    assert "study_0255: found a mask without study" in str(caught.value)
    assert "study_0304: found a study outside the folders of the classes" in str(caught.value)


@pytest.fixture
def challenge(tmp_path: Path) -> Path:
    covid_19_20.make_sample(tmp_path)
    return tmp_path / "COVID-19-20_v2"


def test_suffixes_are_images_of_one_patient_and_validation_is_images_alone(challenge: Path) -> None:
    cases = covid_19_20.list_cases(challenge)
    assert [(case.patient, case.case, case.role, list(case.annotations)) for case in cases] == [
        ("A_0001", "A_0001", "test", []),
        ("A_0003", "A_0003", "train", ["manual"]),
        ("A_0047", "A_0047", "train", ["manual"]),
        ("A_0047", "A_0047_1", "train", ["manual"]),
    ]
    assert np.array_equal(labels_of(cases[1]), sitk.GetArrayFromImage(sample_chest(3).structures["disease"]))


def test_training_images_without_lesions_and_other_folders_are_refused(challenge: Path) -> None:
    (challenge / "Train" / "volume-covid19-A-0003_seg.nii.gz").unlink()
    (challenge / "Train" / "volume-covid19-A-0047_ct.nii.gz").unlink()
    (challenge / "Validation").rename(challenge / "Test")
    with pytest.raises(ExceptionGroup) as caught:
        covid_19_20.list_cases(challenge)
    text = str(caught.value)
    assert "A_0001: found an image outside Train and Validation" in text
    assert "A_0003: found a training image without lesions" in text
    assert "A_0047: found lesions without image" in text


def test_hidden_files_of_an_archive_are_left_out(challenge: Path) -> None:
    (challenge / "Train" / "._volume-covid19-A-0003_ct.nii.gz").write_bytes(b"x")
    assert len(covid_19_20.list_cases(challenge)) == 4


@pytest.mark.parametrize("module", [covid19_ct_seg, mosmed, covid_19_20])
def test_an_empty_folder_says_where_the_data_are(module, tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match=f"{module.DATASET.name}: found a folder with no file at all"):
        module.list_cases(tmp_path)

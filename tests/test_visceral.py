import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from dataset_converters.datasets import visceral
from dataset_converters.errors import ConversionError
from dataset_converters.registry import describe_dataset
from dataset_converters.sources.sample_volumes import sample_chest, write_sample

WHOLE_BODY, TRUNK = "10000005_1_CT_wb", "10000112_1_CTce_ThAb"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    visceral.make_sample(tmp_path)
    return tmp_path


def mask_file(root: Path, image: str, radlex: int, annotator: str) -> Path:
    return root / "segmentations" / image.split("_", 2)[2] / f"{image}_{radlex}_{annotator}.nii.gz"


def test_names_give_patient_region_and_contrast(root: Path) -> None:
    first, second = visceral.list_cases(root)
    assert (first.patient, first.case, second.patient, second.case) == ("10000005", WHOLE_BODY, "10000112", TRUNK)
    assert first.covariates == {
        "contrast": "no",
        "region": "wb",
        "annotator_right_lung": "8",
        "annotator_left_lung": "8",
    }
    assert (second.covariates["contrast"], second.covariates["annotator_left_lung"]) == ("yes", "unnumbered")
    assert list(second.annotations) == ["manual"]


def test_lungs_lie_on_their_sides(root: Path) -> None:
    case = visceral.list_cases(root)[1]
    image = case.images["CT"]().image
    labels = sitk.GetArrayFromImage(case.annotations["manual"](image))
    middles_x = [np.nonzero(labels == value)[2].mean() for value in (1, 2)]
    assert middles_x[0] < middles_x[1]  # the sample's x runs to the left
    assert set(np.unique(labels)) == {0, 1, 2}


def test_lowest_number_is_taken_organ_by_organ_and_all_full_annotators_are_readers(root: Path) -> None:
    chest = sample_chest(len("CT_wb"))
    mask_file(root, WHOLE_BODY, 1302, "8").unlink()
    write_sample(mask_file(root, WHOLE_BODY, 1302, ""), chest.structures["body"])
    case = visceral.list_cases(root)[0]
    assert case.covariates["annotator_right_lung"] == "12"  # a number goes before none, 12 is no text below 8
    assert case.covariates["annotator_left_lung"] == "8"
    assert list(case.annotations) == ["manual"], "only 12 drew both lungs: no second reader"
    write_sample(mask_file(root, WHOLE_BODY, 1302, "8"), chest.structures["tumour"])
    case = visceral.list_cases(root)[0]
    assert list(case.annotations) == ["manual", "annotator_8", "annotator_12"]
    image = case.images["CT"]().image
    sizes = {name: (sitk.GetArrayFromImage(read(image)) == 1).sum() for name, read in case.annotations.items()}
    tumour = sitk.GetArrayFromImage(chest.structures["tumour"]).sum()
    assert sizes["manual"] == sizes["annotator_8"] == tumour < sizes["annotator_12"]


def test_missing_organ_is_refused_not_taken_for_absent(root: Path) -> None:
    mask_file(root, TRUNK, 1302, "").unlink()
    with pytest.raises(ConversionError, match=rf"visceral: {TRUNK}: found no mask of right_lung; wanted.*missing file"):
        visceral.list_cases(root)


def test_other_organs_by_option(root: Path) -> None:
    chest = sample_chest(len("CT_wb"))
    for annotator in ("8", "12"):
        write_sample(mask_file(root, WHOLE_BODY, 1247, annotator), chest.structures["trachea"])
    info = describe_dataset(visceral, root, {"organs": "trachea, left_lung"})
    assert info.labels == {"background": 0, "trachea": 1, "left_lung": 2}
    with pytest.raises(ConversionError, match=rf"{TRUNK}: found no mask of trachea") as caught:
        visceral.list_cases(root, organs=["trachea", "left_lung"])
    (case,) = caught.value.readable
    labels = sitk.GetArrayFromImage(case.annotations["manual"](case.images["CT"]().image))
    assert (labels == 1).sum() == sitk.GetArrayFromImage(chest.structures["trachea"]).sum()
    with pytest.raises(ConversionError, match="organs that are not all known"):
        visceral.describe(root, organs="lungs")


def test_pseudo_labels_and_faulty_silver_images_are_refused(root: Path) -> None:
    faulty = root / "volumes" / "CTce_ThAb" / "10000107_1_CTce_ThAb.nii.gz"
    shutil.copy(root / "volumes" / "CTce_ThAb" / f"{TRUNK}.nii.gz", faulty)
    for radlex in (1302, 1326):
        shutil.copy(mask_file(root, TRUNK, radlex, ""), mask_file(root, faulty.name[:-7], radlex, ""))
    with pytest.raises(ConversionError, match="10000107_1_CTce_ThAb: found an image with a faulty reconstruction"):
        visceral.list_cases(root)
    (root / "10000112_part_551.nii.gz").touch()
    with pytest.raises(ConversionError, match=r"visceral: found pseudo-labels.*drawn by a program"):
        visceral.list_cases(root)


def test_mr_landmarks_and_hidden_files_are_left_out(root: Path) -> None:
    for name in ("10000003_3_MRT1_wb.nii.gz", f"{TRUNK}_landmarks_1.fcsv", f"._{TRUNK}.nii.gz"):
        (root / name).touch()
    assert len(visceral.list_cases(root)) == 2


def test_two_copies_of_an_image_are_refused(root: Path) -> None:
    shutil.copytree(root / "volumes", root / "again")
    with pytest.raises(ExceptionGroup) as caught:
        visceral.list_cases(root)
    assert len(caught.value.exceptions) == 2
    assert f"visceral: {TRUNK}: found 2 files" in str(caught.value)


def test_another_layout_is_refused_with_what_is_there_and_without_names(tmp_path: Path) -> None:
    write_sample(tmp_path / "Jane_Doe" / "Doe_seg.nii.gz", sample_chest(0).image)
    (tmp_path / "Doe.txt").touch()
    with pytest.raises(ConversionError) as caught:
        visceral.list_cases(tmp_path)
    text = str(caught.value)
    assert "1 folders" in text
    assert "1 .nii.gz files" in text
    assert "1 .txt files" in text
    assert "Doe" not in text


def test_an_image_may_carry_the_channel_number_of_the_re_release(root: Path) -> None:
    file = root / "volumes" / "CTce_ThAb" / f"{TRUNK}.nii.gz"
    file.rename(file.with_name(f"{TRUNK}_0000.nii.gz"))
    assert [case.case for case in visceral.list_cases(root)] == [WHOLE_BODY, TRUNK]
    shutil.copy(file.with_name(f"{TRUNK}_0000.nii.gz"), file)
    with pytest.raises(ConversionError, match=f"{TRUNK}: found 2 files"):
        visceral.list_cases(root)

import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from dataset_converters.datasets import lctsc
from dataset_converters.dicom.sample import write_ct_series, write_rtstruct
from dataset_converters.errors import ConversionError
from dataset_converters.registry import describe_dataset
from dataset_converters.sources.sample_volumes import sample_chest

TEST, TRAIN = "LCTSC-Test-S1-101", "LCTSC-Train-S3-012"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    lctsc.make_sample(tmp_path)
    return tmp_path


def contours(root: Path, patient: str) -> Path:
    return next((root / "LCTSC" / patient).rglob("1-1.dcm"))


def rename_roi(file: Path, old: str, new: str) -> None:
    content = pydicom.dcmread(file)
    for item in content.StructureSetROISequence:
        if item.ROIName == old:
            item.ROIName = new
    content.save_as(file)


def labels_of(case) -> np.ndarray:
    ((_, read),) = case.annotations.items()
    return sitk.GetArrayFromImage(read(case.images["CT"]().image))


def test_names_give_role_and_site(root: Path) -> None:
    cases = lctsc.list_cases(root)
    assert [(case.case, case.role, case.covariates["site"]) for case in cases] == [
        ("LCTSC_Test_S1_101", "test", "S1"),
        ("LCTSC_Train_S3_012", "train", "S3"),
    ]


def test_lungs_are_found_by_name_in_any_order_and_equal_the_drawn_voxels(root: Path) -> None:
    for seed, case in enumerate(lctsc.list_cases(root)):
        chest, labels = sample_chest(seed), labels_of(case)
        assert np.array_equal(labels, sitk.GetArrayFromImage(chest.labels(right_lung=1, left_lung=2)))


@pytest.mark.parametrize("name", ["lung-r", "R_LUNG", "Right Lung", "Lung R"])
def test_other_writings_of_a_name_are_one(root: Path, name: str) -> None:
    rename_roi(contours(root, TEST), "Lung_R", name)
    assert (labels_of(lctsc.list_cases(root)[0]) == 1).any()


def test_all_organs_by_option(root: Path) -> None:
    info = describe_dataset(lctsc, root, {"organs": "all"})
    assert list(info.labels) == ["background", "right_lung", "left_lung", "esophagus", "heart", "spinal_cord"]
    with pytest.raises(ExceptionGroup) as caught:
        lctsc.list_cases(root, organs="all")
    assert "LCTSC_Test_S1_101: found ROIs Heart, Lung_L, Lung_R, without Esophagus, SpinalCord" in str(caught.value)
    chest = sample_chest(0)
    names = {
        "right_lung": "Lung_R",
        "left_lung": "Lung_L",
        "trachea": "Esophagus",
        "heart": "Heart",
        "liver": "SpinalCord",
    }
    frame = str(pydicom.dcmread(contours(root, TEST)).FrameOfReferenceUID)
    rois = {roi: chest.structures[name] for name, roi in names.items()}
    write_rtstruct(contours(root, TEST), rois, frame_of_reference=frame)
    with pytest.raises(ConversionError) as still:
        lctsc.list_cases(root, organs="all")
    drawn = chest.labels(**{name: value for value, name in enumerate(names, start=1)})
    assert np.array_equal(labels_of(still.value.readable[0]), sitk.GetArrayFromImage(drawn))
    with pytest.raises(ConversionError, match="option organs = 'heart'; wanted lungs or all"):
        lctsc.describe(root, organs="heart")


def test_missing_and_double_rois_are_named_per_patient(root: Path) -> None:
    rename_roi(contours(root, TEST), "Lung_R", "Smith")
    rename_roi(contours(root, TRAIN), "Heart", "lung l")
    with pytest.raises(ExceptionGroup) as caught:
        lctsc.list_cases(root)
    first, second = (str(fault) for fault in caught.value.exceptions)
    assert "LCTSC_Test_S1_101: found ROIs" in first
    assert "without Lung_R" in first
    assert "Smith" not in first
    assert second.startswith("lctsc: LCTSC_Train_S3_012: found 2 ")


def test_incomplete_patients_are_refused_together(root: Path) -> None:
    contours(root, TEST).unlink()
    shutil.rmtree(root / "LCTSC" / TRAIN / "05-04-2004-NA-26270" / "1-64131")
    with pytest.raises(ExceptionGroup) as caught:
        lctsc.list_cases(root)
    first, second = (str(fault) for fault in caught.value.exceptions)
    assert "found 1 CT (12 slices); wanted 1 RTSTRUCT series" in first
    assert "found a RTSTRUCT series and 0 such among 1 RTSTRUCT" in second


def test_folders_named_by_uids_are_read_too(root: Path) -> None:
    study = root / "LCTSC" / TEST / "05-04-2004-NA-26270"
    (study / "1-64131").rename(study / "1.3.6.1")
    study.rename(study.with_name("1.3.6"))
    (root / "LCTSC").rename(root / "manifest-1557326747206")
    assert len(lctsc.list_cases(root)) == 2
    assert len(lctsc.list_cases(root / "manifest-1557326747206")) == 2


def test_of_two_ct_series_the_one_that_the_contours_refer_to_is_taken(root: Path) -> None:
    study = root / "LCTSC" / TEST / "05-04-2004-NA-26270"
    other, frame = sample_chest(9).image, str(pydicom.dcmread(contours(root, TEST)).FrameOfReferenceUID)
    write_ct_series(study / "2-1", other, kernel="B70f", manufacturer="SIEMENS", frame_of_reference=frame)
    with pytest.raises(ConversionError, match=r"found a RTSTRUCT series and 2 such among 2 CT \(12, 12 slices\)"):
        lctsc.list_cases(root)
    series = pydicom.dcmread(next((study / "1-64131").iterdir())).SeriesInstanceUID
    refer_to(contours(root, TEST), series)
    (case, _) = lctsc.list_cases(root)
    assert case.images["CT"]().facts["kernel"] == "B30f"


def refer_to(file: Path, series: str) -> None:
    content = pydicom.dcmread(file)
    frame, study, one = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
    one.SeriesInstanceUID = series
    study.RTReferencedSeriesSequence = [one]
    frame.RTReferencedStudySequence = [study]
    content.ReferencedFrameOfReferenceSequence = [frame]
    content.save_as(file)


def test_contours_of_another_frame_of_reference_are_refused(root: Path) -> None:
    rois = {"Lung_R": sample_chest(0).structures["right_lung"], "Lung_L": sample_chest(0).structures["left_lung"]}
    write_rtstruct(contours(root, TEST), rois, frame_of_reference="1.2.3")
    case = lctsc.list_cases(root)[0]
    with pytest.raises(ConversionError, match=r"LCTSC_Test_S1_101: found .*frame of reference"):
        labels_of(case)


def test_an_empty_folder_says_where_the_data_are(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match=r"lctsc: found a folder with no file at all.*TCIA LCTSC"):
        lctsc.list_cases(tmp_path)

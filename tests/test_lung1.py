from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from dataset_converters.annotations.dicom_seg_sample import write_seg
from dataset_converters.datasets import lung1
from dataset_converters.dicom.sample import write_rtstruct
from dataset_converters.errors import ConversionError
from dataset_converters.records import Case
from dataset_converters.registry import describe_dataset
from dataset_converters.sources.sample_volumes import SampleChest, sample_chest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    lung1.make_sample(tmp_path)
    return tmp_path


def study(root: Path, number: int) -> Path:
    return next((root / "NSCLC-Radiomics" / f"LUNG1-{number:03d}").iterdir())


def frame_of(root: Path, number: int) -> str:
    return str(pydicom.dcmread(next((study(root, number) / "0.000000-NA-82046").iterdir())).FrameOfReferenceUID)


def contours(root: Path, number: int) -> Path:
    return study(root, number) / "0.000000-NA-54193" / "1-1.dcm"


def segmentation(root: Path, number: int) -> Path:
    return study(root, number) / "300.000000-Segmentation-9.554" / "1-1.dcm"


def labels_of(case: Case) -> np.ndarray:
    return sitk.GetArrayFromImage(case.annotations["clinical"](case.images["CT"]().image))


def wanted(chest: SampleChest, **values: int) -> np.ndarray:
    return sitk.GetArrayFromImage(chest.labels(**values))


@pytest.mark.parametrize("masks", ["rtstruct", "seg"])
def test_lungs_and_the_union_of_all_gtvs(root: Path, masks: str) -> None:
    first, second = lung1.list_cases(root, masks=masks)
    assert (first.patient, second.case) == ("LUNG1_001", "LUNG1_002")
    assert np.array_equal(labels_of(first), wanted(sample_chest(1), right_lung=1, left_lung=2, tumour=3))
    both = wanted(sample_chest(2), right_lung=1, left_lung=2, tumour=3, disease=3)
    assert np.array_equal(labels_of(second), both)


@pytest.mark.parametrize(
    ("structures", "labels"),
    [
        ("lungs", {"background": 0, "right_lung": 1, "left_lung": 2}),
        ("tumour", {"background": 0, "tumour": 1}),
        ("lungs and tumour", {"background": 0, "right_lung": 1, "left_lung": 2, "tumour": 3}),
    ],
)
def test_structures_by_option(root: Path, structures: str, labels: dict[str, int]) -> None:
    assert describe_dataset(lung1, root, {"structures": structures}).labels == labels
    case = lung1.list_cases(root, structures=structures)[0]
    named = {name: value for name, value in labels.items() if value}
    assert np.array_equal(labels_of(case), wanted(sample_chest(1), **named))


def test_options_without_such_a_choice_are_refused(root: Path) -> None:
    with pytest.raises(ConversionError, match="option masks = 'nifti'; wanted rtstruct or seg"):
        lung1.list_cases(root, masks="nifti")
    with pytest.raises(ConversionError, match="option structures = 'heart'"):
        lung1.describe(root, structures="heart")


def test_missing_structures_are_named_and_other_structures_still_convert(root: Path) -> None:
    chest = sample_chest(1)
    rois = {"Lung-Left": chest.structures["left_lung"], "PTV": chest.structures["tumour"]}
    write_rtstruct(contours(root, 1), rois, frame_of_reference=frame_of(root, 1))
    with pytest.raises(ConversionError) as caught:
        lung1.list_cases(root)
    assert "LUNG1_001: found RTSTRUCT with Lung-Left, PTV, without right_lung, tumour" in str(caught.value)
    assert [case.case for case in caught.value.readable] == ["LUNG1_002"]
    assert len(lung1.list_cases(root, masks="seg")) == 2


@pytest.mark.parametrize(
    ("name", "is_tumour"),
    [
        ("GTV-1", True),
        ("gtv2", True),
        ("GTV", True),
        ("PTV-1", False),
        ("Lungs-GTV", False),
        ("Lung minus GTV", False),
        ("GTVp", True),
        ("Heart", False),
    ],
)
def test_what_counts_as_tumour(name: str, *, is_tumour: bool) -> None:
    assert lung1._is_tumour(name) is is_tumour


def test_a_segmentation_of_another_shape_is_found_not_listed(root: Path) -> None:
    """The five reported patients are not written down: whatever does not lie on the CT's voxels is refused."""
    other = sample_chest(1, size_xyz=(24, 20, 13))  # half a slice away
    masks = {
        roi: other.structures[name]
        for roi, name in (("Lung-Right", "right_lung"), ("Lung-Left", "left_lung"), ("GTV-1", "tumour"))
    }
    write_seg(segmentation(root, 1), masks, frame_of_reference=frame_of(root, 1))
    case = lung1.list_cases(root, masks="seg")[0]
    with pytest.raises(ConversionError, match="lung1: LUNG1_001: found"):
        labels_of(case)


def test_two_contour_sets_or_none_are_refused(root: Path) -> None:
    copy = study(root, 1) / "again" / "1-1.dcm"
    copy.parent.mkdir()
    copy.write_bytes(contours(root, 1).read_bytes())
    contours(root, 2).unlink()
    with pytest.raises(ExceptionGroup) as caught:
        lung1.list_cases(root)
    first, second = (str(fault) for fault in caught.value.exceptions)
    assert "LUNG1_001: found 2 RTSTRUCT files; wanted 1 RTSTRUCT file" in first
    assert "LUNG1_002: found 1 CT (12 slices), 1 SEG; wanted 1 RTSTRUCT series" in second


def test_another_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match=r"lung1: found a folder with no file at all; wanted LUNG1-001"):
        lung1.list_cases(tmp_path)

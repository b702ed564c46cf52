import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_converters.annotations.paired_sides import order_sides
from dataset_converters.datasets import plethora
from dataset_converters.errors import ConversionError
from dataset_converters.records import Case
from dataset_converters.registry import describe_dataset
from dataset_converters.sources.sample_volumes import sample_chest, write_sample


@pytest.fixture
def root(tmp_path: Path) -> Path:
    plethora.make_sample(tmp_path)
    return tmp_path


def labels_of(case: Case, reader: str = "primary") -> np.ndarray:
    return sitk.GetArrayFromImage(case.annotations[reader](case.images["CT"]().image))


def cavity(root: Path, number: int, reviewer: str = "primary") -> Path:
    patient = f"LUNG1-{number:03d}"
    return root / "Thoracic_Cavities" / patient / f"{patient}_thor_cav_{reviewer}_reviewer.nii.gz"


def effusion(root: Path, number: int, reviewer: str) -> Path:
    patient = f"LUNG1-{number:03d}"
    return root / "Effusions" / patient / f"{patient}_effusion_{reviewer}_reviewer.nii.gz"


def test_sides_are_told_from_where_they_lie_in_another_axis_order(root: Path) -> None:
    """The samples' files hold the sides as 1, 2 and as 2, 1; what comes out is 1 right, 2 left in both."""
    cases = plethora.list_cases(root)
    assert [case.patient for case in cases] == ["LUNG1_001", "LUNG1_005"]
    for number, case in zip((1, 5), cases, strict=True):
        drawn = sample_chest(number).labels(right_lung=1, left_lung=2)
        assert np.array_equal(labels_of(case), sitk.GetArrayFromImage(drawn))


def test_one_value_for_both_lungs_is_parted(root: Path) -> None:
    write_sample(cavity(root, 1), sample_chest(1).turned("LAS").structures["lung"])
    drawn = sample_chest(1).labels(right_lung=1, left_lung=2)
    assert np.array_equal(labels_of(plethora.list_cases(root)[0]), sitk.GetArrayFromImage(drawn))


def test_the_second_reviewer_is_a_reader_of_its_own(root: Path) -> None:
    first, second = plethora.list_cases(root)
    assert (list(first.annotations), list(second.annotations)) == (["primary"], ["primary", "second"])
    write_sample(cavity(root, 5, "secondary"), sample_chest(5).turned("LAS").labels(right_lung=1, left_lung=2, liver=0))
    assert (labels_of(second, "second") == 1).any()


def test_effusion_by_option_only_where_it_was_drawn_and_wins(root: Path) -> None:
    assert describe_dataset(plethora, root, {}).labels == {"background": 0, "right_lung": 1, "left_lung": 2}
    assert describe_dataset(plethora, root, {"effusion": "drawn"}).labels["effusion"] == 3
    (case,) = plethora.list_cases(root, effusion="drawn")
    chest = sample_chest(1)
    wanted = chest.labels(right_lung=1, left_lung=2, effusion=3)
    assert np.array_equal(labels_of(case), sitk.GetArrayFromImage(wanted))
    with pytest.raises(ConversionError, match="option effusion = 'all'; wanted none or drawn"):
        plethora.describe(root, effusion="all")


def test_an_effusion_goes_with_the_cavity_of_its_own_order(root: Path) -> None:
    fluid = sample_chest(5).turned("LAS").structures
    write_sample(effusion(root, 5, "first"), fluid["effusion"])
    case = plethora.list_cases(root, effusion="drawn")[1]
    assert list(case.annotations) == ["primary"], "the second reviewer drew no effusion"
    write_sample(effusion(root, 5, "second"), fluid["disease"])
    case = plethora.list_cases(root, effusion="drawn")[1]
    sizes = {reader: int((labels_of(case, reader) == 3).sum()) for reader in case.annotations}
    assert sizes == {
        "primary": int(sitk.GetArrayFromImage(fluid["effusion"]).sum()),
        "second": int(sitk.GetArrayFromImage(fluid["disease"]).sum()),
    }


def test_what_is_missing_is_named_per_patient(root: Path) -> None:
    cavity(root, 5).unlink()
    shutil.rmtree(root / "NSCLC-Radiomics" / "LUNG1-001")
    with pytest.raises(ExceptionGroup) as caught:
        plethora.list_cases(root)
    first, second = (str(fault) for fault in caught.value.exceptions)
    assert "LUNG1_001: found no CT; wanted" in first
    assert "LUNG1_005: found no cavity of the primary reviewer" in second
    effusion(root, 1, "first").rename(effusion(root, 1, "third"))
    with pytest.raises(ConversionError, match="LUNG1_001: found no CT, no effusion of the first reviewer"):
        plethora.list_cases(root, effusion="drawn")


def test_masks_of_unknown_reviewers_are_not_passed_over(root: Path) -> None:
    cavity(root, 1).rename(cavity(root, 1, "smith"))
    with pytest.raises(ConversionError, match="plethora: found 1 masks of other reviewers") as caught:
        plethora.list_cases(root)
    assert "smith" not in str(caught.value)


def test_a_mask_off_the_ct_is_refused(root: Path) -> None:
    moved = sample_chest(1).labels(right_lung=1, left_lung=2)
    moved.SetOrigin([value + 3.0 for value in moved.GetOrigin()])
    write_sample(cavity(root, 1), moved)
    with pytest.raises(ConversionError, match=r"LUNG1_001: found .*on another grid"):
        labels_of(plethora.list_cases(root)[0])


def sides(left: int, right: int, *, first: int, direction: int = 1) -> sitk.Image:
    """A row of voxels along x: ``left`` of one lung, a gap, ``right`` of the other; x may run to the right."""
    row = [first] * left + [0, 0] + [3 - first] * right
    image = sitk.GetImageFromArray(np.array(row, np.uint8).reshape(1, 1, -1).repeat(3, axis=1))
    image.SetSpacing((2.0, 1.0, 5.0))
    image.SetDirection((direction, 0, 0, 0, direction, 0, 0, 0, 1))
    return image


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 9), st.integers(2, 9), st.sampled_from([1, 2]), st.sampled_from([1, -1]))
def test_values_do_not_matter_only_where_they_lie(low: int, high: int, first: int, direction: int) -> None:
    ordered = sitk.GetArrayFromImage(
        order_sides(sides(low, high, first=first, direction=direction), dataset="d", case="c")
    )
    right, left = (1, 2) if direction == 1 else (2, 1)
    assert ordered[0, 0].tolist() == [right] * low + [0, 0] + [left] * high


def test_stray_voxels_are_no_lung() -> None:
    labels = sides(200, 1, first=1)
    with pytest.raises(ConversionError, match="d: c: found lung values with 600 and 3 voxels"):
        order_sides(labels, dataset="d", case="c")


def test_two_values_in_one_place_are_no_sides() -> None:
    rows = np.array([[[1] * 6, [2] * 6]], np.uint8)
    with pytest.raises(ConversionError, match="two lung values in one place"):
        order_sides(sitk.GetImageFromArray(rows), dataset="d", case="c")

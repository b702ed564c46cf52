from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from dataset_converters.datasets import osic
from dataset_converters.errors import ConversionError
from dataset_converters.records import Case
from dataset_converters.sources.sample_volumes import sample_chest, write_sample

PLAIN, LUNG_IS_2, HEART_IS_2 = (
    "ID00007637202177411956430",
    "ID00019637202178323708467",
    "ID00139637202231703564336",
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    osic.make_sample(tmp_path)
    return tmp_path


def mask_file(root: Path, patient: str = PLAIN) -> Path:
    return root / "nrrd_lung" / "nrrd_lung" / f"{patient}_lung.nrrd"


def labels_of(case: Case) -> np.ndarray:
    return sitk.GetArrayFromImage(case.annotations["volunteers"](case.images["CT"]().image))


def lung(seed: int) -> np.ndarray:
    return sitk.GetArrayFromImage(sample_chest(seed).structures["lung"])


def test_reversed_slices_value_2_and_a_blank_in_a_name_are_read(root: Path) -> None:
    assert (mask_file(root).parent / f"{LUNG_IS_2} _lung.nrrd").is_file()
    cases = osic.list_cases(root)
    assert [case.case for case in cases] == [PLAIN, LUNG_IS_2]
    for seed, case in enumerate(cases):
        assert np.array_equal(labels_of(case), lung(seed))


def test_value_2_is_unknown_in_any_other_patient(root: Path) -> None:
    write_sample(mask_file(root), sample_chest(0).labels(lung=2))
    with pytest.raises(ConversionError, match=rf"osic: {PLAIN}: found .* values 2 \(\d+ voxels\)"):
        labels_of(osic.list_cases(root)[0])


@pytest.mark.parametrize("order", ["header", "same"])
def test_the_heart_is_not_lung(root: Path, order: str) -> None:
    (root / "train" / PLAIN).rename(root / "train" / HEART_IS_2)
    mask_file(root).unlink()
    write_sample(mask_file(root, HEART_IS_2), sample_chest(0).labels(lung=1, heart=2))
    case = osic.list_cases(root, order=order)[1]
    assert (case.case, np.array_equal(labels_of(case), lung(0))) == (HEART_IS_2, True)


def wrong_header(seed: int, *, reverse: bool) -> sitk.Image:
    """The lung mask with the spacing of another image, its slices perhaps from the head."""
    voxels = lung(seed)
    return sitk.GetImageFromArray(voxels[::-1] if reverse else voxels)


@pytest.mark.parametrize(("order", "reverse"), [("same", False), ("reversed", True)])
def test_a_wrong_header_is_refused_unless_the_order_is_told(root: Path, order: str, *, reverse: bool) -> None:
    write_sample(mask_file(root), wrong_header(0, reverse=reverse))
    with pytest.raises(ConversionError, match=f"{PLAIN}: found .*on another grid"):
        labels_of(osic.list_cases(root)[0])
    assert np.array_equal(labels_of(osic.list_cases(root, order=order)[0]), lung(0))


def test_a_mask_that_is_not_on_air_is_refused(root: Path) -> None:
    """Laid the other way up, or over the body: the CT under it tells."""
    write_sample(mask_file(root), sample_chest(0).structures["liver"])
    with pytest.raises(ConversionError, match=r"found a mask over a median of \d+ HU; wanted lung, below -400 HU"):
        labels_of(osic.list_cases(root)[0])
    write_sample(mask_file(root), sample_chest(0).labels())
    with pytest.raises(ConversionError, match="found an empty mask"):
        labels_of(osic.list_cases(root)[0])


def test_a_mask_of_another_size_is_refused_whatever_the_order(root: Path) -> None:
    write_sample(mask_file(root), sample_chest(0, size_xyz=(24, 20, 11)).structures["lung"])
    for order in ("header", "same", "reversed"):
        with pytest.raises(ConversionError, match=f"osic: {PLAIN}: found"):
            labels_of(osic.list_cases(root, order=order)[0])


def test_masks_without_ct_are_refused_and_cts_without_mask_are_no_cases(root: Path) -> None:
    (root / "train" / "ID00000000000000000000001").mkdir()
    assert len(osic.list_cases(root)) == 2
    (root / "train" / PLAIN).rename(root / "train" / "ID00000000000000000000002")
    with pytest.raises(ConversionError, match=f"osic: {PLAIN}: found a mask without CT"):
        osic.list_cases(root)


def test_wrong_option_and_other_layouts_are_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="option order = 'up'; wanted header or same or reversed"):
        osic.list_cases(root, order="up")
    (tmp_path / "none").mkdir()
    with pytest.raises(ConversionError, match="osic: found a folder with no file at all"):
        osic.list_cases(tmp_path / "none")

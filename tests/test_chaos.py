"""CHAOS: masks as PNG images whose names run against the position of the slices."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from dataset_converters.annotations.png_stack import read_png_masks
from dataset_converters.datasets.chaos import list_cases, make_sample
from dataset_converters.errors import ConversionError
from dataset_converters.records import Case
from dataset_converters.sources.sample_volumes import sample_chest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_sample(tmp_path)
    return tmp_path


def annotation(case: Case) -> np.ndarray:
    return sitk.GetArrayFromImage(case.annotations["manual"](case.images["CT"]().image))


def test_each_mask_goes_to_its_slice(root: Path) -> None:
    """The liver lies low; by order of names alone it would lie high."""
    first, _, second = list_cases(root)
    for case, seed in ((first, 1), (second, 12)):
        wanted = sitk.GetArrayFromImage(sample_chest(seed).structures["liver"])
        assert np.array_equal(annotation(case), wanted)
        assert not np.array_equal(wanted, wanted[::-1])


def test_a_folder_is_one_series_whatever_its_uids(root: Path) -> None:
    for number, path in enumerate(sorted((root / "Train_Sets" / "CT" / "1" / "DICOM_anon").glob("*.dcm")), start=1):
        header = pydicom.dcmread(path)
        header.SeriesInstanceUID = f"1.2.3.{number}"
        header.save_as(path)
    image = list_cases(root)[0].images["CT"]().image
    assert np.array_equal(sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(sample_chest(1).image))


def test_test_cases_have_no_annotation(root: Path) -> None:
    found = [(case.case, case.role, len(case.annotations)) for case in list_cases(root)]
    assert found == [("chaos_01", "", 1), ("chaos_03", "test", 0), ("chaos_12", "", 1)]


def test_masks_that_do_not_lie_on_a_liver_are_refused_until_they_are_turned(root: Path) -> None:
    """The mirror image of the liver lies in the left lung and air."""
    for path in (root / "Train_Sets" / "CT" / "1" / "Ground").glob("*.png"):
        mask = sitk.ReadImage(str(path))
        sitk.WriteImage(sitk.GetImageFromArray(sitk.GetArrayFromImage(mask)[::-1, ::-1]), str(path))
        assert mask.GetSize() == (24, 20)
    case = list_cases(root, flip="xy")[0]
    assert np.array_equal(annotation(case), sitk.GetArrayFromImage(sample_chest(1).structures["liver"]))
    moved = [root / "Train_Sets" / "CT" / "1" / "Ground" / f"liver_GT_{rank:03d}.png" for rank in range(12)]
    lungs = np.zeros((20, 24), np.uint8)
    lungs[8:12, 4:8] = 255
    for path in moved:
        sitk.WriteImage(sitk.GetImageFromArray(lungs), str(path))
    with pytest.raises(ConversionError, match=r"median of -8\d\d HU under the mask"):
        annotation(list_cases(root)[0])


@pytest.mark.parametrize("change", ["lost mask", "no slices"])
def test_other_than_one_mask_per_slice_is_refused(root: Path, change: str) -> None:
    folder = root / "Train_Sets" / "CT" / "12"
    for path in [*folder.glob("Ground/*_003.png")] if change == "lost mask" else [*folder.glob("DICOM_anon/*")]:
        path.unlink()
    with pytest.raises(ConversionError, match=r"chaos_12: found .* slices and .* masks") as caught:
        list_cases(root)
    assert [case.case for case in caught.value.readable] == ["chaos_01", "chaos_03"]


def test_an_unknown_flip_is_refused(root: Path) -> None:
    with pytest.raises(ConversionError, match="wanted none or x or y or xy"):
        list_cases(root, flip="yx")  # type: ignore[arg-type]


def test_damaged_large_coloured_and_grey_images_are_refused(tmp_path: Path) -> None:
    def refused(array: np.ndarray, *, is_vector: bool = False) -> str:
        sitk.WriteImage(sitk.GetImageFromArray(array, isVector=is_vector), str(tmp_path / "a.png"))
        with pytest.raises(ConversionError) as caught:
            read_png_masks([tmp_path / "a.png"], (4, 3), dataset="chaos", case="c")
        return str(caught.value)

    assert "found mask 1 of 1 (sorted by name): 3 x 4 pixels" in refused(np.zeros((4, 3), np.uint8))
    assert "of 3 channels" in refused(np.zeros((3, 4, 3), np.uint8), is_vector=True)
    assert "values 7" in refused(np.full((3, 4), 7, np.uint8))
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:40])
    with pytest.raises(ConversionError, match="a damaged file"):
        read_png_masks([tmp_path / "a.png"], (4, 3), dataset="chaos", case="c")

"""TotalSegmentator: lungs from lobes, the published split, files that are not there."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from dataset_converters.conversion_errors import ConversionErrors
from dataset_converters.datasets.totalsegmentator import list_cases, make_sample
from dataset_converters.errors import ConversionError
from dataset_converters.sources.sample_volumes import sample_chest, write_sample


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_sample(tmp_path)
    return tmp_path


def test_lobes_become_the_lungs_of_their_side(root: Path) -> None:
    for case, chest in zip(list_cases(root), (sample_chest(4).turned("RAS"), sample_chest(11)), strict=True):
        found = sitk.GetArrayFromImage(case.annotations["corrected_model"](case.images["CT"]().image))
        wanted = sitk.GetArrayFromImage(chest.labels(right_lung=1, left_lung=2))
        assert np.array_equal(found, wanted)


def test_split_age_and_sex_come_from_the_table(root: Path) -> None:
    rows = "s0004;;x;A;ct;val\ns0011;58;f;B;ct;test\n"
    (root / "meta.csv").write_text("\ufeffimage_id;age;gender;institute;study_type;split\n" + rows, encoding="utf-8")
    found = [(case.role, dict(case.covariates)) for case in list_cases(root)]
    assert found == [("train", {}), ("test", {"age": 58.0, "sex": "F"})]
    (root / "meta.csv").unlink()
    assert [case.role for case in list_cases(root)] == ["", ""]


def test_table_in_another_form_is_refused(root: Path) -> None:
    (root / "meta.csv").write_text("image_id,age\ns0004,63\n")
    with pytest.raises(ConversionError, match=r"meta\.csv in another form"):
        list_cases(root)


def test_lobes_without_voxels_are_fine_and_missing_ones_are_not(root: Path) -> None:
    for folder in ("s0004", "s0011"):
        (root / folder / "segmentations" / "lung_middle_lobe_right.nii.gz").unlink()
    with pytest.raises(ConversionErrors) as caught:
        list_cases(root)
    assert [error.case for error in caught.value.exceptions] == ["s0004", "s0011"]
    assert "1 of 6 files not there" in str(caught.value)


def test_the_archives_own_folder_is_found(tmp_path: Path) -> None:
    make_sample(tmp_path / "Totalsegmentator_dataset_v201")
    write_sample(tmp_path / "s1" / "ct.nii.gz", sample_chest(1).image)  # no case name
    assert [case.case for case in list_cases(tmp_path)] == ["s0004", "s0011"]

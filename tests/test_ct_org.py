"""CT-ORG and LiTS: pairs by number, roles and readers, spacings that were lost."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import SimpleITK as sitk

from dataset_converters.conversion_errors import ConversionErrors
from dataset_converters.datasets import ct_org, lits
from dataset_converters.errors import ConversionError
from dataset_converters.sources.sample_volumes import sample_chest, write_sample


def add_volume(folder: Path, number: int, *, mask: str, unit: bool = False) -> None:
    chest = sample_chest(number, spacing_mm=(1.0, 1.0, 1.0) if unit else (14.0, 12.5, 22.0))
    write_sample(folder / f"volume-{number}.nii", chest.image)
    write_sample(folder / f"{mask}-{number}.nii", chest.labels(lung=1))


def test_test_part_is_by_hand_and_training_lungs_are_automatic(tmp_path: Path) -> None:
    for number in (20, 21, 3, 139):
        add_volume(tmp_path, number, mask="labels")
    cases = ct_org.list_cases(tmp_path)
    found = [(case.case, case.role, *case.annotations) for case in cases]
    assert found == [
        ("volume_3", "test", "manual"),
        ("volume_20", "test", "manual"),
        ("volume_21", "train", "automatic_lung"),
        ("volume_139", "train", "automatic_lung"),
    ]


@pytest.mark.parametrize(("module", "mask"), [(ct_org, "labels"), (lits, "segmentation")])
def test_lost_spacings_are_refused_all_at_once_or_accepted(tmp_path: Path, module: ModuleType, mask: str) -> None:
    for number in (1, 28, 47):
        add_volume(tmp_path, number, mask=mask, unit=number > 1)
    with pytest.raises(ConversionErrors) as caught:
        module.list_cases(tmp_path)
    assert [error.case for error in caught.value.exceptions] == ["volume_28", "volume_47"]
    assert [case.case for case in caught.value.readable] == ["volume_1"]
    cases = module.list_cases(tmp_path, unit_spacing="accept")
    assert cases[1].images["CT"]().image.GetSpacing() == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(("module", "mask"), [(ct_org, "labels"), (lits, "segmentation")])
def test_a_volume_without_mask_or_given_twice_is_refused(tmp_path: Path, module: ModuleType, mask: str) -> None:
    for number in (5, 6):
        add_volume(tmp_path / "one", number, mask=mask)
    (tmp_path / "one" / f"{mask}-6.nii").unlink()
    with pytest.raises(ConversionError, match=f"volume_6: found a volume without {mask}; wanted .*{mask}-6.nii"):
        module.list_cases(tmp_path)
    add_volume(tmp_path / "two", 5, mask=mask)
    with pytest.raises(ConversionError, match="volume_5: found 2 files that are its image or mask"):
        module.list_cases(tmp_path)


@pytest.mark.parametrize("module", [ct_org, lits])
def test_an_option_of_another_value_is_refused(tmp_path: Path, module: ModuleType) -> None:
    module.make_sample(tmp_path)
    with pytest.raises(ConversionError, match="wanted refuse or accept"):
        module.list_cases(tmp_path, unit_spacing="yes")


@pytest.mark.parametrize("module", [ct_org, lits])
def test_an_empty_folder_says_where_to_obtain_the_data(tmp_path: Path, module: ModuleType) -> None:
    with pytest.raises(ConversionError, match="obtain the data"):
        module.list_cases(tmp_path)


def test_lits_masks_in_another_axis_order_follow_the_volume(tmp_path: Path) -> None:
    chest = sample_chest(8)
    write_sample(tmp_path / "volume-8.nii", chest.image)
    write_sample(tmp_path / "segmentation-8.nii", chest.turned("ARI").labels(liver=1, heart=2))
    (case,) = lits.list_cases(tmp_path)
    found = case.annotations["manual"](case.images["CT"]().image)
    wanted = chest.labels(liver=1, heart=2)
    assert np.array_equal(sitk.GetArrayFromImage(found), sitk.GetArrayFromImage(wanted))


def test_lits_test_volumes_have_no_annotation(tmp_path: Path) -> None:
    lits.make_sample(tmp_path)
    assert [(case.case, case.role, len(case.annotations)) for case in lits.list_cases(tmp_path)] == [
        ("volume_0", "", 1),
        ("volume_27", "", 1),
        ("test_volume_0", "test", 0),
    ]


def test_values_that_are_no_organ_are_refused(tmp_path: Path) -> None:
    add_volume(tmp_path, 2, mask="labels")
    write_sample(tmp_path / "labels-2.nii", sample_chest(2).labels(lung=3, heart=9))
    (case,) = ct_org.list_cases(tmp_path)
    with pytest.raises(ConversionError, match=r"values 9 \(80 voxels\)"):
        case.annotations["manual"](case.images["CT"]().image)

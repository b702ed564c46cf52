import re
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from dataset_converters.datasets import vessel12
from dataset_converters.errors import ConversionError
from dataset_converters.sources.sample_volumes import sample_chest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    vessel12.make_sample(tmp_path)
    return tmp_path


def test_downward_slices_are_put_where_the_header_says(root: Path) -> None:
    """Case 07 is stored from head to feet; what comes out is the chest it was made of, mask included."""
    assert "0 0 -1" in (root / "VESSEL12_06-10" / "VESSEL12_07.mhd").read_text()
    for case in vessel12.list_cases(root):
        chest = sample_chest(int(case.case[-2:]))
        image = case.images["CT"]().image
        assert np.array_equal(sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(chest.image))
        assert image.GetOrigin() == pytest.approx(chest.image.GetOrigin())
        mask = sitk.GetArrayFromImage(case.annotations["automatic"](image))
        assert np.array_equal(mask, sitk.GetArrayFromImage(chest.structures["lung"]))


def test_a_mask_whose_header_disagrees_is_refused(root: Path) -> None:
    file = root / "VESSEL12_01-20_Lungmasks" / "VESSEL12_07.mhd"
    file.write_text(re.sub("TransformMatrix = .*", "TransformMatrix = 1 0 0 0 1 0 0 0 1", file.read_text()))
    case = vessel12.list_cases(root)[1]
    with pytest.raises(ConversionError, match=r"vessel12: VESSEL12_07: found .*on another grid"):
        case.annotations["automatic"](case.images["CT"]().image)


def test_images_and_masks_without_each_other_are_named_together(root: Path) -> None:
    (root / "VESSEL12_01-20_Lungmasks" / "VESSEL12_01.mhd").unlink()
    (root / "VESSEL12_06-10" / "VESSEL12_07.mhd").unlink()
    with pytest.raises(ExceptionGroup) as caught:
        vessel12.list_cases(root)
    assert [str(fault).split("; ")[0] for fault in caught.value.exceptions] == [
        "vessel12: VESSEL12_01: found an image without mask",
        "vessel12: VESSEL12_07: found a mask without image",
    ]


def test_example_scans_in_their_own_folders_are_cases_too(root: Path) -> None:
    for folder, source in (("Scans", "VESSEL12_01-05"), ("lungMasks", "VESSEL12_01-20_Lungmasks")):
        (root / "VESSEL12_ExampleScans" / folder).mkdir(parents=True)
        for ending in ("mhd", "raw"):
            content = (root / source / f"VESSEL12_01.{ending}").read_bytes()
            file = root / "VESSEL12_ExampleScans" / folder / f"VESSEL12_21.{ending}"
            file.write_bytes(content.replace(b"VESSEL12_01", b"VESSEL12_21") if ending == "mhd" else content)
    assert [case.case for case in vessel12.list_cases(root)] == ["VESSEL12_01", "VESSEL12_07", "VESSEL12_21"]


def test_another_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="vessel12: found a folder with no file at all; wanted VESSEL12_01"):
        vessel12.list_cases(tmp_path)

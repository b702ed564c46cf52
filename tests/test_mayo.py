import shutil
from pathlib import Path

import pydicom
import pytest

from dataset_converters.datasets import mayo
from dataset_converters.errors import ConversionError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    mayo.make_sample(tmp_path)
    return tmp_path


def test_pair_of_every_patient(root: Path) -> None:
    cases = mayo.list_cases(root)
    assert [(c.patient, c.case, list(c.images), c.role) for c in cases] == [
        ("L067", "L067_full_1mm", ["B30", "D45"], "test"),
        ("L096", "L096_full_1mm", ["B30", "D45"], "test"),
    ]
    assert [cases[0].images[kernel]().facts["kernel"] for kernel in ("B30", "D45")] == ["B30f", "D45f"]


def test_older_layout_other_dose_and_single_kernel(root: Path, tmp_path_factory) -> None:
    older = tmp_path_factory.mktemp("older")
    base = root / "Training_Image_Data"
    shutil.copytree(base / "1mm B30/full_1mm/L067/full_1mm", older / "Training Cases/L067/full_1mm")
    shutil.copytree(base / "1mm D45/full_1mm_sharp/L067/full_1mm_sharp", older / "Training Cases/L067/full_1mm_sharp")
    shutil.copytree(base / "1mm B30/full_1mm/L067/full_1mm", older / "Training Cases/L067/quarter_1mm")
    cases = mayo.list_cases(older)
    assert [(c.patient, c.case, list(c.images)) for c in cases] == [
        ("L067", "L067_full_1mm", ["B30", "D45"]),
        ("L067", "L067_quarter_1mm", ["B30"]),
    ]


def _edit(folder: Path, **values: object) -> None:
    for path in sorted(folder.iterdir()):
        file = pydicom.dcmread(path)
        for keyword, value in values.items():
            setattr(file, keyword, value)
        file.save_as(path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"ConvolutionKernel": "B30f"}, "a series of another kernel or without one; wanted kernel D45"),
        ({"ConvolutionKernel": ""}, "wanted kernel D45 as its folder says"),
        ({"PixelSpacing": ["10", "10"]}, "a D45 series of size 24 x 20 x 12.*wanted the B30 series'"),
    ],
)
def test_folder_that_does_not_hold_what_it_says_is_refused(root: Path, values: dict, message: str) -> None:
    _edit(root / "Training_Image_Data/1mm D45/full_1mm_sharp/L067/full_1mm_sharp", **values)
    with pytest.raises(ConversionError, match=f"L067_full_1mm: found {message}|{message}") as caught:
        mayo.list_cases(root)
    assert [case.case for case in caught.value.readable] == ["L096_full_1mm"]


def test_foreign_folder_says_what_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match=r"no \.IMA file below folders Lnnn.*registration"):
        mayo.list_cases(tmp_path)

import shutil
from pathlib import Path

import pydicom
import pytest

from dataset_converters.datasets import nlst
from dataset_converters.errors import ConversionError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    nlst.make_sample(tmp_path)
    return tmp_path


def _edit(folder: Path, **values: str) -> None:
    for path in sorted(folder.glob("*.dcm")):
        file = pydicom.dcmread(path)
        for keyword, value in values.items():
            setattr(file, keyword, value)
        file.save_as(path)


def _series(root: Path, patient: str) -> list[Path]:
    return sorted((root / "NLST" / patient).glob("*/*"))


def test_pairs_by_attribute_and_by_description(root: Path) -> None:
    cases = nlst.list_cases(root)
    assert [(c.patient, c.case, list(c.images), c.role, dict(c.annotations)) for c in cases] == [
        ("p100012", "p100012_v1", ["LK", "MK"], "test", {}),
        ("p100035", "p100035_v1", ["LK", "MK"], "test", {}),
    ]
    assert [case.images["LK"]().facts["kernel"] for case in cases] == ["BONE", "B50f"]  # BONE: only in the description
    assert nlst.list_cases(root / "NLST")[0].case == "p100012_v1"


def test_medium_and_unknown_kernels_keep_their_own_variants(root: Path, tmp_path_factory) -> None:
    lung, soft = _series(root, "100035")
    _edit(lung, Manufacturer="Philips", ConvolutionKernel="D")
    _edit(soft, Manufacturer="Philips", ConvolutionKernel="ZZ")
    assert list(nlst.list_cases(root)[1].images) == ["IK", "UK"]
    table = tmp_path_factory.mktemp("table") / "mine.toml"
    table.write_text('[philips]\nsharp = ["D"]\nsoft = ["ZZ"]\n')
    assert list(nlst.list_cases(root, kernel_table=table)[1].images) == ["LK", "MK"]


def test_other_grid_and_other_acquisition_are_further_cases_of_the_patient(root: Path) -> None:
    _edit(_series(root, "100012")[1], PixelSpacing=["10", "10"])
    _edit(_series(root, "100035")[1], KVP="140")
    cases = nlst.list_cases(root)
    assert [(c.patient, c.case, list(c.images)) for c in cases] == [
        ("p100012", "p100012_v1", ["LK"]),
        ("p100012", "p100012_v1_r2", ["MK"]),
        ("p100035", "p100035_v1", ["LK"]),
        ("p100035", "p100035_v1_r2", ["MK"]),
    ]


def test_visits_are_numbered_by_year(root: Path) -> None:
    (first,) = (root / "NLST" / "100012").iterdir()
    shutil.copytree(first, first.with_name("01-02-2001-NLST-LSS-30000"))
    shutil.copytree(first, first.with_name("02-01-2000-NLST-LSS-40000"))
    assert [case.case for case in nlst.list_cases(root)][:3] == ["p100012_v1", "p100012_v2", "p100012_v3"]
    shutil.rmtree(first)
    assert [case.case for case in nlst.list_cases(root)][:2] == ["p100012_v1", "p100012_v2"]


def test_faulty_series_and_foreign_folder_are_told(root: Path, tmp_path_factory) -> None:
    sorted(_series(root, "100012")[0].iterdir())[4].unlink()
    with pytest.raises(ConversionError, match="p100012_v1: found 1 uneven slice distances") as caught:
        nlst.list_cases(root)
    assert [case.case for case in caught.value.readable] == ["p100035_v1"]
    for path in (p for folder in _series(root, "100035") for p in folder.iterdir()):
        path.unlink()
    with pytest.raises(ExceptionGroup) as both:
        nlst.list_cases(root)
    assert "p100035_v1: found no CT series" in str(both.value)
    with pytest.raises(ConversionError, match=r"no <patient number>/<MM-DD-YYYY"):
        nlst.list_cases(tmp_path_factory.mktemp("empty"))

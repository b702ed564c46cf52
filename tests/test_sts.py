import json
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from skimage.draw import polygon2mask

from dataset_converters.datasets import sts
from dataset_converters.errors import ConversionError
from dataset_converters.volumes.grid import grid_difference, grid_of
from dataset_converters.writing.writer import convert


def _kernel(folder: Path, kernel: str) -> None:
    for path in folder.glob("*.dcm"):
        file = pydicom.dcmread(path)
        file.ConvolutionKernel = kernel
        file.save_as(path)


def test_sample_has_a_ball_per_kernel(tmp_path) -> None:
    sts.make_sample(tmp_path)
    cases = sts.list_cases(tmp_path)
    assert [(c.patient, list(c.images), list(c.annotations)) for c in cases] == [
        ("STS_001", ["SOFT"], ["manual"]),
        ("STS_003", ["STANDARD"], ["manual"]),
    ]
    for case in cases:
        ((variant, load),) = case.images.items()
        ct = load()
        mask = sitk.GetArrayFromImage(case.annotations["manual"](ct.image)).astype(bool)
        array = sitk.GetArrayFromImage(ct.image)
        assert ct.facts["kernel"] == variant
        volume_mm3 = mask.sum() * np.prod(ct.image.GetSpacing())
        assert volume_mm3 == pytest.approx(4 / 3 * np.pi * 6**3, rel=0.15)
        assert array[mask].mean() == pytest.approx(40, abs=10)
        assert array[~mask].mean() == pytest.approx(-850, abs=10)


def test_root_may_be_the_folder_above(tmp_path) -> None:
    sts.make_sample(tmp_path / "sts")
    assert len(sts.list_cases(tmp_path)) == 2


def test_missing_data_says_where_to_obtain_it(tmp_path) -> None:
    with pytest.raises(ConversionError, match=r"sts: found no STS_xxx folder.*obtain the data .*TCIA"):
        sts.list_cases(tmp_path / "nowhere")


def test_unknown_kernel_and_missing_contours_are_named_together(tmp_path) -> None:
    sts.make_sample(tmp_path)
    _kernel(tmp_path / "STS_001" / "CT" / "image", "LUNG")
    with pytest.raises(ConversionError, match="sts: STS_001: found kernel LUNG; wanted SOFT or STANDARD"):
        sts.list_cases(tmp_path)
    for path in (tmp_path / "STS_003" / "CT" / "mask").iterdir():
        path.unlink()
    with pytest.raises(ExceptionGroup) as caught:
        sts.list_cases(tmp_path)
    assert "STS_001: found kernel LUNG" in str(caught.value)
    assert "STS_003: found 8 files in CT/image and 0 in CT/mask" in str(caught.value)


def test_contours_without_the_roi(tmp_path) -> None:
    sts.make_sample(tmp_path)
    path = next((tmp_path / "STS_001" / "CT" / "mask").iterdir())
    file = pydicom.dcmread(path)
    file.StructureSetROISequence[0].ROIName = "GTV_Edema"
    file.save_as(path)
    case = sts.list_cases(tmp_path)[0]
    with pytest.raises(ConversionError, match="sts: STS_001: found no ROI GTV_Mass_CT among GTV_Edema; wanted 1 ROI"):
        case.annotations["manual"](case.images["SOFT"]().image)


def test_all_28_real_patients_are_listed(sts_root: Path) -> None:
    cases = sts.list_cases(sts_root)
    kernels = [variant for case in cases for variant in case.images]
    assert len(cases) == sts.DATASET.expected_cases
    assert (kernels.count("SOFT"), kernels.count("STANDARD")) == (14, 14)


@pytest.mark.parametrize("name", ["STS_001", "STS_008", "STS_040"])  # STS_040: several contours on 13 slices
def test_real_patient_equals_simpleitk_and_skimage(sts_root: Path, name: str) -> None:
    (case,) = [c for c in sts.list_cases(sts_root) if c.case == name]
    image = case.images["SOFT"]().image
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(sts_root / name / "CT" / "image")))
    expected = reader.Execute()
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(expected))
    assert grid_difference(grid_of(expected), grid_of(image)) is None

    contours = pydicom.dcmread(next((sts_root / name / "CT" / "mask").iterdir())).ROIContourSequence[0].ContourSequence
    mask = np.zeros(image.GetSize()[::-1], bool)
    for contour in contours:
        points_mm = np.array(contour.ContourData, float).reshape(-1, 3)
        index = (points_mm - np.array(image.GetOrigin())) / np.array(image.GetSpacing())
        mask[round(index[0, 2])] ^= polygon2mask(mask.shape[1:], index[:, 1::-1])
    np.testing.assert_array_equal(sitk.GetArrayFromImage(case.annotations["manual"](image)), mask)


def test_a_study_can_exclude_a_patient_whose_folder_is_faulty(tmp_path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    sts.make_sample(source)
    _kernel(source / "STS_001" / "CT" / "image", "LUNG")
    with pytest.raises(ConversionError, match="STS_001: found kernel LUNG"):
        convert("sts", source, out)
    convert("sts", source, out, exclude={"STS_001": "kernel LUNG"})
    listing = json.loads((out / "annotations" / "Dataset701_sts" / "cases.json").read_text())
    assert [case["case"] for case in listing["cases"]] == ["STS_003"]
    assert listing["excluded"] == {"STS_001": "kernel LUNG"}

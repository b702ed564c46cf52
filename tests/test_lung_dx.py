import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from dataset_converters.conversion_errors import ConversionErrors
from dataset_converters.datasets import lung_dx
from dataset_converters.errors import ConversionError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    lung_dx.make_sample(tmp_path)
    return tmp_path


def _series(root: Path, patient: str, number: int) -> Path:
    return next((root / f"Lung_Dx-{patient}").glob(f"*/{number}.*"))


def test_pair_has_two_variants_and_the_boxes_of_each_as_a_reader(root: Path) -> None:
    first, second = lung_dx.list_cases(root)
    assert (first.patient, first.case, list(first.images)) == ("A0001", "A0001", ["LK", "MK"])
    assert list(first.annotations) == ["boxes_LK", "boxes_MK"]
    assert (second.case, list(second.images), list(second.annotations)) == ("G0002", ["LK"], ["boxes_LK"])
    assert [case.covariates["histology"] for case in (first, second)] == ["adenocarcinoma", "squamous cell"]
    image = first.images["LK"]().image
    mask = sitk.GetArrayFromImage(first.annotations["boxes_LK"](image))
    tumour = lung_dx.sample_chest(0).structures["tumour"]
    truth = sitk.GetArrayFromImage(tumour) > 0
    assert (mask[truth] == 1).all()
    for plane, inside in zip(mask, truth, strict=True):
        rows, columns = np.nonzero(inside)
        box = np.zeros(inside.shape, np.uint8)
        if rows.size:
            box[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = 1
        assert np.array_equal(plane, box)


def test_partner_without_boxes_is_a_variant_all_the_same(root: Path) -> None:
    uids = {str(pydicom.dcmread(p).SOPInstanceUID) for p in _series(root, "A0001", 3).iterdir()}
    for path in (root / "Annotation" / "A0001").iterdir():
        if path.stem in uids:
            path.unlink()
    case = lung_dx.list_cases(root)[0]
    assert list(case.images) == ["LK", "MK"]
    assert list(case.annotations) == ["boxes_LK"]


def test_boxed_series_on_another_grid_is_a_further_case(root: Path) -> None:
    for path in sorted(_series(root, "A0001", 3).iterdir()):
        file = pydicom.dcmread(path)
        file.PixelSpacing = ["10", "10"]
        file.save_as(path)
    cases = lung_dx.list_cases(root)
    assert [(c.patient, c.case, list(c.images), list(c.annotations)) for c in cases[:2]] == [
        ("A0001", "A0001", ["LK"], ["boxes_LK"]),
        ("A0001", "A0001_2", ["MK"], ["boxes_MK"]),
    ]


def test_folder_of_boxes_may_be_named_and_flat(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    flat = tmp_path_factory.mktemp("boxes")
    for path in (root / "Annotation").rglob("*.xml"):
        shutil.copy(path, flat)
    shutil.rmtree(root / "Annotation")
    with pytest.raises(ConversionError, match="no folder of boxes"):
        lung_dx.list_cases(root)
    assert [case.case for case in lung_dx.list_cases(root, boxes=flat)] == ["A0001", "G0002"]


def test_what_is_missing_is_told_and_the_rest_stays(root: Path) -> None:
    shutil.rmtree(root / "Annotation" / "G0002")
    with pytest.raises(ConversionError, match="G0002: found 1 CT series, none with a box") as caught:
        lung_dx.list_cases(root)
    assert [case.case for case in caught.value.readable] == ["A0001"]
    next(iter(_series(root, "A0001", 2).glob("000005.dcm"))).unlink()
    with pytest.raises(ConversionErrors) as both:
        lung_dx.list_cases(root)
    assert "uneven slice distances" in str(both.value)
    with pytest.raises(ConversionError, match="no Lung_Dx-A0001"):
        lung_dx.list_cases(root / "Annotation")


def test_the_real_patient(lung_dx_root: Path, shared_data: Path) -> None:
    boxes = shared_data / "lung_dx_a0001" / "tumour_boxes_xml"
    (case,) = lung_dx.list_cases(lung_dx_root, boxes=boxes)
    assert (case.patient, list(case.images), list(case.annotations)) == (
        "A0001",
        ["LK", "MK"],
        ["boxes_LK", "boxes_MK"],
    )
    lung, soft = case.images["LK"](), case.images["MK"]()
    assert [ct.facts["kernel"] for ct in (lung, soft)] == ["L", "B"]
    assert lung.image.GetSize() == soft.image.GetSize() == (512, 512, 64)
    assert lung.image.GetOrigin() == soft.image.GetOrigin()
    masks = [sitk.GetArrayFromImage(case.annotations[reader](lung.image)) for reader in case.annotations]
    assert [int(mask.any(axis=(1, 2)).sum()) for mask in masks] == [11, 9]
    # two readings of one tumour: the slices of the second lie within those of the first, and the boxes agree
    assert (masks[0].any(axis=(1, 2)) >= masks[1].any(axis=(1, 2))).all()
    dice = 2 * float((masks[0] & masks[1]).sum()) / float(masks[0].sum() + masks[1].sum())
    assert dice > 0.8
    # the soft-tissue tumour stands out of the lung in both
    array = sitk.GetArrayFromImage(soft.image)
    assert np.median(array[masks[1] == 1]) > -300

"""Anatomy checks: mirrored, turned, rescaled and foreign volumes are noticed; true ones are not."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from drawn_chest import STRUCTURES, draw_chest, flipped, with_voxels
from scipy import ndimage

from dataset_converters.anatomy.body_regions import coarse_ct
from dataset_converters.anatomy.findings import anatomy_findings, inspect_case
from dataset_converters.dicom.series import read_dicom_series
from dataset_converters.findings import Finding

FLIPS = tuple("".join(axes) for count in (1, 2, 3) for axes in itertools.combinations("xyz", count))
COLUMNS = {"x": "left_and_right", "y": "front_and_back", "z": "up_and_down"}


@pytest.fixture(scope="module")
def chest() -> tuple[sitk.Image, sitk.Image]:
    """Return a drawn patient and the labels."""
    return draw_chest()


def _findings(image: sitk.Image, labels: sitk.Image | None = None, **structures: int) -> list[Finding]:
    return anatomy_findings(image, labels, structures or STRUCTURES, dataset="D", case="C")


def _words(findings: list[Finding]) -> str:
    return "\n".join(map(str, findings))


def test_a_plausible_patient_has_no_finding_and_every_direction_is_told(chest: tuple[sitk.Image, sitk.Image]) -> None:
    findings, measured = inspect_case(*chest, STRUCTURES, dataset="D", case="C")
    assert findings == []
    assert {measured[name] for name in COLUMNS.values()} == {"as the header says"}
    assert measured["annotated"] == "100%"
    true_ml = int((sitk.GetArrayFromImage(chest[1]) == 1).sum()) * 8 * 4.5 * 4.5 / 1000
    assert measured["right_lung_ml"] == pytest.approx(true_ml, abs=0.1)  # voxels larger than the coarse grid are kept
    assert measured["air_filled_lung_ml"] == pytest.approx(float(measured["lung_mask_ml"]), rel=0.05)


@pytest.mark.parametrize("axes", FLIPS)
def test_a_mirrored_image_is_noticed_along_each_axis_and_no_other(
    chest: tuple[sitk.Image, sitk.Image], axes: str
) -> None:
    findings, measured = inspect_case(flipped(chest[0], axes), None, {}, dataset="D", case="C")
    for axis, column in COLUMNS.items():
        assert measured[column] == ("exchanged" if axis in axes else "as the header says")
    assert [finding.severity for finding in findings] == ["warning"] * len(axes)


@pytest.mark.parametrize("axes", FLIPS)
def test_labels_mirrored_without_their_image_are_an_error(chest: tuple[sitk.Image, sitk.Image], axes: str) -> None:
    words = _words(_findings(chest[0], flipped(chest[1], axes)))
    assert ("error: D: C: found overlap (Dice) of lung mask and air" in words) == (axes != "x")  # drawn nearly alike
    assert ("structures named left" in words) == ("x" in axes)
    if axes == "x":
        assert "the heart is on the left, so the labels are exchanged or mirrored without their image" in words


def test_image_and_labels_mirrored_together_contradict_their_names(chest: tuple[sitk.Image, sitk.Image]) -> None:
    words = _words(_findings(flipped(chest[0], "x"), flipped(chest[1], "x")))
    assert "the heart is on the right too, so image and labels are mirrored together" in words
    words = _words(_findings(flipped(chest[0], "z"), flipped(chest[1], "z")))
    assert "error: D: C: found lung" in words
    assert "mm below liver; wanted lung above liver" in words
    words = _words(_findings(flipped(chest[0], "y"), flipped(chest[1], "y")))
    assert "spinal_cord" in words
    assert "in front of heart" in words


@pytest.mark.parametrize("axes", ["RAS", "LPI", "SPL", "AIR"])
def test_the_stored_order_of_axes_does_not_matter(chest: tuple[sitk.Image, sitk.Image], axes: str) -> None:
    image, labels = (sitk.DICOMOrient(part, axes) for part in chest)
    assert image.GetSize() != chest[0].GetSize() or image.GetDirection() != chest[0].GetDirection()
    assert _findings(image, labels) == []
    assert len(_findings(sitk.DICOMOrient(flipped(chest[0], "x"), axes))) == 1


@pytest.mark.parametrize(("first", "last"), [(0, 20), (20, 40), (10, 30), (5, 12)])
def test_a_part_of_the_chest_is_never_called_mirrored(
    chest: tuple[sitk.Image, sitk.Image], first: int, last: int
) -> None:
    findings, measured = inspect_case(
        chest[0][:, :, first:last], chest[1][:, :, first:last], STRUCTURES, dataset="D", case="C"
    )
    assert "exchanged" not in measured.values()
    assert measured["up_and_down"] == "not told"
    assert {finding.severity for finding in findings} <= {"warning"}
    assert "lung cut at the" in _words(findings)


def test_values_that_are_no_hu_are_noticed(chest: tuple[sitk.Image, sitk.Image]) -> None:
    image, labels = chest
    hu = sitk.GetArrayFromImage(image)
    stored = _findings(with_voxels(image, hu + 1100), labels)
    assert "error: D: C: found values from 0 to" not in _words(stored)
    assert stored[0].severity == "error"
    assert "HU: air below -500" in stored[0].wanted
    assert not any("exchanged" in finding.found for finding in stored)  # nothing is said of a volume in another unit
    scaled = _findings(with_voxels(image, ((hu + 1024) / 2000).astype(np.float32)))
    assert [finding.severity for finding in scaled] == ["error"]
    windowed = _words(_findings(with_voxels(image, np.clip(hu, -1000, 40)), labels))
    assert "of the voxels at the highest value, 40" in windowed
    assert "bone or contrast above 200 HU" in windowed
    few = _words(_findings(with_voxels(image, (hu // 8 * 8).astype(np.int16)), labels))
    assert "different values; wanted more than 256: no 8-bit image" in few
    spread = with_voxels(image, (hu * 4).clip(-4000, 4000).astype(np.int16))
    assert "values in steps of 4" in _words(_findings(spread))


@pytest.mark.parametrize(("factor", "word"), [(0.5, "air-filled lung"), (1.6, "air-filled lung")])
def test_lungs_too_small_or_too_large_for_an_adult(
    chest: tuple[sitk.Image, sitk.Image], factor: float, word: str
) -> None:
    image, labels = (sitk.Image(part) for part in chest)
    for part in (image, labels):
        part.SetSpacing([mm * factor for mm in part.GetSpacing()])
    words = _words(_findings(image, labels))
    assert word in words
    assert "1000 to 10000 mL in an adult" in words


def test_labels_of_another_case_are_noticed(chest: tuple[sitk.Image, sitk.Image]) -> None:
    image, labels = chest
    shifted = np.roll(sitk.GetArrayFromImage(labels), 25, axis=2)
    words = _words(_findings(image, with_voxels(labels, shifted)))
    assert "of the labelled voxels outside the body" in words
    swapped = np.where(sitk.GetArrayFromImage(labels) == 4, 1, 0).astype(np.uint8)
    assert "HU in the middle of the lung mask; wanted -970 to -300 HU" in _words(
        _findings(image, with_voxels(labels, swapped))
    )


def test_empty_organs_and_lungs_in_pieces(chest: tuple[sitk.Image, sitk.Image]) -> None:
    image, labels = chest
    array = sitk.GetArrayFromImage(labels)
    array[array == 3] = 0
    array[18:20][array[18:20] == 2] = 0  # the left lung in an upper and a lower part
    findings = _findings(image, with_voxels(labels, array))
    words = _words(findings)
    assert "no voxel of heart" in words
    assert "left_lung in parts of" in words
    assert {finding.severity for finding in findings} == {"warning"}


def test_disease_may_be_absent_and_belongs_to_the_lung(chest: tuple[sitk.Image, sitk.Image]) -> None:
    image, labels = chest
    names = STRUCTURES | {"disease": 6, "tumour": 7}
    assert anatomy_findings(image, labels, names, dataset="D", case="C") == []
    array = sitk.GetArrayFromImage(labels)
    array[:20][array[:20] == 1] = 6
    findings, measured = inspect_case(image, with_voxels(labels, array), names, dataset="D", case="C")
    assert findings == []
    lungs = np.isin(sitk.GetArrayFromImage(labels), (1, 2)).sum()
    assert measured["lung_mask_ml"] == pytest.approx(lungs * 8 * 4.5 * 4.5 / 1000, abs=1)


def test_disease_that_touches_no_lung_is_doubted(chest: tuple[sitk.Image, sitk.Image]) -> None:
    image, labels = chest
    names = STRUCTURES | {"disease": 6}
    array = sitk.GetArrayFromImage(labels)
    lung = np.argwhere(array == 1)
    z, y, x = lung[len(lung) // 2]
    array[z, y, x] = 6  # in the lung
    assert anatomy_findings(image, with_voxels(labels, array), names, dataset="D", case="C") == []
    body = sitk.GetArrayFromImage(image) > -200
    far = body & ~ndimage.binary_dilation(np.isin(array, (1, 2)), iterations=4)
    z, y, x = np.argwhere(far & (array == 0))[len(np.argwhere(far & (array == 0))) // 2]
    array[z - 3 : z + 4, y - 3 : y + 4, x - 3 : x + 4] = 6
    (finding,) = anatomy_findings(image, with_voxels(labels, array), names, dataset="D", case="C")
    assert finding.severity == "warning"
    assert "mL of disease that touch no lung" in finding.found


@pytest.mark.parametrize("value", [255, 6])
def test_a_few_annotated_slices_are_asked_for_sides_and_fit_only(
    chest: tuple[sitk.Image, sitk.Image], value: int
) -> None:
    image, labels = chest
    array = sitk.GetArrayFromImage(labels)
    array[np.arange(len(array)) % 5 > 0] = value
    names = STRUCTURES | ({"ignore": 6} if value == 6 else {})
    sparse = with_voxels(labels, array)
    findings, measured = inspect_case(image, sparse, names, dataset="D", case="C")
    assert findings == []
    assert measured["annotated"] == "20%"
    mirrored = _words(anatomy_findings(image, flipped(sparse, "x"), names, dataset="D", case="C"))
    assert "structures named left" in mirrored
    assert "with left and right exchanged" in mirrored
    assert "with front and back exchanged" in _words(
        anatomy_findings(image, flipped(sparse, "y"), names, dataset="D", case="C")
    )


def test_another_grid_is_an_error_and_the_image_is_checked_all_the_same(
    chest: tuple[sitk.Image, sitk.Image],
) -> None:
    findings = _findings(flipped(chest[0], "y"), chest[1][:, :, 3:])
    assert [finding.severity for finding in findings] == ["error", "warning"]
    assert "a label map with size" in findings[0].found


def test_the_bowel_is_no_lung() -> None:
    hu = np.full((20, 40, 40), -1000, np.int16)
    hu[:, 5:35, 5:35] = 40
    hu[4:16, 10:20, 10:30] = -1000  # gas
    image = sitk.GetImageFromArray(hu)
    image.SetSpacing((6.0, 6.0, 6.0))
    assert coarse_ct(image).lung_ml == 0
    hu[4:16, 10:20, 10:30] = -860
    lung = sitk.GetImageFromArray(hu)
    lung.SetSpacing((6.0, 6.0, 6.0))
    assert coarse_ct(lung).lung_ml == pytest.approx(12 * 10 * 20 * 0.216, rel=0.05)


def _chest_64(shared_data: Path, ending: str) -> tuple[sitk.Image, sitk.Image]:
    image = sitk.ReadImage(str(shared_data / "chest_64" / f"ct-64{ending}.nrrd"))
    thirds = sitk.GetArrayFromImage(sitk.ReadImage(str(shared_data / "chest_64" / f"lm-64{ending}.nrrd"))) & 255
    sides = np.select([np.isin(thirds, (12, 13, 14)), np.isin(thirds, (9, 10, 11))], [1, 2], 0)
    return image, with_voxels(image, sides.astype(np.uint8))


@pytest.mark.parametrize("ending", ["", "-transformed"])
def test_a_real_chest_and_its_mirrored_copies(shared_data: Path, ending: str) -> None:
    image, labels = _chest_64(shared_data, ending)
    names = {"right_lung": 1, "left_lung": 2}
    assert _findings(image, labels, **names) == []
    for axes in FLIPS:
        assert len(_findings(flipped(image, axes))) == len(axes)
        assert "error" in {finding.severity for finding in _findings(image, flipped(labels, axes), **names)}


def test_a_real_chest_with_two_kernels_and_its_mirrored_copies(lung_dx_root: Path) -> None:
    series = sorted(path for path in lung_dx_root.glob("*/*/*") if path.is_dir())
    assert len(series) == 2
    for folder in series:
        image = read_dicom_series(folder, dataset="D", case="C").image
        assert _findings(image) == []
        for axes in ("x", "y", "z", "xyz"):
            assert len(_findings(flipped(image, axes))) == len(axes)


def test_limbs_and_abdomens_raise_no_false_alarm(shared_data: Path) -> None:
    image = sitk.ReadImage(str(shared_data / "totalsegmentator" / "example_ct.nii.gz"))
    findings, measured = inspect_case(image, None, {}, dataset="D", case="C")
    assert [finding.found for finding in findings] == ["lung cut at the top"]
    assert "exchanged" not in measured.values()


def _moved(labels: sitk.Image, shift: tuple[int, int, int]) -> sitk.Image:
    """Return labels moved by voxels (z, y, x), nothing coming in from the other end."""
    array = np.roll(np.pad(sitk.GetArrayFromImage(labels), 12), shift, (0, 1, 2))
    return with_voxels(labels, array[12:-12, 12:-12, 12:-12])


@pytest.mark.parametrize(
    ("shift", "where"),
    [
        ((0, 0, 2), "moved 8 mm to the right"),
        ((0, -3, 0), "moved 13 mm to the back"),
        ((2, 0, 0), "moved 8 mm down"),
        ((-3, 2, -1), "moved 12 mm up, 8 mm to the front, 4 mm to the left"),
    ],
)
def test_a_lung_mask_beside_the_lung_of_a_real_chest(
    shared_data: Path, shift: tuple[int, int, int], where: str
) -> None:
    image, labels = _chest_64(shared_data, "")
    (finding,) = _findings(image, _moved(labels, shift), right_lung=1, left_lung=2)
    assert finding.severity == "warning"
    assert finding.found.endswith(where)


def test_annotated_slices_beside_the_lung_are_moved_in_plane(chest: tuple[sitk.Image, sitk.Image]) -> None:
    image, labels = chest
    array = sitk.GetArrayFromImage(_moved(labels, (0, 0, 3)))
    array[np.arange(len(array)) % 5 > 0] = 255
    assert "moved 14 mm to the right" in _words(_findings(image, with_voxels(labels, array)))  # 3 voxels of 4.5 mm


def test_disease_is_no_shift_but_air_outside_the_mask_is_doubted(chest: tuple[sitk.Image, sitk.Image]) -> None:
    image, labels = chest
    hu, array = sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(labels)
    lung = np.isin(array, (1, 2))
    reached = np.cumsum(lung.sum(axis=(1, 2))) / lung.sum()
    lower = lung & (reached < 0.35)[:, None, None]
    assert _findings(with_voxels(image, np.where(lower, 30, hu).astype(np.int16)), labels) == []
    left_out = with_voxels(labels, np.where(lower, 0, array).astype(np.uint8))
    words = _words(_findings(image, left_out))
    assert "of the air-filled lung outside the lung mask; wanted at most 10%" in words
    only_right = with_voxels(labels, (array == 1).astype(np.uint8))
    assert _findings(image, only_right, right_lung=1) == []


@pytest.mark.parametrize("margin", [0, 1, 3])
def test_lung_at_the_sides_of_a_targeted_image_is_lung(shared_data: Path, margin: int) -> None:
    image, labels = _chest_64(shared_data, "")
    columns = np.flatnonzero(sitk.GetArrayFromImage(labels).any(axis=(0, 1)))
    part = slice(int(columns[0]) + margin, int(columns[-1]) + 1 - margin)
    names = {"right_lung": 1, "left_lung": 2}
    findings, measured = inspect_case(image[part], labels[part], names, dataset="D", case="C")
    assert ["of lung at the sides of the image" in finding.found for finding in findings] == [True]
    assert float(measured["air_filled_lung_ml"]) == pytest.approx(float(measured["lung_mask_ml"]), rel=0.05)
    assert {measured[name] for name in COLUMNS.values()} == {"not told"}


def test_a_real_image_cut_to_its_lungs(shared_data: Path) -> None:
    folder = shared_data / "mismatched_grids"
    image, mask = (sitk.ReadImage(str(folder / f"3DCT_lung_baseline_{name}.mha")) for name in ("small", "mask"))
    labels = sitk.Resample(mask, image, sitk.Transform(), sitk.sitkNearestNeighbor) > 0
    findings, measured = inspect_case(image, labels, {"lung": 1}, dataset="D", case="C")
    assert {finding.severity for finding in findings} <= {"warning"}
    assert float(measured["air_filled_lung_ml"]) == pytest.approx(float(measured["lung_mask_ml"]), rel=0.05)

import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from dataset_converters.annotations.dicom_planes import write_planes
from dataset_converters.datasets import hug_ild
from dataset_converters.errors import ConversionError
from dataset_converters.records import IGNORED, Case
from dataset_converters.registry import describe_dataset
from dataset_converters.sources.sample_volumes import sample_chest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    hug_ild.make_sample(tmp_path)
    return tmp_path


def lungs(root: Path, patient: str) -> Path:
    return root / "ILD_DB_lungMasks" / patient


def array(image: sitk.Image) -> np.ndarray:
    return sitk.GetArrayFromImage(image)


def labels_of(case: Case) -> np.ndarray:
    ((_, read),) = case.annotations.items()
    return array(read(case.images["CT"]().image))


def test_lungs_are_stacked_by_slice_number_whatever_the_series_number(root: Path) -> None:
    cases = hug_ild.list_cases(root)
    assert [(case.patient, case.case, list(case.annotations)) for case in cases] == [
        ("HUG_21", "HUG_21", ["lungs"]),
        ("HUG_3", "HUG_3", ["lungs"]),
    ]
    for case, seed in zip(cases, (21, 3), strict=True):
        assert np.array_equal(labels_of(case), array(sample_chest(seed).structures["lung"]))


def test_spacing_is_the_distance_of_slices_not_their_thickness(root: Path) -> None:
    ct = hug_ild.list_cases(root)[0].images["CT"]()
    assert ct.image.GetSpacing()[2] == pytest.approx(22.0)
    assert float(ct.facts["slice_thickness_mm"]) == 1.0


def test_numbers_are_compared_not_texts_and_positions_decide(root: Path) -> None:
    """Slices numbered from the head down: the masks follow their slices."""
    folder, count = lungs(root, "3"), len(list(lungs(root, "3").glob("CT-*.dcm")))
    for number in range(1, count + 1):
        (folder / f"CT-1234-{number:04d}.dcm").rename(folder / f"CT-9-{count + 1 - number:03d}.dcm")
        (folder / "lung_mask" / f"lung_mask_1235_{number}.dcm").rename(
            folder / "lung_mask" / f"lung_mask_7_{count + 1 - number}.dcm.new"
        )
    for file in (folder / "lung_mask").glob("*.new"):
        file.rename(file.with_suffix(""))
    assert np.array_equal(labels_of(hug_ild.list_cases(root)[1]), array(sample_chest(3).structures["lung"]))


def test_unmarked_lung_is_left_open_not_healthy(root: Path) -> None:
    info = describe_dataset(hug_ild, root, {"regions": "disease"})
    assert info.labels == {"background": 0, "lung": 1, "disease": 2}
    chest, case = sample_chest(21), hug_ild.list_cases(root, regions="disease")[0]
    labels = labels_of(case)
    marked = (array(chest.structures["disease"]) > 0) | (array(chest.structures["effusion"]) > 0)
    lung = array(chest.structures["lung"]) > 0
    assert (labels[marked] == 2).all()
    assert (labels[lung & ~marked] == IGNORED).all()
    assert (labels[~lung] == 0).all()
    assert list(case.annotations) == ["regions"]


def test_healthy_regions_are_lung_and_patterns_keep_their_numbers(root: Path) -> None:
    plane = np.zeros((20, 24), np.uint8)
    plane[10, 5], plane[10, 6], plane[10, 7] = 1, 2, 17
    write_planes(root / "ILD_DB_volumeROIs" / "3" / "roi_mask", {"roi_mask_1235_2.dcm": plane})
    disease = labels_of(hug_ild.list_cases(root, regions="disease")[1])
    assert disease[1, 10, 5:8].tolist() == [1, 2, 2]
    patterns = labels_of(hug_ild.list_cases(root, regions="patterns")[1])
    assert patterns[1, 10, 5:8].tolist() == [1, 2, 17]
    assert set(np.unique(patterns)) == {0, 1, 2, 3, 6, 17, IGNORED}
    labels = describe_dataset(hug_ild, root, {"regions": "patterns"}).labels
    assert (labels["healthy"], labels["ground_glass"], labels["pcp"], len(labels)) == (1, 3, 17, 18)


def test_patients_without_regions_are_no_cases_then(root: Path) -> None:
    shutil.rmtree(root / "ILD_DB_volumeROIs" / "3")
    assert [case.case for case in hug_ild.list_cases(root, regions="disease")] == ["HUG_21"]
    assert len(hug_ild.list_cases(root)) == 2
    shutil.rmtree(root / "ILD_DB_volumeROIs")
    with pytest.raises(ConversionError, match=r"wanted ILD_DB_lungMasks.*and ILD_DB_volumeROIs"):
        hug_ild.list_cases(root, regions="patterns")


def test_slices_without_mask_and_masks_without_slice_are_counted(root: Path) -> None:
    (lungs(root, "3") / "lung_mask" / "lung_mask_1235_4.dcm").unlink()
    (lungs(root, "21") / "CT-0077-0012.dcm").unlink()
    with pytest.raises(ExceptionGroup) as caught:
        hug_ild.list_cases(root)
    assert [str(fault).split(";")[0] for fault in caught.value.exceptions] == [
        "hug_ild: HUG_21: found 1 lung masks without slice (of 11 slices)",
        "hug_ild: HUG_3: found 1 slices without lung mask (of 12 slices)",
    ]


@pytest.mark.parametrize(
    ("regions", "folder", "name", "value", "found"),
    [
        ("none", "ILD_DB_lungMasks", "lung_mask/lung_mask_1235_3.dcm", 255, r"lung masks with 2 values.*wanted one"),
        ("disease", "ILD_DB_volumeROIs", "roi_mask/roi_mask_1235_3.dcm", 18, r"region values 0 to 18; wanted 0 to 17"),
    ],
)
def test_unknown_values_are_refused(root: Path, regions: str, folder: str, name: str, value: int, found: str) -> None:
    file = root / folder / "3" / name
    write_planes(file.parent, {file.name: np.full((20, 24), value, np.uint8)})
    with pytest.raises(ConversionError, match=f"hug_ild: HUG_3: found {found}"):
        labels_of(hug_ild.list_cases(root, regions=regions)[1])


def test_a_lung_mask_of_255_is_a_lung_mask(root: Path) -> None:
    drawn = array(sample_chest(3).structures["lung"]) * 255
    planes = {f"lung_mask_1235_{z + 1}.dcm": plane for z, plane in enumerate(drawn)}
    write_planes(lungs(root, "3") / "lung_mask", planes)
    assert np.array_equal(labels_of(hug_ild.list_cases(root)[1]) * 255, drawn)


def test_a_mask_of_another_size_is_refused(root: Path) -> None:
    write_planes(lungs(root, "3") / "lung_mask", {"lung_mask_1235_3.dcm": np.ones((20, 25), np.uint8)})
    with pytest.raises(ConversionError, match=r"HUG_3: found .*\(20, 25\) pixels; wanted \(20, 24\)"):
        labels_of(hug_ild.list_cases(root)[1])


def test_visits_and_the_pilot_folder_are_cases_of_their_patients(root: Path) -> None:
    (lungs(root, "3")).rename(root / "ILD_DB_lungMasks" / "visit2")
    (root / "ILD_DB_lungMasks" / "5").mkdir()
    (root / "ILD_DB_lungMasks" / "visit2").rename(lungs(root, "5") / "visit2")
    (root / "ILD_DB_lungMasks" / "HRCT_pilot").mkdir()
    lungs(root, "21").rename(lungs(root, "HRCT_pilot") / "184")
    assert [(case.patient, case.case) for case in hug_ild.list_cases(root)] == [
        ("HUG_5", "HUG_5_visit2"),
        ("HUG_HRCT_pilot_184", "HUG_HRCT_pilot_184"),
    ]


def test_two_series_in_a_folder_and_foreign_names_are_refused(root: Path) -> None:
    shutil.copy(lungs(root, "3") / "CT-1234-0001.dcm", lungs(root, "3") / "CT-1299-0001.dcm")
    with pytest.raises(ConversionError, match="HUG_3: found slice 1 twice in ILD_DB_lungMasks"):
        hug_ild.list_cases(root)
    lungs(root, "3").rename(lungs(root, "Doe, Jane"))
    with pytest.raises(ConversionError, match="a patient's folder with other characters") as caught:
        hug_ild.list_cases(root)
    assert "Doe" not in str(caught.value)
    with pytest.raises(ConversionError, match="option regions with another value; wanted none or disease or patterns"):
        hug_ild.describe(root, regions="all")


def write_text_regions(root: Path, patient: str, *contours: tuple[str, int, list[tuple[float, float]]]) -> Path:
    lines = []
    for label, number, points in contours:
        lines += [f"label: {label}", f"slice_number: {number}", f"nb_points_on_contour: {len(points)}"]
        lines += [f"{x} {y}" for x, y in points]
    file = root / "ILD_DB_txtROIs" / patient / "CT-INSPIRIUM-1234.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n")
    return file


def test_text_regions_are_millimetres_on_the_slice_of_their_number(root: Path) -> None:
    """A box of 2 x 2 pixels on each of two slices, drawn in mm; unmarked lung stays open."""
    step_x, step_y, _ = hug_ild.list_cases(root)[1].images["CT"]().image.GetSpacing()

    def box(left: int, top: int) -> list[tuple[float, float]]:
        corners = ((left - 0.4, top - 0.4), (left + 1.4, top - 0.4), (left + 1.4, top + 1.4), (left - 0.4, top + 1.4))
        return [(x * step_x, y * step_y) for x, y in corners]

    write_text_regions(root, "3", ("fibrosis", 2, box(6, 9)), ("Healthy", 4, box(3, 5)), ("cysts", 4, box(4, 5)))
    options = {"regions": "patterns", "regions_from": "text"}
    (case,) = hug_ild.list_cases(root, **options)
    assert case.case == "HUG_3"
    assert describe_dataset(hug_ild, root, options).labels["fibrosis"] == 4
    lung = array(sample_chest(3).structures["lung"]) > 0
    wanted = np.where(lung, IGNORED, 0)
    wanted[1, 9:11, 6:8] = 4
    wanted[3, 5:7, 3], wanted[3, 5:7, 4], wanted[3, 5:7, 5] = 1, IGNORED, 10
    assert np.array_equal(labels_of(case), wanted)


@pytest.mark.parametrize(
    ("label", "number", "found"), [("fibrosis", 99, "a contour on slice 99"), ("lung cancer", 2, "labels")]
)
def test_text_regions_that_do_not_fit_are_refused(root: Path, label: str, number: int, found: str) -> None:
    file = write_text_regions(root, "3", (label, number, [(10.0, 10.0), (60.0, 10.0), (60.0, 60.0)]))
    (case,) = hug_ild.list_cases(root, regions="disease", regions_from="text")
    with pytest.raises(ConversionError, match=f"hug_ild: HUG_3: found .*{found}"):
        labels_of(case)
    shutil.copy(file, file.with_name("CT-2.txt"))
    with pytest.raises(ConversionError, match="found 2 text files; wanted one"):
        labels_of(hug_ild.list_cases(root, regions="disease", regions_from="text")[0])

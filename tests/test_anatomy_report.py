"""The anatomy report: every case in table, page and contact sheet, right way up, the same bytes every time."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from drawn_chest import STRUCTURES, draw_chest, flipped

import dataset_converters.anatomy.report as anatomy_report
from dataset_converters.__main__ import main
from dataset_converters.anatomy.contact_sheet import VIEW_PIXELS, case_tile, colour_of, write_sheet
from dataset_converters.anatomy.report import Written, write_report
from dataset_converters.volumes.nifti import write_nifti


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a dataset of a good case, a mirrored one, a linked one, and one that is cut short."""
    run = tmp_path_factory.mktemp("run")
    folder = run / "nnUNet_raw" / "Dataset001_drawn"
    image, labels = draw_chest()
    cases = {"good": (image, labels), "mirrored": (flipped(image, "x"), flipped(labels, "x")), "short": (image, labels)}
    listing = {}
    for case, (hu, marked) in cases.items():
        write_nifti(folder / "imagesTr" / f"{case}_0000.nii.gz", hu)
        write_nifti(folder / "labelsTr" / f"{case}.nii.gz", marked)
        listing[case] = {"images": [f"imagesTr/{case}_0000.nii.gz"], "label": f"labelsTr/{case}.nii.gz"}
    write_nifti(run / "elsewhere" / "linked.nii.gz", image)
    listing["linked <b>"] = {"images": ["../../elsewhere/linked.nii.gz"], "label": "labelsTr/good.nii.gz"}
    cut = folder / "imagesTr" / "short_0000.nii.gz"
    cut.write_bytes(cut.read_bytes()[:-2000])
    content = {"channel_names": {"0": "CT"}, "labels": STRUCTURES, "numTraining": 4, "file_ending": ".nii.gz"}
    (folder / "dataset.json").write_text(json.dumps(content | {"dataset": listing}))
    return folder


@pytest.fixture(scope="module")
def report(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of its report."""
    out = tmp_path_factory.mktemp("report") / "new"
    assert write_report(dataset, None, out) == Written(out / "index.html", errors=2, warnings=0)
    return out


def _rows(report: Path) -> list[dict[str, str]]:
    with open(report / "cases.csv", newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_every_case_has_a_row_worst_first(report: Path) -> None:
    rows = _rows(report)
    assert [(row["case"], row["severity"]) for row in rows] == [
        ("mirrored", "error"),
        ("short", "error"),
        ("good", "fine"),
        ("linked <b>", "fine"),
    ]
    assert "structures named left" in rows[0]["findings"]
    assert "gzip" in rows[1]["findings"]
    assert rows[1]["sheet"] == ""
    assert rows[2]["left_and_right"] == "as the header says"
    assert float(rows[2]["liver_ml"]) > 0


def test_the_page_shows_each_case_and_sheet_and_no_markup_of_strangers(report: Path) -> None:
    page = (report / "index.html").read_text(encoding="utf-8")
    assert "<b>4 images</b>: 2 with errors, 0 with warnings, 2 without findings" in page
    assert "linked &lt;b&gt;" in page
    assert "linked <b>" not in page
    assert page.index("mirrored") < page.index("good")
    assert page.count("<img ") == 1
    assert "src='sheet_001.png'" in page
    assert "http" not in page  # nothing is fetched


def test_the_same_dataset_gives_the_same_bytes_and_no_machine_path(dataset: Path, report: Path, tmp_path: Path) -> None:
    write_report(dataset, None, tmp_path)
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == sorted(path.name for path in report.iterdir()) == ["cases.csv", "index.html", "sheet_001.png"]
    for name in written:
        assert (tmp_path / name).read_bytes() == (report / name).read_bytes()
        assert str(dataset.parent.parent).encode() not in (report / name).read_bytes()


def test_sheets_follow_the_order_of_cases(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anatomy_report, "TILES_A_PAGE", 1)
    write_report(dataset, None, tmp_path)
    sheets = {row["case"]: row["sheet"] for row in _rows(tmp_path)}
    assert sorted(path.name for path in tmp_path.glob("*.png")) == sorted(filter(None, sheets.values()))
    assert len({*filter(None, sheets.values())}) == 3


def test_images_that_are_not_trained_on_come_from_cases_json(dataset: Path, tmp_path: Path) -> None:
    run = dataset.parents[1]
    image, labels = draw_chest()
    for folder in ("imagesTr", "imagesTs"):
        write_nifti(run / "nnUNet_raw" / "Dataset001_drawn" / folder / "T1-LK_0000.nii.gz", image)
    annotations = run / "annotations" / "Dataset001_drawn"
    write_nifti(annotations / "T1-reader1.nii.gz", labels)

    def variant(path: str) -> dict[str, object]:
        return {"LK": {"image": f"nnUNet_raw/Dataset001_drawn/{path}"}}

    reader = {"annotation": "annotations/Dataset001_drawn/T1-reader1.nii.gz", "annotated_slices": [10, 20, 30]}
    cases = [
        {"case": "good", "variants": variant("imagesTr/good_0000.nii.gz"), "readers": {"reader1": reader}},
        {"case": "T1", "variants": variant("imagesTs/T1-LK_0000.nii.gz"), "readers": {"reader1": reader}},
        {"case": "T2", "variants": variant("imagesTr/T1-LK_0000.nii.gz"), "readers": {}},
        {"case": "T3", "variants": variant("../../../outside.nii.gz"), "readers": {}},
    ]
    (annotations / "cases.json").write_text(json.dumps({"cases": cases}))
    write_report(dataset, annotations, tmp_path)
    rows = {row["case"]: row for row in _rows(tmp_path)}
    assert set(rows) == {"good", "mirrored", "short", "linked <b>", "T1-LK", "T2-LK"}
    assert rows["T1-LK"]["annotated"] == "8%"  # 3 of 40 slices
    assert rows["T1-LK"]["severity"] == "fine"
    assert rows["T2-LK"]["annotated"] == ""


def _corner_image() -> sitk.Image:
    """Return air of 20 x 30 x 10 voxels of 2 x 1 x 4 mm, bright in the right, front, upper eighth."""
    hu = np.full((10, 30, 20), -1350, np.int16)
    hu[5:, :15, :10] = 150
    image = sitk.GetImageFromArray(hu)
    image.SetSpacing((2.0, 1.0, 4.0))
    return image


@pytest.mark.parametrize("axes", ["LPS", "RAS", "SPL", "IAR"])
def test_right_is_left_on_the_sheet_and_front_and_head_are_up(axes: str) -> None:
    image = sitk.DICOMOrient(_corner_image(), axes)
    labels = sitk.Cast(image > 0, sitk.sitkUInt8)
    plain = case_tile(image, None, case="C", severity="", findings=0, in_lung_window=True).picture
    tile = case_tile(image, labels, case="C", severity="", findings=0, in_lung_window=True)
    assert plain.shape == tile.picture.shape == (VIEW_PIXELS, 3 * VIEW_PIXELS, 3)
    # 40 x 30 x 40 mm at 0.2 mm a pixel: axial 150 rows x 200 columns, coronal 200 x 200, sagittal 200 x 150
    axial, coronal, sagittal = (tile.picture[:, i * VIEW_PIXELS : (i + 1) * VIEW_PIXELS].max(axis=2) for i in range(3))
    assert axial[25:175].any()
    assert not axial[:25].any()
    for view, (rows, columns) in ((axial, (30, 20)), (coronal, (20, 20)), (sagittal, (20, 40))):
        assert view[rows + 20, columns + 20] == 255
        assert view[-rows - 20, columns + 20] == 0
        assert view[rows + 20, -columns - 20] == 0
    red, green, blue = (int(colour_of(1)[place : place + 2], 16) for place in (1, 3, 5))
    outline = (tile.picture == (red, green, blue)).all(axis=2)
    assert outline.any()
    assert not (plain == (red, green, blue)).all(axis=2).any()


def test_open_voxels_are_not_outlined() -> None:
    image = _corner_image()
    labels = sitk.Cast(image > 0, sitk.sitkUInt8) * 5
    shown = case_tile(image, labels, case="C", severity="", findings=0, in_lung_window=True, hidden=(5,))
    plain = case_tile(image, None, case="C", severity="", findings=0, in_lung_window=True)
    assert np.array_equal(shown.picture, plain.picture)


def test_a_page_of_many_tiles_and_labels(tmp_path: Path) -> None:
    tile = case_tile(_corner_image(), None, case="C", severity="error", findings=1, in_lung_window=False)
    assert tile.window == "soft-tissue window"
    write_sheet(tmp_path / "page.png", [tile] * 5, {f"s{value}": value for value in range(13)}, title="T")
    page = sitk.ReadImage(str(tmp_path / "page.png"))
    assert page.GetWidth() > 4 * 3 * VIEW_PIXELS
    assert page.GetHeight() > 2 * VIEW_PIXELS


def test_errors_of_the_report_decide_the_return_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image, labels = draw_chest()
    folder = tmp_path / "Dataset001_drawn"
    for case, hu in (("good", image), ("odd", image + 1100), ("up", flipped(image, "z"))):
        write_nifti(folder / "imagesTr" / f"{case}_0000.nii.gz", hu)
        write_nifti(folder / "labelsTr" / f"{case}.nii.gz", labels if case != "up" else flipped(labels, "z"))
    content = {"channel_names": {"0": "CT"}, "labels": STRUCTURES, "numTraining": 3, "file_ending": ".nii.gz"}
    (folder / "dataset.json").write_text(json.dumps(content))
    assert main(["check", str(folder)]) == 0
    (warning,) = capsys.readouterr().out.splitlines()
    assert main(["check", str(folder), "--report", str(tmp_path / "report")]) == 1
    assert "anatomy: 2 images with errors, 0 with warnings\n" in capsys.readouterr().err
    wanted = "HU: air below -500 and tissue above 200"
    assert wanted in warning
    assert wanted in {row["case"]: row["findings"] for row in _rows(tmp_path / "report")}["odd"]


@pytest.mark.parametrize(
    ("measured", "is_lung"),
    [
        ({"air_filled_lung_ml": 107, "liver_ml": 900.0}, False),
        ({"air_filled_lung_ml": 107}, False),
        ({"air_filled_lung_ml": 501}, True),
        ({"air_filled_lung_ml": 0, "lung_ml": 3368.0}, True),
        ({"air_filled_lung_ml": 0, "disease_ml": 12.0}, True),
        ({"air_filled_lung_ml": 0, "lung_ml": 0.0, "vessels_ml": 5.0}, False),
    ],
)
def test_the_lung_window_is_for_labelled_or_large_lungs(measured: dict[str, float | str], *, is_lung: bool) -> None:
    names = {"background": 0, "lung": 1, "disease": 2, "vessels": 3, "liver": 4}
    assert anatomy_report.is_drawn_for_lung(measured, names) == is_lung

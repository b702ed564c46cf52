import logging
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from matplotlib.path import Path as MatplotlibPath

from dataset_converters.annotations.polygon_fill import fill_even_odd
from dataset_converters.annotations.rtstruct import list_rois, rasterise_rtstruct
from dataset_converters.annotations.structure_set import read_structures
from dataset_converters.dicom.sample import write_contours, write_ct_series, write_rtstruct
from dataset_converters.errors import ConversionError

FRAME = "1.2.826.0.1.3680043.8.498.1"
WHERE = {"dataset": "demo", "case": "C1"}


def _square(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], dtype=float)


def _oblique() -> tuple[float, ...]:
    a, b = np.radians(25), np.radians(15)
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    tip = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return tuple((turn @ tip).ravel())


GRIDS = {
    "axial": (1.0, 0, 0, 0, 1, 0, 0, 0, 1),
    "oblique": _oblique(),
    "upside down": (1.0, 0, 0, 0, -1, 0, 0, 0, -1),
}


def _grid(direction=GRIDS["axial"]) -> sitk.Image:
    grid = sitk.Image(8, 7, 4, sitk.sitkInt16)  # x, y, z
    grid.SetSpacing((0.5, 1.25, 3.0))
    grid.SetOrigin((-40.0, 12.5, 300.0))
    grid.SetDirection(direction)
    return grid


def _to_mm(polygon_xy: np.ndarray, z: float, grid: sitk.Image) -> np.ndarray:
    return np.array([grid.TransformContinuousIndexToPhysicalPoint((x, y, z)) for x, y in polygon_xy.tolist()])


def _rasterise(tmp_path: Path, grid: sitk.Image, *polygons: tuple[np.ndarray, float]) -> np.ndarray:
    contours = [_to_mm(polygon, z, grid) for polygon, z in polygons]
    write_contours(tmp_path / "rs.dcm", {"other": [], "lesion": contours}, frame_of_reference=FRAME)
    mask = rasterise_rtstruct(tmp_path / "rs.dcm", "lesion", grid, frame_of_reference=FRAME, **WHERE)
    assert mask.GetPixelID() == sitk.sitkUInt8
    assert (mask.GetOrigin(), mask.GetSpacing(), mask.GetDirection()) == (
        grid.GetOrigin(),
        grid.GetSpacing(),
        grid.GetDirection(),
    )
    return sitk.GetArrayFromImage(mask)


@pytest.mark.parametrize("name", GRIDS)
def test_square_with_hole_and_island_by_hand(tmp_path, name: str) -> None:
    outer, hole, core = _square(0.6, 0.6, 6.4, 5.4), _square(1.5, 1.5, 5.5, 4.5), _square(2.6, 2.6, 3.4, 3.4)
    island = _square(6.6, 5.6, 7.4, 6.4)
    mask = _rasterise(tmp_path, _grid(GRIDS[name]), (hole, 2), (outer, 2), (core, 2), (island, 2), (outer, 0))
    assert mask[2].tolist() == [
        [0, 0, 0, 0, 0, 0, 0, 0],
        [0, 1, 1, 1, 1, 1, 1, 0],
        [0, 1, 0, 0, 0, 0, 1, 0],
        [0, 1, 0, 1, 0, 0, 1, 0],
        [0, 1, 0, 0, 0, 0, 1, 0],
        [0, 1, 1, 1, 1, 1, 1, 0],
        [0, 0, 0, 0, 0, 0, 0, 1],
    ]
    assert mask[0].sum() == 30
    assert mask[1].sum() == mask[3].sum() == 0


@pytest.mark.parametrize("name", GRIDS)
def test_contour_through_pixel_centres_takes_left_and_top_not_right_and_bottom(tmp_path, name: str) -> None:
    mask = _rasterise(tmp_path, _grid(GRIDS[name]), (_square(1, 2, 4, 5), 1))
    expected = np.zeros((7, 8), int)
    expected[2:5, 1:4] = 1
    assert mask[1].tolist() == expected.tolist()


def test_contours_a_little_off_the_slice_are_snapped(tmp_path) -> None:
    assert _rasterise(tmp_path, _grid(), (_square(1.5, 1.5, 3.5, 3.5), 2.19))[2].sum() == 4


def test_keyhole_bridge_cancels_out(tmp_path) -> None:
    outer, hole = _square(0.5, 0.5, 6.5, 5.5), _square(2.5, 2.5, 4.5, 4.5)[::-1]
    keyhole = np.concatenate([outer, outer[:1], np.roll(hole, 1, axis=0), np.roll(hole, 1, axis=0)[:1]])
    expected = fill_even_odd([outer, hole], (7, 8))
    np.testing.assert_array_equal(_rasterise(tmp_path, _grid(), (keyhole, 1))[1], expected)
    assert expected.sum() == 30 - 4


def test_sub_pixel_loops_and_repeated_contours_are_counted_not_refused(tmp_path, caplog) -> None:
    square, tiny = _square(1.5, 1.5, 3.5, 3.5), _square(5.2, 5.2, 5.3, 5.3)
    with caplog.at_level(logging.WARNING):
        mask = _rasterise(tmp_path, _grid(), (square, 1), (tiny, 1), (square, 1), (np.array([[1.0, 1.0]]), 1))
    assert mask.sum() == 4
    assert "1 loops smaller than a pixel" in caplog.text
    assert "2 points or repeated contours" in caplog.text


def test_written_mask_comes_back(tmp_path) -> None:
    array = (np.random.default_rng(3).random((4, 7, 8)) < 0.4).astype(np.uint8)
    for direction in GRIDS.values():
        mask = sitk.GetImageFromArray(array)
        mask.CopyInformation(_grid(direction))
        write_rtstruct(tmp_path / "rs.dcm", {"lesion": mask}, frame_of_reference=FRAME)
        read = rasterise_rtstruct(tmp_path / "rs.dcm", "lesion", _grid(direction), **WHERE)
        np.testing.assert_array_equal(sitk.GetArrayFromImage(read), array)


def _edit(path: Path, change) -> None:
    file = pydicom.dcmread(path)
    change(file)
    file.save_as(path)


def _contour(file: pydicom.Dataset) -> pydicom.Dataset:
    return file.ROIContourSequence[0].ContourSequence[0]


FAULTS = {
    "ROI missing": (
        lambda f: setattr(f.StructureSetROISequence[0], "ROIName", "GTV"),
        "no ROI lesion among GTV, heart",
    ),
    "ROI twice": (lambda f: setattr(f.StructureSetROISequence[1], "ROIName", "lesion "), "2 ROIs named lesion"),
    "no ROIs": (lambda f: delattr(f, "StructureSetROISequence"), "no ROI lesion among none"),
    "no ContourSequence": (lambda f: delattr(f.ROIContourSequence[0], "ContourSequence"), "without closed contours"),
    "no ROIContourSequence": (lambda f: delattr(f, "ROIContourSequence"), "without closed contours"),
    "empty ROI": (lambda f: setattr(f.ROIContourSequence[0], "ContourSequence", []), "without closed contours"),
    "open contour": (lambda f: setattr(_contour(f), "ContourGeometricType", "OPEN_PLANAR"), "of type OPEN_PLANAR"),
    "odd coordinates": (lambda f: setattr(_contour(f), "ContourData", ["1"] * 10), "with 10 coordinates"),
    "no numbers": (lambda f: setattr(_contour(f), "ContourData", ["nan"] * 9), "a contour of ROI lesion"),
    "frame": (
        lambda f: setattr(f.StructureSetROISequence[0], "ReferencedFrameOfReferenceUID", "1.2.3.987654"),
        "in another frame of reference than the CT; wanted the frame of reference of the CT",
    ),
    "modality": (lambda f: setattr(f, "Modality", "CT"), "of modality CT; wanted modality RTSTRUCT"),
}


@pytest.mark.filterwarnings("ignore:Invalid value for VR DS")
@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_named_with_found_and_wanted(tmp_path, fault: str) -> None:
    change, message = FAULTS[fault]
    contour = _to_mm(_square(1.5, 1.5, 3.5, 3.5), 1, _grid())
    write_contours(tmp_path / "rs.dcm", {"lesion": [contour], "heart": [contour]}, frame_of_reference=FRAME)
    _edit(tmp_path / "rs.dcm", change)
    with pytest.raises(ConversionError, match=r"^demo: C1: found .*; wanted .*; ") as caught:
        rasterise_rtstruct(tmp_path / "rs.dcm", "lesion", _grid(), frame_of_reference=FRAME, **WHERE)
    assert caught.match(message)


@pytest.mark.parametrize(
    ("polygon", "z", "message"),
    [
        (_square(1, 1, 3, 3), 1.3, r"0\.9 mm off the nearest slice \(1\); wanted .*within 0\.6 mm"),
        (_square(1, 1, 9, 3), 1, "2 voxels outside the grid"),
        (_square(-2, 1, 3, 3), 1, "2 voxels outside the grid"),
        (_square(1, 1, 3, 3), 4, "1 voxels outside the grid"),
        (_square(1.2, 1.2, 1.8, 1.8), 1, "without any voxel centre inside"),
    ],
)
def test_contours_that_do_not_fit_the_grid_are_refused(tmp_path, polygon, z: float, message: str) -> None:
    with pytest.raises(ConversionError, match=message):
        _rasterise(tmp_path, _grid(), (polygon, z))


def test_truncated_file_and_unknown_frame(tmp_path) -> None:
    contour = _to_mm(_square(1.5, 1.5, 3.5, 3.5), 1, _grid())
    write_contours(tmp_path / "rs.dcm", {"lesion": [contour]}, frame_of_reference=FRAME)
    assert rasterise_rtstruct(tmp_path / "rs.dcm", "lesion", _grid(), **WHERE).GetSize() == (8, 7, 4)
    (tmp_path / "cut.dcm").write_bytes((tmp_path / "rs.dcm").read_bytes()[:90])
    with pytest.raises(ConversionError, match=r"a \.dcm file that cannot be read"):
        rasterise_rtstruct(tmp_path / "cut.dcm", "lesion", _grid(), **WHERE)


coordinates = st.floats(-3, 15, allow_nan=False).map(lambda v: round(v, 3) + 0.0004)
polygons = st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=9)


@settings(max_examples=150, deadline=None)
@given(polygons)
def test_fill_equals_an_independent_point_in_polygon(points) -> None:
    polygon = np.array(points)
    columns, rows = np.meshgrid(np.arange(12), np.arange(10))
    centres = np.column_stack([columns.ravel(), rows.ravel()])
    ends = np.roll(polygon, -1, axis=0)
    inside = np.zeros(len(centres), int)  # winding parity by summed signs, one edge at a time
    for (x0, y0), (x1, y1) in zip(polygon, ends, strict=True):
        spans = (y0 > centres[:, 1]) != (y1 > centres[:, 1])
        with np.errstate(divide="ignore", invalid="ignore"):
            cut = x0 + (centres[:, 1] - y0) / (y1 - y0) * (x1 - x0)
        assume(not np.any(spans & (np.abs(cut - centres[:, 0]) < 1e-5)))
        inside += spans & (centres[:, 0] > cut)
    np.testing.assert_array_equal(fill_even_odd([polygon], (10, 12)), (inside % 2 == 1).reshape(10, 12))


@pytest.mark.parametrize("points", [40, 9000])
def test_fill_equals_matplotlib_on_a_star_shape(points: int) -> None:
    angles = np.linspace(0, 2 * np.pi, points + 1)[:-1]
    radii = 12 + 6 * np.sin(5 * angles + 0.1)
    polygon = np.column_stack([20.13 + radii * np.cos(angles), 19.71 + radii * np.sin(angles)])
    columns, rows = np.meshgrid(np.arange(42), np.arange(40))
    inside = MatplotlibPath(polygon).contains_points(np.column_stack([columns.ravel(), rows.ravel()]))
    np.testing.assert_array_equal(fill_even_odd([polygon], (40, 42)), inside.reshape(40, 42))


lattice = st.integers(0, 12)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(lattice, lattice), min_size=3, max_size=7), lattice, lattice, st.integers(-3, 3))
def test_laws_of_the_fill(points, cut_x, cut_y, shift) -> None:
    polygon = np.array(points, float)
    filled = fill_even_odd([polygon], (13, 13))
    np.testing.assert_array_equal(fill_even_odd([polygon[::-1]], (13, 13)), filled)
    assert not fill_even_odd([polygon, polygon], (13, 13)).any()
    left, right = _square(-1, -1, cut_x, 14), _square(cut_x, -1, 14, 14)
    assert fill_even_odd([left, right], (13, 13)).all()  # shared edge: each centre in exactly one part
    assert (fill_even_odd([left], (13, 13)) ^ fill_even_odd([right], (13, 13))).all()
    moved = fill_even_odd([polygon + np.array([shift, cut_y])], (40, 40))
    beside = fill_even_odd([polygon + np.array([shift + 5, cut_y])], (40, 40))
    np.testing.assert_array_equal(moved[:, 3:20], beside[:, 8:25])


def test_ct_and_contours_written_as_dicom_share_the_frame(tmp_path) -> None:
    series = write_ct_series(tmp_path / "ct", _grid(), kernel="SOFT", manufacturer="GE")
    assert pydicom.dcmread(series.files[0]).FrameOfReferenceUID == series.frame_of_reference


def _lungs(path: Path) -> Path:
    left, right = (_to_mm(_square(x, 1.5, x + 2, 3.5), 1, _grid()) for x in (4.5, 0.5))
    write_contours(path, {"Lung L": [left], "Heart": [], "Right Lung": [right]}, frame_of_reference=FRAME)
    return path


def test_roi_under_other_names_and_one_reading_for_several(tmp_path: Path) -> None:
    structures = read_structures(_lungs(tmp_path / "rs.dcm"), **WHERE)
    assert (
        list_rois(structures, **WHERE) == list_rois(tmp_path / "rs.dcm", **WHERE) == ("Lung L", "Heart", "Right Lung")
    )
    with pytest.raises(
        ConversionError, match="no ROI Lung_L among Lung L, Heart, Right Lung; wanted 1 ROI named Lung_L"
    ):
        rasterise_rtstruct(structures, "Lung_L", _grid(), **WHERE)
    (tmp_path / "rs.dcm").unlink()
    for names, columns in ((("Lung_L", "Left Lung"), [5, 6]), (("Lung_R", "R Lung"), [1, 2])):
        mask = rasterise_rtstruct(structures, names[0], _grid(), names=names[1:], **WHERE)
        assert np.flatnonzero(sitk.GetArrayFromImage(mask).any(axis=(0, 1))).tolist() == columns
    both = rasterise_rtstruct(structures, "Lung L", _grid(), names=("Right Lung",), **WHERE)  # its own name goes first
    assert np.flatnonzero(sitk.GetArrayFromImage(both).any(axis=(0, 1))).tolist() == [5, 6]
    with pytest.raises(ConversionError, match=r"no ROI Lung among .*; wanted 1 ROI named Lung or Lungs;"):
        rasterise_rtstruct(structures, "Lung", _grid(), names=("Lungs",), **WHERE)


def test_ambiguous_names_are_refused(tmp_path: Path) -> None:
    square = [_to_mm(_square(1.5, 1.5, 3.5, 3.5), 1, _grid())]
    write_contours(tmp_path / "rs.dcm", {"Lung L": square, "left lung": square}, frame_of_reference=FRAME)
    with pytest.raises(ConversionError, match="ROIs 2 that mean Lung_L, Lung Left: Lung L, left lung among"):
        rasterise_rtstruct(tmp_path / "rs.dcm", "Lung_L", _grid(), names=("Lung Left",), **WHERE)


def test_empty_roi_is_zero_only_when_asked(tmp_path: Path) -> None:
    path = _lungs(tmp_path / "rs.dcm")
    with pytest.raises(ConversionError, match="ROI Heart without closed contours"):
        rasterise_rtstruct(path, "Heart", _grid(), **WHERE)
    mask = rasterise_rtstruct(path, "Heart", _grid(), empty="zeros", **WHERE)
    assert (mask.GetSize(), sitk.GetArrayFromImage(mask).any()) == ((8, 7, 4), False)
    with pytest.raises(ConversionError, match="no ROI Aorta"):
        rasterise_rtstruct(path, "Aorta", _grid(), empty="zeros", **WHERE)


def test_names_of_persons_in_the_file_are_not_repeated(tmp_path: Path) -> None:
    square = [_to_mm(_square(1.5, 1.5, 3.5, 3.5), 1, _grid())]
    write_contours(tmp_path / "Miller.dcm", {"Miller GTV": square, "GTV": square}, frame_of_reference=FRAME)
    with pytest.raises(ConversionError, match="no ROI Heart among GTV, 1 with other words") as caught:
        rasterise_rtstruct(tmp_path / "Miller.dcm", "Heart", _grid(), **WHERE)
    _edit(tmp_path / "Miller.dcm", lambda f: setattr(_contour(f), "ContourGeometricType", "MILLER"))
    with pytest.raises(ConversionError, match="of type unknown") as other:
        rasterise_rtstruct(tmp_path / "Miller.dcm", "Miller GTV", _grid(), **WHERE)
    assert "iller" not in str(caught.value)
    assert "MILLER" not in str(other.value)


@pytest.mark.filterwarnings("ignore:Value exceeds the maximum length:UserWarning")
@pytest.mark.parametrize("value", ["1e308", "-1e308", "1e30"])
def test_absurd_coordinates_are_refused(tmp_path: Path, value: str) -> None:
    write_contours(tmp_path / "rs.dcm", {"lesion": [_square(1, 1, 3, 3)[:, [0, 1, 1]]]}, frame_of_reference=FRAME)
    _edit(tmp_path / "rs.dcm", lambda f: setattr(_contour(f), "ContourData", [value] * 9))
    with pytest.raises(ConversionError, match="a contour of ROI lesion"):
        rasterise_rtstruct(tmp_path / "rs.dcm", "lesion", _grid(), **WHERE)


@settings(max_examples=150, deadline=None)
@given(position=st.integers(128, 1600), content=st.binary(min_size=1, max_size=4), cut=st.integers(0, 900))
def test_damaged_file_is_read_or_refused(tmp_path_factory, position: int, content: bytes, cut: int) -> None:
    folder = tmp_path_factory.getbasetemp()
    path = folder / "whole.dcm"
    if not path.exists():
        _lungs(path)
    whole = path.read_bytes()
    position %= len(whole)
    damaged = whole[:position] + content + whole[position + len(content) :]
    (folder / "damaged.dcm").write_bytes(damaged[: len(damaged) - cut] if cut > 600 else damaged)
    try:
        mask = rasterise_rtstruct(folder / "damaged.dcm", "Lung L", _grid(), **WHERE)
    except ConversionError:
        return
    assert mask.GetSize() == (8, 7, 4)


def test_deflated_file_is_read_unless_it_unpacks_to_too_much(tmp_path: Path) -> None:
    file = pydicom.dcmread(_lungs(tmp_path / "rs.dcm"))
    file.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    file.save_as(tmp_path / "deflated.dcm")
    assert list_rois(tmp_path / "deflated.dcm", **WHERE) == ("Lung L", "Heart", "Right Lung")
    file.add_new(0x7FE00010, "OB", bytes(2**26))
    file.save_as(tmp_path / "bomb.dcm")
    assert (tmp_path / "bomb.dcm").stat().st_size < 2**17
    with pytest.raises(ConversionError, match=r"cannot be read \(ValueError\)"):
        list_rois(tmp_path / "bomb.dcm", **WHERE)

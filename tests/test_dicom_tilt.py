from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from dataset_converters.annotations.rtstruct import rasterise_rtstruct
from dataset_converters.dicom.sample import write_contours, write_ct_series
from dataset_converters.dicom.series import read_dicom_series
from dataset_converters.dicom.tilt import OUTSIDE_HU, Shear, undo_shear
from dataset_converters.errors import ConversionError
from dataset_converters.privacy.facts import fact_fault

WHERE = {"dataset": "demo", "case": "C1"}
SPACING = (0.5, 0.8, 2.0)


def _tilted_series(folder: Path, image: sitk.Image, step_mm_xy: tuple[float, float]) -> None:
    """Write an image as axial slices, each moved in its plane against the one before."""
    for path in write_ct_series(folder, image, kernel="SOFT", manufacturer="GE").files:
        file = pydicom.dcmread(path)
        x, y, z = map(float, file.ImagePositionPatient)
        index = round((z - image.GetOrigin()[2]) / SPACING[2])
        file.ImagePositionPatient = [f"{x + index * step_mm_xy[0]:.6f}", f"{y + index * step_mm_xy[1]:.6f}", str(z)]
        file.save_as(path)


def _image(array_zyx) -> sitk.Image:
    image = sitk.GetImageFromArray(np.asarray(array_zyx, np.int16))
    image.SetSpacing(SPACING)
    image.SetOrigin((10.0, -20.0, 30.0))
    return image


def test_shift_by_whole_pixels_moves_rows_and_grows_the_grid(tmp_path) -> None:
    stored = np.arange(24).reshape(3, 4, 2)
    _tilted_series(tmp_path, _image(stored), (0.0, 0.8))  # one row further per slice
    ct = read_dicom_series(tmp_path, tilt="shear", **WHERE)
    volume = sitk.GetArrayFromImage(ct.image)
    expected = np.full((3, 6, 2), OUTSIDE_HU)
    for index in range(3):
        expected[index, index : index + 4] = stored[index]
    np.testing.assert_array_equal(volume, expected)
    assert ct.image.GetOrigin() == (10.0, -20.0, 30.0)
    assert ct.facts["tilt_corrected_deg"] == f"{np.degrees(np.arctan(0.8 / 2)):.2f}"
    assert fact_fault(ct.facts) is None


def test_shift_the_other_way_moves_the_origin(tmp_path) -> None:
    stored = np.arange(24).reshape(3, 4, 2)
    _tilted_series(tmp_path, _image(stored), (0.0, -0.8))
    ct = read_dicom_series(tmp_path, tilt="shear", **WHERE)
    volume = sitk.GetArrayFromImage(ct.image)
    assert ct.image.GetOrigin() == pytest.approx((10.0, -20.0 - 1.6, 30.0))
    np.testing.assert_array_equal(volume[0, 2:], stored[0])
    np.testing.assert_array_equal(volume[2, :4], stored[2])
    assert (volume[2, 4:] == OUTSIDE_HU).all()


@pytest.mark.parametrize("step_mm_xy", [(0.0, 0.31), (0.0, -0.31), (0.23, 0.0), (-0.2, 0.37)])
def test_linear_field_of_the_patient_comes_back_at_every_covered_voxel(tmp_path, step_mm_xy) -> None:
    """HU = 100 + 20 x - 30 y + 5 z in mm: linear interpolation is exact up to rounding."""

    def field(x, y, z):
        return 100 + 20 * x - 30 * y + 5 * z

    z, y, x = np.meshgrid(np.arange(5), np.arange(6), np.arange(7), indexing="ij")
    moved_x, moved_y = 10 + x * 0.5 + z * step_mm_xy[0], -20 + y * 0.8 + z * step_mm_xy[1]
    _tilted_series(tmp_path, _image(np.rint(field(moved_x, moved_y, 30 + z * 2.0))), step_mm_xy)
    image = read_dicom_series(tmp_path, tilt="shear", **WHERE).image
    volume = sitk.GetArrayFromImage(image)
    covered = np.argwhere(volume != OUTSIDE_HU)
    points = np.array([image.TransformIndexToPhysicalPoint(i[::-1].tolist()) for i in covered])
    assert np.abs(volume[tuple(covered.T)] - field(*points.T)).max() <= 1.01
    both = sum(step != 0 for step in step_mm_xy)
    assert len(covered) >= 5 * (6 - 1) * (7 - (both - 1))


def test_untilted_series_is_the_same_with_and_without_the_option(tmp_path) -> None:
    write_ct_series(tmp_path, _image(np.arange(24).reshape(3, 4, 2)), kernel="SOFT", manufacturer="GE")
    refused, sheared = (read_dicom_series(tmp_path, tilt=tilt, **WHERE) for tilt in ("refuse", "shear"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(refused.image), sitk.GetArrayFromImage(sheared.image))
    assert refused.facts == sheared.facts


def test_contours_drawn_on_tilted_slices_fit_the_corrected_image(tmp_path) -> None:
    """A square of 2 x 2 voxels in the middle slice, where the stored pixels are 500 HU."""
    stored = np.zeros((3, 6, 6))
    stored[1, 2:4, 2:4] = 500
    _tilted_series(tmp_path / "ct", _image(stored), (0.0, 0.8))
    x, y, z = 10 + 0.5 * np.array([1.5, 3.5]), -20 + 0.8 + 0.8 * np.array([1.5, 3.5]), 32.0
    square = np.array([[x[0], y[0], z], [x[1], y[0], z], [x[1], y[1], z], [x[0], y[1], z]])
    write_contours(tmp_path / "rs.dcm", {"tumour": [square]}, frame_of_reference="1.2")
    image = read_dicom_series(tmp_path / "ct", tilt="shear", **WHERE).image
    mask = rasterise_rtstruct(tmp_path / "rs.dcm", "tumour", image, **WHERE)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(mask) == 1, sitk.GetArrayFromImage(image) == 500)


@pytest.mark.parametrize(
    ("steps_mm", "message"),
    [
        (
            [0.0, 0.5, 0.5, 1.5],
            r"14\.0 degrees off the slice normal, up to 0\.5 mm from a straight line.*no gantry tilt",
        ),
        ([0.0, 3.0, 6.0, 9.0], "no gantry tilt that could be corrected"),
    ],
)
def test_irregular_or_absurd_shifts_are_refused_in_any_case(tmp_path, steps_mm, message) -> None:
    files = write_ct_series(tmp_path, _image(np.zeros((4, 3, 3))), kernel="SOFT", manufacturer="GE").files
    for path, step in zip(files, steps_mm, strict=True):
        file = pydicom.dcmread(path)
        file.ImagePositionPatient[1] = -20 + step
        file.save_as(path)
    with pytest.raises(ConversionError, match=message):
        read_dicom_series(tmp_path, tilt="shear", **WHERE)


@given(st.floats(-2, 2), st.floats(-2, 2), st.integers(2, 5))
def test_a_constant_slice_stays_constant_and_keeps_its_size(step_x: float, step_y: float, slices: int) -> None:
    shear = Shear((step_x, step_y), slices)
    plane = np.full((4, 5), 7, np.int16)
    for index in range(slices):
        moved = undo_shear(plane, index, shear)
        assert moved.shape == (4 + shear.added_xy[1], 5 + shear.added_xy[0])
        inside = np.argwhere(moved == 7)
        assert set(np.unique(moved)) <= {7, OUTSIDE_HU}
        assert len(inside) >= 3 * 4


def test_real_tilted_series_is_corrected_on_request(shared_data: Path) -> None:
    ct = read_dicom_series(shared_data / "awkward_geometry" / "gantrytilting" / "001", tilt="shear", **WHERE)
    assert float(ct.facts["tilt_corrected_deg"]) == pytest.approx(14.0, abs=0.1)
    assert np.linalg.det(np.reshape(ct.image.GetDirection(), (3, 3))) == pytest.approx(1)


def test_real_series_that_is_tilted_and_gapped_stays_refused(shared_data: Path) -> None:
    with pytest.raises(ConversionError, match=r"1 uneven slice distances: 1\.499 mm between"):
        read_dicom_series(shared_data / "awkward_geometry" / "sliceincrement" / "002", tilt="shear", **WHERE)

"""Reader masks and label maps: turned exactly, resampled only when asked, unknown values counted."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from stored_images import WHERE, array, numbered, written

from dataset_converters.annotations.mask_file import read_labels, read_mask
from dataset_converters.errors import ConversionError
from dataset_converters.records import IGNORED
from dataset_converters.volumes.image_file import read_image

VALUES = {value: value % 7 for value in range(124)}


def _mask(dtype: str = "uint8") -> sitk.Image:
    """Voxel (x 3, y 2, z 1), one end of each axis, and (0, 0, 1)."""
    mask = numbered(dtype) * 0
    mask[3, 2, 1] = 1
    mask[0, 0, 1] = 1
    return sitk.Cast(mask, numbered(dtype).GetPixelID())


@settings(max_examples=40, deadline=None)
@given(
    order=st.permutations([0, 1, 2]),
    flips=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    ending=st.sampled_from([".nii.gz", ".mha", ".nrrd"]),
)
def test_same_voxels_in_any_axis_order(tmp_path_factory: pytest.TempPathFactory, order, flips, ending: str) -> None:
    image = numbered()
    stored = sitk.Flip(sitk.PermuteAxes(image, order), flips)
    path = written(tmp_path_factory.getbasetemp() / f"mask{ending}", stored)
    labels = read_labels(path, image, values=VALUES, **WHERE)
    assert array(labels).tolist() == (array(image) % 7).tolist()
    assert labels.GetPixelID() == sitk.sitkUInt8
    assert labels.GetOrigin() == image.GetOrigin()


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
def test_whole_numbers_of_any_type(tmp_path: Path, dtype: str) -> None:
    mask = read_mask(written(tmp_path / "mask.nii.gz", _mask(dtype)), numbered(), **WHERE)
    assert array(mask).tolist() == array(_mask()).tolist()


def test_foreground_and_values_are_the_callers_choice(tmp_path: Path) -> None:
    mask = _mask()
    mask[1, 1, 0] = 255
    path = written(tmp_path / "mask.nrrd", mask)
    with pytest.raises(ConversionError, match=r"values 255 \(1 voxels\); wanted values 0, 1 only"):
        read_mask(path, numbered(), **WHERE)
    assert array(read_mask(path, numbered(), foreground=(1, 255), **WHERE)).sum() == 3
    labels = read_labels(path, numbered(), values={1: 2, 255: IGNORED}, **WHERE)
    assert sorted(array(labels).ravel().tolist())[-3:] == [2, 2, IGNORED]
    assert (
        array(read_labels(path, numbered(), values={0: 4, 1: 0, 255: 0}, **WHERE)).tolist()
        == np.where(array(mask) == 0, 4, 0).tolist()
    )


@pytest.mark.parametrize(
    ("voxel", "shown"), [(2.0, r"2 \(1 voxels\)"), (0.5, r"0\.5 \(1 voxels\)"), (np.nan, r"nan \(1 voxels\)")]
)
def test_values_that_are_no_label_are_counted(tmp_path: Path, voxel: float, shown: str) -> None:
    mask = _mask("float32")
    mask[1, 1, 1] = voxel
    with pytest.raises(ConversionError, match=rf"^demo: C1: found mask\.mha with values {shown}; wanted values 0, 1"):
        read_mask(written(tmp_path / "mask.mha", mask), numbered(), **WHERE)


def test_many_unknown_values_are_not_all_listed(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match=r"values 2 \(1 voxels\), 3 \(1 voxels\), 10 .* and 14 more values"):
        read_mask(written(tmp_path / "mask.mha", numbered()), numbered(), **WHERE)


def test_another_grid_is_refused_unless_resampled_and_outside_is_open(tmp_path: Path) -> None:
    fine = sitk.Resample(
        _mask(), (8, 6, 2), sitk.Transform(), sitk.sitkNearestNeighbor, (-40.125, 12.1875, 300.0), (0.25, 0.625, 3.0)
    )  # two voxels in place of each along x and y
    path = written(tmp_path / "mask.nii.gz", fine)
    with pytest.raises(ConversionError, match="on another grid: size 8 x 6 x 2"):
        read_mask(path, numbered(), **WHERE)
    assert array(read_mask(path, numbered(), resampled=True, **WHERE)).tolist() == array(_mask()).tolist()
    part = read_mask(written(tmp_path / "part.nii.gz", fine[2:, :, 1:]), numbered(), resampled=True, **WHERE)
    assert (array(part)[0] == IGNORED).all()
    assert array(part)[1].tolist() == [[IGNORED, 0, 0, 0], [IGNORED, 0, 0, 0], [IGNORED, 0, 0, 1]]


def test_part_of_the_very_grid_is_another_grid(tmp_path: Path) -> None:
    path = written(tmp_path / "mask.nii.gz", _mask()[1:, :, :])
    with pytest.raises(ConversionError, match="on another grid: size 3 x 3 x 2"):
        read_mask(path, numbered(), **WHERE)
    mask = array(read_mask(path, numbered(), resampled=True, **WHERE))
    assert (mask[..., 0] == IGNORED).all()
    assert mask[..., 1:].tolist() == array(_mask())[..., 1:].tolist()


def test_mask_of_another_patient_is_not_resampled_to_nothing(tmp_path: Path) -> None:
    mask = _mask()
    mask.SetOrigin((500.0, 0.0, 0.0))
    with pytest.raises(ConversionError, match="away from the image"):
        read_mask(written(tmp_path / "mask.nii.gz", mask), numbered(), resampled=True, **WHERE)


def test_small_shift_is_snapped_and_a_larger_one_is_not(tmp_path: Path) -> None:
    mask = _mask()
    mask.SetOrigin((-40.0 + 0.004, 12.5, 300.0))
    assert array(read_mask(written(tmp_path / "mask.mha", mask), numbered(), **WHERE)).sum() == 2
    mask.SetOrigin((-40.0 + 0.006, 12.5, 300.0))
    with pytest.raises(ConversionError, match=r"voxels up to 0\.006 mm away"):
        read_mask(written(tmp_path / "mask.mha", mask), numbered(), **WHERE)


def test_image_and_mask_of_one_skewed_header_stay_together(tmp_path: Path) -> None:
    affine = np.diag([-0.5, -1.25, 3.0, 1.0])
    affine[0, 1] = 1.25 * 5e-4
    for name, voxels in (("ct.nii", array(numbered()).T), ("mask.nii", array(_mask()).T)):
        nib.save(nib.Nifti1Image(np.ascontiguousarray(voxels), affine), tmp_path / name)
    image = read_image(tmp_path / "ct.nii", **WHERE)
    assert "geometry_repair" in image.facts
    mask = read_mask(tmp_path / "mask.nii", image.image, **WHERE)
    assert array(mask).tolist() == array(_mask()).tolist()


def test_real_mask_on_another_grid_than_its_image(shared_data: Path) -> None:
    folder = shared_data / "mismatched_grids"
    image = read_image(folder / "3DCT_lung_baseline_small.mha", **WHERE).image
    with pytest.raises(ConversionError, match=r"a \.mha file on another grid"):
        read_mask(folder / "3DCT_lung_baseline_mask.mha", image, **WHERE)
    mask = read_mask(folder / "3DCT_lung_baseline_mask.mha", image, resampled=True, **WHERE)
    fine = sitk.ReadImage(folder / "3DCT_lung_baseline_mask.mha")
    volumes_mm3 = [(array(m) == 1).sum() * np.prod(m.GetSpacing()) for m in (mask, fine)]
    assert volumes_mm3[0] == pytest.approx(volumes_mm3[1], rel=0.02)

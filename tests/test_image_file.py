"""CT volumes from NIfTI, MetaImage and NRRD: right numbers in the right place, or refused."""

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from stored_images import ORIGIN_MM, SIZE_XYZ, SPACING_MM, WHERE, array, numbered, written

from dataset_converters.errors import ConversionError
from dataset_converters.privacy.facts import fact_fault
from dataset_converters.volumes.grid import grid_difference, grid_fault, grid_of
from dataset_converters.volumes.grid_repair import find_turn, repair_grid
from dataset_converters.volumes.image_file import ENDINGS, read_image, read_voxels
from dataset_converters.volumes.nifti import write_nifti

MIRRORED = (1.0, 0, 0, 0, 1, 0, 0, 0, -1)


def _nifti(path: Path, voxels_xyz: np.ndarray, affine_ras: np.ndarray | None = None, **header: object) -> Path:
    affine = np.diag([-0.5, -1.25, 3, 1]) if affine_ras is None else affine_ras
    file = nib.Nifti1Image(voxels_xyz, affine)
    file.header.set_xyzt_units("mm")
    for name, value in header.items():
        file.header[name] = value
    nib.save(file, path)
    return path


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("compressed", [False, True])
def test_every_kind_gives_the_image_that_was_written(tmp_path: Path, ending: str, compressed: bool) -> None:
    path = written(tmp_path / f"ct{ending}", numbered(), compressed=compressed)
    read = read_image(path, **WHERE, facts={"kernel": "B"})
    assert array(read.image).tolist() == array(numbered()).tolist()
    assert read.image.GetPixelID() == sitk.sitkInt16
    assert grid_difference(grid_of(numbered()), grid_of(read.image)) is None
    assert read.facts == {"kernel": "B"}
    assert (read.source == path) == (ending == ".nii.gz")


@pytest.mark.parametrize("ending", ENDINGS)
def test_left_handed_storage_is_reversed_along_the_slices(tmp_path: Path, ending: str) -> None:
    read = read_image(written(tmp_path / f"ct{ending}", numbered(direction=MIRRORED)), **WHERE)
    assert array(read.image).tolist() == array(numbered())[::-1].tolist()
    assert read.image.GetOrigin() == pytest.approx((-40, 12.5, 297))
    assert grid_fault(grid_of(read.image)) is None
    assert read.source is None
    for voxel in ((0, 0, 0), (3, 2, 1)):  # the same value at the same place
        place = numbered(direction=MIRRORED).TransformIndexToPhysicalPoint(voxel)
        assert read.image[read.image.TransformPhysicalPointToIndex(place)] == numbered()[voxel]


def test_radiological_nifti_by_hand(tmp_path: Path) -> None:
    voxels = np.arange(24, dtype=np.int16).reshape(2, 3, 4)  # x, y, z
    affine = np.array([[-2.0, 0, 0, 10], [0, 3, 0, -20], [0, 0, 5, 30], [0, 0, 0, 1]])  # x runs to the left, y forwards
    read = read_image(_nifti(tmp_path / "ct.nii", voxels, affine), **WHERE)
    assert read.image.GetDirection() == (1, 0, 0, 0, -1, 0, 0, 0, -1)
    assert read.image.GetOrigin() == (-10, 20, 45)
    assert array(read.image).tolist() == voxels.T[::-1].tolist()


@pytest.mark.parametrize(
    ("dtype", "values", "wanted"),
    [
        ("uint8", (0, 255), "int16"),
        ("int32", (-32768, 32767), "int16"),
        ("int32", (-32769, 0), "float32"),
        ("uint16", (0, 40000), "float32"),
        ("float64", (-1024.0, 3071.0), "int16"),
        ("float32", (-1000.5, 0), "float32"),
        ("float64", (1 / 3, 0), "float32"),
    ],
)
def test_numbers_become_int16_only_if_none_is_lost(tmp_path: Path, dtype: str, values: tuple, wanted: str) -> None:
    voxels = np.zeros((2, 3, 4), dtype)
    voxels[0, 0, 0], voxels[1, 2, 3] = values
    read = array(read_image(_nifti(tmp_path / "ct.nii.gz", voxels), **WHERE).image)
    assert read.dtype == wanted
    np.testing.assert_array_equal(read, voxels.T.astype("float32"))


def test_scale_of_the_header_is_applied_and_not_linked(tmp_path: Path) -> None:
    file = nib.Nifti1Image(np.arange(24, dtype=np.int16).reshape(2, 3, 4), np.diag([-1.0, -1, 1, 1]))
    file.header.set_slope_inter(2.0, -1024.0)
    file.header["magic"] = b"n+1"
    nib.save(file, tmp_path / "ct.nii.gz")
    raw = bytearray(gzip.decompress((tmp_path / "ct.nii.gz").read_bytes()))
    raw[112:120] = np.array([2.0, -1024.0], "<f4").tobytes()  # nibabel may rescale on writing
    raw[352:] = np.arange(24, dtype="<i2").tobytes()
    (tmp_path / "ct.nii.gz").write_bytes(gzip.compress(raw))
    read = read_image(tmp_path / "ct.nii.gz", **WHERE)
    assert array(read.image).ravel().tolist() == [2 * value - 1024 for value in range(24)]
    assert read.source is None


@pytest.mark.parametrize(
    ("voxels", "message"),
    [
        (np.full((2, 3, 4), np.nan, np.float32), "NaN or infinite values"),
        (np.full((2, 3, 4), np.inf, np.float64), "NaN or infinite values"),
        (np.full((2, 3, 4), 1e9, np.float64), r"values from 1e\+09 to 1e\+09"),
        (np.zeros((2, 3, 4, 2), np.int16), r"shape \(2, 3, 4, 2\)"),
        (np.zeros((2, 3), np.int16), r"shape \(2, 3\)"),
        (np.zeros((2, 3, 4), np.complex64), "voxels of type complex64"),
        (np.zeros((2, 3, 4), [("R", "u1"), ("G", "u1"), ("B", "u1")]), "voxels of type"),
    ],
)
def test_other_volumes_are_refused(tmp_path: Path, voxels: np.ndarray, message: str) -> None:
    with pytest.raises(ConversionError, match=message):
        read_image(_nifti(tmp_path / "ct.nii.gz", voxels), **WHERE)


def test_other_units_are_refused(tmp_path: Path) -> None:
    path = _nifti(tmp_path / "ct.nii", np.zeros((2, 3, 4), np.int16), xyzt_units=1)
    with pytest.raises(ConversionError, match="lengths in meter; wanted millimetres"):
        read_image(path, **WHERE)


def test_big_endian_voxels(tmp_path: Path) -> None:
    voxels = np.arange(24, dtype=">i2").reshape(2, 3, 4)
    file = nib.Nifti1Image(voxels, np.diag([-1.0, -1, 1, 1]), nib.Nifti1Header(endianness=">"))
    nib.save(file, tmp_path / "ct.nii")
    assert (tmp_path / "ct.nii").read_bytes()[:4] == b"\0\0\x01\x5c"
    assert array(read_image(tmp_path / "ct.nii", **WHERE).image).tolist() == voxels.T.tolist()


def test_one_volume_stored_as_four_dimensions(tmp_path: Path) -> None:
    voxels = np.arange(24, dtype=np.int16).reshape(2, 3, 4, 1)
    read = read_image(_nifti(tmp_path / "ct.nii.gz", voxels), **WHERE)
    assert array(read.image).tolist() == voxels[..., 0].T.tolist()
    assert read.source is None


def _skewed(error: float) -> np.ndarray:
    affine = np.diag([-2.0, -2.0, 3.0, 1.0])
    affine[0, 1] = 2.0 * error  # the second axis leans towards the first
    return affine


def test_axes_are_repaired_within_the_tolerance_and_told(tmp_path: Path) -> None:
    voxels = np.zeros((101, 5, 3), np.int16)
    read = read_image(_nifti(tmp_path / "ct.nii", voxels, _skewed(5e-4)), **WHERE)
    assert read.facts == {"geometry_repair": "axes 5.0e-04 from orthonormal"}
    assert fact_fault(read.facts) is None
    assert grid_fault(grid_of(read.image)) is None
    _, stored = read_voxels(tmp_path / "ct.nii", **WHERE)
    middle = np.array([50, 2, 1, 1])
    np.testing.assert_allclose((grid_of(read.image).affine_lps @ middle), stored.affine_lps @ middle, atol=1e-5)
    np.testing.assert_allclose(read.image.GetSpacing(), stored.spacing_mm)
    exact = read_image(_nifti(tmp_path / "ct.nii", voxels, _skewed(5e-6)), **WHERE)
    assert exact.facts == {}
    with pytest.raises(ConversionError, match=r"axes that are 0\.0015 from orthonormal \(at most 0\.001"):
        read_image(_nifti(tmp_path / "ct.nii", voxels, _skewed(1.5e-3)), **WHERE)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-3e-4, 3e-4), min_size=9, max_size=9), st.floats(0, 6.28))
def test_repaired_axes_are_orthonormal_and_near(noise: list[float], angle: float) -> None:
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    grid = grid_of(numbered())
    grid.affine_lps[:3, :3] = (turn + np.reshape(noise, (3, 3))) * np.array(SPACING_MM)
    repaired, error = repair_grid(grid)
    assert np.abs(repaired.direction.T @ repaired.direction - np.eye(3)).max() <= 1e-4
    assert np.abs(repaired.direction - grid.direction).max() <= max(error, 1e-12)
    np.testing.assert_allclose(repaired.spacing_mm, grid.spacing_mm)


def _with_qform(path: Path, shift_mm: float, **header: object) -> Path:
    file = nib.Nifti1Image(np.zeros((4, 3, 2), np.int16), np.diag([-0.5, -1.25, 3, 1]))
    file.set_sform(np.diag([-0.5, -1.25, 3, 1]), code=1)
    qform = np.diag([-0.5, -1.25, 3, 1])
    qform[2, 3] = shift_mm
    file.set_qform(qform, code=1)
    for name, value in header.items():
        file.header[name] = value
    nib.save(file, path)
    return path


def test_two_forms_that_differ(tmp_path: Path) -> None:
    agreeing = read_image(_with_qform(tmp_path / "ct.nii.gz", 0.0), **WHERE)
    assert (agreeing.facts, agreeing.source) == ({}, tmp_path / "ct.nii.gz")
    near = read_image(_with_qform(tmp_path / "ct.nii.gz", 0.2), **WHERE)
    assert near.facts == {"geometry_repair": "sform used; qform or pixdim 0.4 voxels away"}
    assert near.image.GetOrigin()[2] == 0
    assert near.source is None
    with pytest.raises(ConversionError, match=r"put voxels up to 0\.6 spacings apart"):
        read_image(_with_qform(tmp_path / "ct.nii.gz", 0.3), **WHERE)


def test_spacing_that_contradicts_the_affine_and_no_orientation(tmp_path: Path) -> None:
    pixdim = np.array([1, 0.5, 1.25, 5.0, 0, 0, 0, 0], np.float32)
    with pytest.raises(ConversionError, match="sform, qform and pixdim"):
        read_image(_with_qform(tmp_path / "ct.nii", 0.0, pixdim=pixdim, qform_code=0), **WHERE)
    path = _with_qform(tmp_path / "ct.nii", 0.0)
    whole = path.read_bytes()
    path.write_bytes(whole[:252] + bytes(4) + whole[256:])  # qform_code, sform_code; nibabel would set one
    with pytest.raises(ConversionError, match="neither sform nor qform"):
        read_image(path, **WHERE)


@pytest.mark.parametrize("name", ["ct.nii.gz", "ct.mha", "ct.nrrd"])
def test_truncated_file_that_itk_fills_with_zeros(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, numbered(), compressed=True)
    path.write_bytes(path.read_bytes()[:-6])
    with pytest.raises(ConversionError, match=r"^demo: C1: found .*; wanted .*; "):
        read_image(path, **WHERE)


def test_name_of_the_file_is_not_repeated(tmp_path: Path) -> None:
    for name in ("DOE_JOHN.nii.gz", "DOE_JOHN.mha", "DOE_JOHN.xyz", "DOE_JOHN.nrrd", "missing_DOE.nii"):
        if "missing" not in name:
            (tmp_path / name).write_bytes(b"DOE")
        with pytest.raises(ConversionError) as caught:
            read_image(tmp_path / name, **WHERE)
        assert "DOE" not in str(caught.value)


@pytest.mark.parametrize("ending", ENDINGS)
@settings(max_examples=120, deadline=None)
@given(position=st.integers(0, 420), content=st.binary(min_size=1, max_size=6), cut=st.integers(0, 60))
def test_damaged_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, ending: str, position: int, content: bytes, cut: int
) -> None:
    path = written(tmp_path_factory.getbasetemp() / f"damaged{ending}", numbered())
    packed = ending.endswith(".gz")
    whole = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
    position %= len(whole)
    whole = whole[:position] + content + whole[position + len(content) :]
    whole = whole[: len(whole) - cut] if cut > 50 else whole
    path.write_bytes(gzip.compress(whole) if packed else whole)
    try:
        read = read_image(path, **WHERE)
    except ConversionError:
        return
    assert grid_fault(grid_of(read.image)) is None
    assert np.prod(read.image.GetSize()) <= 4096


axes = st.permutations([0, 1, 2])
flips = st.tuples(st.booleans(), st.booleans(), st.booleans())


@given(axes, flips)
def test_turn_brings_any_axis_order_back(order: list[int], flipped: tuple[bool, bool, bool]) -> None:
    image = numbered()
    other = sitk.Flip(sitk.PermuteAxes(image, order), flipped)
    turn = find_turn(grid_of(other), grid_of(image))
    assert turn is not None
    assert turn.start == (0, 0, 0)
    assert turn.apply(array(other)).tolist() == array(image).tolist()


def test_turn_of_a_part_and_of_another_lattice() -> None:
    image = numbered()
    part = image[1:3, 2:3, 1:2]
    turn = find_turn(grid_of(part), grid_of(image))
    assert turn is not None
    assert turn.start == (1, 2, 1)
    part.SetOrigin((ORIGIN_MM[0] + 0.6, *ORIGIN_MM[1:]))
    assert find_turn(grid_of(part), grid_of(image)) is None
    part.SetSpacing((0.51, 1.25, 3.0))
    assert find_turn(grid_of(part), grid_of(image)) is None


SHARED = (
    "chest_64/ct-64.nrrd",
    "chest_64/ct-64-transformed.nrrd",
    "mismatched_grids/3DCT_lung.mha",
    "totalsegmentator/example_ct.nii.gz",
    "totalsegmentator/example_seg_dicom.nii.gz",
)


@pytest.mark.parametrize("name", SHARED)
def test_real_files_equal_what_itk_reads(shared_data: Path, name: str) -> None:
    ours, itk = read_image(shared_data / name, **WHERE).image, sitk.ReadImage(shared_data / name)
    turn = find_turn(grid_of(itk), grid_of(ours))
    assert turn is not None
    assert turn.start == (0, 0, 0)
    assert turn.axes == (0, 1, 2)
    np.testing.assert_array_equal(array(ours), turn.apply(array(itk)))
    assert grid_fault(grid_of(ours)) is None


def test_written_nifti_is_its_own_source(tmp_path: Path) -> None:
    write_nifti(tmp_path / "ct.nii.gz", numbered())
    read = read_image(tmp_path / "ct.nii.gz", **WHERE)
    assert read.source == tmp_path / "ct.nii.gz"
    assert read.image.GetSize() == SIZE_XYZ

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_converters.datasets import lola11
from dataset_converters.errors import ConversionError
from dataset_converters.sources.lola_headers import REVERSED, SLICES, corrected_grid, write_submission
from dataset_converters.sources.sample_volumes import sample_chest
from dataset_converters.volumes.grid import Grid

HEADER = """ObjectType = Image
NDims = 3
BinaryData = True
BinaryDataByteOrderMSB = False
CompressedData = False
TransformMatrix = 1 0 0 0 1 0 0 0 {direction}
Offset = 0 0 0
CenterOfRotation = 0 0 0
AnatomicalOrientation = RPI
ElementSize = 0.7 0.8 3
ElementSpacing = 0.7 0.8 1.5
DimSize = {size}
ElementType = MET_SHORT
ElementDataFile = {name}.raw
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    lola11.make_sample(tmp_path)
    return tmp_path


def chest_of(number: int) -> sitk.Image:
    slices = SLICES[number - 1]
    return sample_chest(number, size_xyz=(24, 20, slices), spacing_mm=(14.0, 12.5, 264.0 / slices)).image


def write_original(folder: Path, number: int, voxels: np.ndarray, *, direction: int = 1) -> Path:
    name, size = f"lola11-{number:02d}", " ".join(map(str, voxels.shape[::-1]))
    (folder / f"{name}.raw").write_bytes(voxels.astype("<i2").tobytes())
    (folder / f"{name}.mhd").write_text(HEADER.format(direction=direction, size=size, name=name))
    return folder / f"{name}.mhd"


def test_the_published_lists_are_whole() -> None:
    assert (len(SLICES), len(REVERSED)) == (55, 30)
    assert {SLICES[6], SLICES[34], SLICES[35], SLICES[54]} == {971, 168, 787, 312}
    assert {1, 4, 49, 55} <= REVERSED
    assert not {2, 9, 35, 54} & REVERSED


def test_cases_are_images_alone_for_testing(root: Path) -> None:
    cases = lola11.list_cases(root)
    assert [(case.case, case.role, dict(case.annotations)) for case in cases] == [
        ("lola11_04", "test", {}),
        ("lola11_35", "test", {}),
    ]


@pytest.mark.parametrize("number", [4, 35])
def test_corrected_images_are_the_right_way_up_and_not_mirrored(root: Path, number: int) -> None:
    """The chest that was stored comes out: head up, and right-handed, so the sides are the patient's own."""
    case = next(case for case in lola11.list_cases(root) if case.case.endswith(f"{number:02d}"))
    image, chest = case.images["CT"]().image, chest_of(number)
    assert np.array_equal(sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(chest))
    assert image.GetDirection() == pytest.approx((1, 0, 0, 0, 1, 0, 0, 0, 1))
    top = 0 if number == 35 else -(SLICES[3] - 1) * image.GetSpacing()[2]
    assert image.GetOrigin() == pytest.approx((0, 0, top), abs=1e-3)


def test_headers_as_stored_leave_the_wrong_one_upside_down(root: Path) -> None:
    case = lola11.list_cases(root, headers="as stored")[0]
    image = sitk.GetArrayFromImage(case.images["CT"]().image)
    assert np.array_equal(image, sitk.GetArrayFromImage(chest_of(4))[::-1])
    with pytest.raises(ConversionError, match="option headers = 'none'"):
        lola11.list_cases(root, headers="none")


def test_headers_that_are_corrected_already_stay(root: Path) -> None:
    file = root / "lola11-04.mhd"
    wrong = lola11.list_cases(root)[0].images["CT"]().image
    file.write_text(file.read_text().replace("0 0 0 1\nOffset", "0 0 0 -1\nOffset"))
    for headers in ("corrected", "as stored"):
        image = lola11.list_cases(root, headers=headers)[0].images["CT"]().image
        assert np.array_equal(sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(wrong))
        assert image.GetOrigin() == pytest.approx(wrong.GetOrigin())


def test_only_listed_cases_are_turned_and_the_first_voxel_stays() -> None:
    affine = np.diag([0.7, 0.7, 1.5, 1.0])
    affine[:3, 3] = (-151, -316, -96.75)
    grid = Grid((4, 3, 2), affine)
    assert corrected_grid(grid, 35) is grid
    turned = corrected_grid(grid, 4)
    assert turned.affine_lps[:3, 3].tolist() == [-151, -316, -96.75]
    assert turned.affine_lps[:3, 2].tolist() == [0, 0, -1.5]
    assert corrected_grid(turned, 4) is turned


def test_another_number_of_slices_is_refused(root: Path) -> None:
    (root / "lola11-35.mhd").unlink()
    (root / "lola11-35.raw").unlink()
    write_original(root, 35, np.zeros((167, 2, 3)))
    case = lola11.list_cases(root)[1]
    with pytest.raises(ConversionError, match=r"lola11: lola11_35: found .*167 slices; wanted 168 as published"):
        case.images["CT"]()


def test_numbers_beyond_the_collection_and_two_files_of_a_case_are_refused(root: Path) -> None:
    write_original(root, 56, np.zeros((2, 2, 2)))
    with pytest.raises(ConversionError, match="lola11_56: found number 56; wanted 1 to 55"):
        lola11.list_cases(root)
    (root / "lola11-35.mha").touch()
    with pytest.raises(ConversionError, match="lola11_35: found 2 files"):
        lola11.list_cases(root)


@pytest.mark.parametrize(("number", "direction"), [(4, 1), (4, -1), (35, 1), (35, -1)])
@pytest.mark.parametrize("ending", [".mhd", ".mha"])
def test_a_submission_has_the_original_order_and_header(
    tmp_path: Path, number: int, direction: int, ending: str
) -> None:
    """Whatever the header says, label k of the converted volume lands on the stored voxel it was predicted for."""
    stored = np.arange(24).reshape(4, 3, 2)
    original = write_original(tmp_path, number, stored, direction=direction)
    downward = direction == -1 or number == 4
    converted = stored[::-1] if downward else stored
    labels = sitk.GetImageFromArray((converted % 3).astype(np.uint8))
    labels.SetSpacing((0.7, 0.8, 1.5))
    labels.SetOrigin((0, 0, -4.5 if downward else 0))
    out = tmp_path / "out" / f"lola11-{number:02d}{ending}"
    write_submission(labels, original, out, number)
    content = out.read_bytes() if ending == ".mha" else out.with_suffix(".raw").read_bytes()
    voxels = np.frombuffer(content[-24:], np.uint8).reshape(4, 3, 2)
    assert np.array_equal(voxels, np.array([0, 20, 10])[stored % 3])
    header = out.read_bytes().split(b"ElementDataFile")[0].decode().splitlines()
    kept = [
        line for line in HEADER.format(direction=direction, size="2 3 4", name="").splitlines() if "Data" not in line
    ]
    assert [line for line in header if "Data" not in line] == [*kept[:-1], "ElementType = MET_UCHAR"]
    assert sitk.ReadImage(str(out)).GetSize() == (2, 3, 4)  # ITK reads it too


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_reading_and_submitting_return_every_voxel(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """For any size, number and header: image -> labels of its own values -> the stored values again."""
    from dataset_converters.volumes.grid_repair import is_left_handed, reverse_slices
    from dataset_converters.volumes.image_file import read_voxels

    folder = tmp_path_factory.mktemp("any")
    shape = data.draw(st.tuples(*(st.integers(1, 5),) * 3))
    stored = np.array(
        data.draw(st.lists(st.integers(0, 2), min_size=int(np.prod(shape)), max_size=int(np.prod(shape))))
    )
    number, direction = data.draw(st.integers(1, 55)), data.draw(st.sampled_from([1, -1]))
    original = write_original(folder, number, stored.reshape(shape), direction=direction)
    voxels, grid = read_voxels(original, dataset="lola11", case="")
    grid = corrected_grid(grid, number)
    if is_left_handed(grid):
        grid, voxels = reverse_slices(grid), voxels[::-1]
    labels = sitk.GetImageFromArray(voxels.astype(np.uint8))
    labels.SetSpacing(grid.spacing_mm.tolist())
    labels.SetOrigin(grid.affine_lps[:3, 3].tolist())
    write_submission(labels, original, folder / "out.mha", number, values={1: 1, 2: 2})
    written, _ = read_voxels(folder / "out.mha", dataset="lola11", case="")
    assert np.array_equal(written, stored.reshape(shape))


def test_labels_of_another_grid_or_value_are_refused(tmp_path: Path) -> None:
    original = write_original(tmp_path, 35, np.zeros((4, 3, 2)))
    labels = sitk.Image((2, 3, 4), sitk.sitkUInt8)
    with pytest.raises(ConversionError, match=r"lola11_35: found .*labels on size 2 x 3 x 4"):
        write_submission(labels, original, tmp_path / "out.mha", 35)
    labels.SetSpacing((0.7, 0.8, 1.5))
    labels[0, 0, 0] = 3
    with pytest.raises(ConversionError, match=r"label values \[3\]; wanted values \[0, 1, 2\]"):
        write_submission(labels, original, tmp_path / "out.mha", 35)
    assert not (tmp_path / "out.mha").exists()
    original.write_text(original.read_text().replace("RPI", "Doe^Jane"))
    labels[0, 0, 0] = 0
    with pytest.raises(ConversionError, match="a header whose AnatomicalOrientation is another"):
        write_submission(labels, original, tmp_path / "out.mha", 35)

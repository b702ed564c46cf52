"""MetaImage headers and their voxels: as ITK reads them, or refused."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from stored_images import ORIGIN_MM, SPACING_MM, array, edited, numbered, written

from dataset_converters.volumes.grid import grid_difference, grid_of
from dataset_converters.volumes.meta_image import read_meta_image
from dataset_converters.volumes.stored_voxels import UnreadableFileError

OBLIQUE = (0.6, 0, -0.8, 0.8, 0, 0.6, 0, -1, 0)
HEADER = """ObjectType = Image
NDims = 3
BinaryData = True
BinaryDataByteOrderMSB = {msb}
TransformMatrix = 1 0 0 0 1 0 0 0 -1
Offset = 1 2 3
ElementSpacing = 0.5 1.25 3
DimSize = 2 1 2
ElementType = {kind}
ElementDataFile = {data}
"""


def _header(path: Path, *, msb: bool = False, kind: str = "MET_SHORT", data: str = "ct.raw") -> Path:
    path.write_text(HEADER.format(msb=msb, kind=kind, data=data))
    return path


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"])
@pytest.mark.parametrize("name", ["ct.mha", "ct.mhd"])
def test_types_and_oblique_axes_as_itk_reads_them(tmp_path: Path, name: str, dtype: str) -> None:
    image = numbered("int16" if dtype == "int8" else dtype, OBLIQUE)
    image = sitk.Cast(image, sitk.sitkInt8) if dtype == "int8" else image
    for compressed in (False, True):
        stored = read_meta_image(written(tmp_path / name, image, compressed=compressed))
        assert stored.voxels_zyx.dtype == dtype
        np.testing.assert_array_equal(stored.voxels_zyx, array(image))
        assert grid_difference(grid_of(image), stored.grid) is None
    assert np.linalg.det(stored.grid.direction) == pytest.approx(1)


@pytest.mark.parametrize(("msb", "code"), [(True, ">i2"), (False, "<i2")])
def test_byte_order_and_third_direction_by_hand(tmp_path: Path, msb: bool, code: str) -> None:
    (tmp_path / "ct.raw").write_bytes(np.array([1, 256, -3, 4], code).tobytes())
    stored = read_meta_image(_header(tmp_path / "ct.mhd", msb=msb))
    assert stored.voxels_zyx.tolist() == [[[1, 256]], [[-3, 4]]]
    assert stored.grid.affine_lps.tolist() == [[0.5, 0, 0, 1], [0, 1.25, 0, 2], [0, 0, -3, 3], [0, 0, 0, 1]]


REFUSED = {
    "other folder": ("ElementDataFile = ct.raw", "ElementDataFile = ../ct.raw", "another folder"),
    "absolute": ("ElementDataFile = ct.raw", "ElementDataFile = /etc/passwd", "another folder"),
    "list": ("ElementDataFile = ct.raw", "ElementDataFile = LIST", "several files"),
    "pattern": ("ElementDataFile = ct.raw", "ElementDataFile = ct%03d.raw 1 2 1", "several files"),
    "long": ("ElementDataFile = ct.raw", "ElementDataFile = " + "a" * 400, "another folder"),
    "missing": ("ElementDataFile = ct.raw", "ElementDataFile = other.raw", "cannot be opened"),
    "no data": ("ElementDataFile = ct.raw\n", "", "without ElementDataFile"),
    "larger": ("DimSize = 4 3 2", "DimSize = 4 3 9", "announces 216 bytes in 48 stored"),
    "smaller": ("DimSize = 4 3 2", "DimSize = 4 3 1", "more bytes than that"),
    "huge": ("DimSize = 4 3 2", "DimSize = 4000000 3000000 2000000", "announces"),
    "negative": ("DimSize = 4 3 2", "DimSize = -4 -3 2", r"size \(-4, -3, 2\)"),
    "4-D": ("NDims = 3", "NDims = 4", "NDims is another"),
    "2-D": ("DimSize = 4 3 2", "DimSize = 4 6", r"size \(4, 6\)"),
    "colour": ("ElementType = ", "ElementNumberOfChannels = 3\nElementType = ", "ElementNumberOfChannels is another"),
    "type": ("MET_SHORT", "MET_SHORT_ARRAY", "another ElementType"),
    "text": ("BinaryData = True", "BinaryData = False", "BinaryData is another"),
    "spacing": ("ElementSpacing = 0.5 1.25 3", "ElementSpacing = 0.5 1.25 0", "spacings that are not above 0"),
    "nan": ("ElementSpacing = 0.5 1.25 3", "ElementSpacing = 0.5 1.25 nan", "ElementSpacing of 3 numbers"),
    "no matrix": ("TransformMatrix", "Matrix", "TransformMatrix of 9 numbers"),
    "twice": ("NDims = 3", "NDims = 3\nNDims = 3", "twice"),
    "skipped": ("ElementDataFile", "HeaderSize = -1\nElementDataFile", "HeaderSize -1"),
    "other case": ("ElementSpacing", "ElementSpacinG", "ElementSize of 3 numbers"),
    "unit": ("ElementDataFile", "DistanceUnits = um\nElementDataFile", "another unit"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_refused_with_the_reason(tmp_path: Path, fault: str) -> None:
    old, new, message = REFUSED[fault]
    path = edited(written(tmp_path / "ct.mhd", numbered()), old, new)
    with pytest.raises(UnreadableFileError, match=message):
        read_meta_image(path)


def test_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "inside"
    folder.mkdir()
    path = written(folder / "ct.mhd", numbered())
    (folder / "ct.raw").rename(tmp_path / "elsewhere.raw")
    (folder / "ct.raw").symlink_to(tmp_path / "elsewhere.raw")
    with pytest.raises(UnreadableFileError, match="linked file"):
        read_meta_image(path)


def test_compressed_voxels_that_are_truncated_or_expand_without_end(tmp_path: Path) -> None:
    path = written(tmp_path / "ct.mhd", numbered(), compressed=True)
    data = tmp_path / "ct.zraw"
    whole = data.read_bytes()
    data.write_bytes(whole[:-3])
    with pytest.raises(UnreadableFileError, match=f"{len(whole) - 3} compressed bytes"):
        read_meta_image(path)
    edited(path, f"CompressedDataSize = {len(whole)}", f"CompressedDataSize = {len(whole) - 3}")
    with pytest.raises(UnreadableFileError, match="truncated or damaged zlib stream"):
        read_meta_image(path)
    zeros = sitk.Image(200, 200, 200, sitk.sitkInt16)
    path = edited(written(tmp_path / "zeros.mhd", zeros, compressed=True), "200 200 200", "2 2 2")
    with pytest.raises(UnreadableFileError, match="more bytes than that"):
        read_meta_image(path)


def test_old_names_of_entries(tmp_path: Path) -> None:
    path = written(tmp_path / "ct.mhd", numbered())
    for old, new in (("TransformMatrix", "Rotation"), ("Offset", "Position"), ("ElementSpacing", "ElementSize")):
        edited(path, old, new)
    stored = read_meta_image(path)
    assert stored.grid.affine_lps[:3, 3].tolist() == list(ORIGIN_MM)
    assert stored.grid.spacing_mm.tolist() == list(SPACING_MM)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("CenterOfRotation = 0 0 0", "CenterOfRotation = 9999999999"),
        ("Offset =", "Offset\xa0="),
        ("Offset =", "Offset\x0c="),
    ],
)
def test_headers_that_itk_reads_otherwise_are_refused(tmp_path: Path, before: str, after: str) -> None:
    """ITK loses the spacing behind a wrong centre, and does not know a key with a blank of another kind."""
    path = written(tmp_path / "ct.mha", numbered())
    content = path.read_bytes()
    assert before.encode() in content
    path.write_bytes(content.replace(before.encode(), after.encode("latin-1")))
    with pytest.raises(UnreadableFileError):
        read_meta_image(path)


def test_compressed_voxels_behind_a_header_that_does_not_say_how_many(tmp_path: Path) -> None:
    path = edited(written(tmp_path / "ct.mha", numbered(), compressed=True), "CompressedDataSize", "CompressedDataSum")
    with pytest.raises(UnreadableFileError, match="without CompressedDataSize"):
        read_meta_image(path)

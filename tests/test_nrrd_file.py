"""NRRD headers and their voxels: as ITK reads them, or refused."""

import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from stored_images import array, edited, numbered, written

from dataset_converters.volumes.grid import grid_difference, grid_of
from dataset_converters.volumes.nrrd_file import read_nrrd
from dataset_converters.volumes.stored_voxels import UnreadableFileError

OBLIQUE = (0.6, 0, -0.8, 0.8, 0, 0.6, 0, -1, 0)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"])
@pytest.mark.parametrize("name", ["ct.nrrd", "ct.nhdr"])
def test_types_and_oblique_axes_as_itk_reads_them(tmp_path: Path, name: str, dtype: str) -> None:
    image = numbered(dtype, OBLIQUE)
    for compressed in (False, True):
        stored = read_nrrd(written(tmp_path / name, image, compressed=compressed))
        assert stored.voxels_zyx.dtype == dtype
        np.testing.assert_array_equal(stored.voxels_zyx, array(image))
        assert grid_difference(grid_of(image), stored.grid) is None


@pytest.mark.parametrize(
    ("space", "signs"),
    [
        ("left-posterior-superior", (1, 1, 1)),
        ("right-anterior-superior", (-1, -1, 1)),
        ("RAS", (-1, -1, 1)),
        ("left-anterior-superior", (1, -1, 1)),
        ("LAS", (1, -1, 1)),
    ],
)
def test_patient_spaces_by_hand(tmp_path: Path, space: str, signs: tuple[int, int, int]) -> None:
    header = (
        "NRRD0005\n# comment: with colons\ntype: short\ndimension: 3\n"
        f"space: {space}\nsizes: 2 1 2\nspace directions: (0.5,0,0) (0,1.25,0) (0,0,3)\n"
        "kinds: domain domain domain\nendian: big\nencoding: gzip\nspace origin: (1,2,3)\n"
        'space units: "mm" "mm" "mm"\nSegment0_Name:=left lung: all\n\n'
    )
    voxels = gzip.compress(np.array([1, 256, -3, 4], ">i2").tobytes())
    (tmp_path / "ct.nrrd").write_bytes(header.encode() + voxels)
    stored = read_nrrd(tmp_path / "ct.nrrd")
    assert stored.voxels_zyx.tolist() == [[[1, 256]], [[-3, 4]]]
    expected = np.diag([*signs, 1]) @ np.array([[0.5, 0, 0, 1], [0, 1.25, 0, 2], [0, 0, 3, 3], [0, 0, 0, 1]])
    assert stored.grid.affine_lps.tolist() == expected.tolist()
    if len(space) > 3:  # ITK does not know the short names
        itk = grid_of(sitk.ReadImage(tmp_path / "ct.nrrd"))
        np.testing.assert_allclose(itk.affine_lps, expected)


REFUSED = {
    "4-D": ("dimension: 3", "dimension: 4", "not 3-D .several layers of a segmentation"),
    "2-D": ("dimension: 3", "dimension: 2", "not 3-D;"),
    "colour": ("kinds: domain domain domain", "kinds: RGB-color domain domain", "axes that are not all of space"),
    "no direction": ("(0,0,3)", "none", "no position in the patient"),
    "other space": ("left-posterior-superior", "scanner-xyz", "no position in the patient"),
    "no origin": ("space origin: ", "origin: ", "no position in the patient"),
    "nan": ("(0,0,3)", "(0,0,nan)", "no position in the patient"),
    "unit": ("endian: little", 'endian: little\nspace units: "um" "um" "um"', "no position in the patient"),
    "larger": ("sizes: 4 3 2", "sizes: 4 3 9", "announces 216 bytes in 48 stored"),
    "smaller": ("sizes: 4 3 2", "sizes: 4 3 1", "more bytes than that"),
    "huge": ("sizes: 4 3 2", "sizes: 4000000 3000000 2000000", "announces"),
    "negative": ("sizes: 4 3 2", "sizes: 4 -3 2", r"size \(4, -3, 2\)"),
    "encoding": ("encoding: raw", "encoding: bzip2", "another encoding"),
    "skip": ("encoding: raw", "encoding: raw\nbyte skip: -1", "skipped bytes"),
    "type": ("type: short", "type: block", "another type"),
    "endian": ("endian: little\n", "", "no endian"),
    "twice": ("type: short", "type: short\ntype: short", "twice"),
    "list": ("encoding: raw", "encoding: raw\ndata file: LIST", "several files"),
    "other folder": ("encoding: raw", "encoding: raw\ndata file: ../x.raw", "another folder"),
    "magic": ("NRRD0004", "NRRX0004", "no NRRD header"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_refused_with_the_reason(tmp_path: Path, fault: str) -> None:
    old, new, message = REFUSED[fault]
    path = edited(written(tmp_path / "ct.nrrd", numbered()), old, new)
    with pytest.raises(UnreadableFileError, match=message):
        read_nrrd(path)


def test_several_gzip_members_are_one_stream(tmp_path: Path) -> None:
    path = written(tmp_path / "ct.nhdr", numbered(), compressed=True)
    data = tmp_path / "ct.raw.gz"
    voxels = gzip.decompress(data.read_bytes())
    data.write_bytes(gzip.compress(voxels[:7]) + gzip.compress(voxels[7:]) + bytes(5))
    assert read_nrrd(path).voxels_zyx.tolist() == array(numbered()).tolist()
    data.write_bytes(gzip.compress(voxels[:7]) + gzip.compress(voxels[7:])[:-1])
    with pytest.raises(UnreadableFileError, match="truncated or damaged gzip stream"):
        read_nrrd(path)


def test_stream_that_expands_without_end_is_left_where_the_voxels_end(tmp_path: Path) -> None:
    path = written(tmp_path / "ct.nhdr", numbered(), compressed=True)
    data = tmp_path / "ct.raw.gz"
    voxels, bomb = gzip.decompress(data.read_bytes()), gzip.compress(bytes(2**25))
    for stored in (gzip.compress(voxels + bytes(1)) + bomb, gzip.compress(voxels) + bomb, bomb):
        data.write_bytes(stored)
        tracemalloc.start()
        try:
            with pytest.raises(UnreadableFileError, match="more bytes than that"):
                read_nrrd(path)
            assert tracemalloc.get_traced_memory()[1] < 2**20
        finally:
            tracemalloc.stop()

"""Files of strangers that point out of their folder, never end, or expand without end.

Decided: what a header names must lie beside it, without links (MetaImage, NRRD); what a manifest names must lie below
its folder, links followed; below a folder of DICOM files or of a survey no link is followed out of it, and one named
as DICOM files are is refused. A link that stands where a dataset's layout has a patient's folder or an image file is
the user's own and is followed, as git-annex needs.
``check`` reads what a ``dataset.json`` lists wherever it is, for linked datasets list their sources; it writes nothing
and never prints content.
"""

import gzip
import json
import os
import re
import subprocess
import sys
import time
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from dataset_converters.__main__ import main
from dataset_converters.annotations.mask_file import read_mask
from dataset_converters.datasets import aeropath, dicom_pairs, manifest, sts
from dataset_converters.dicom.headers import find_dicom_files
from dataset_converters.errors import ConversionError
from dataset_converters.volumes.image_file import read_image
from dataset_converters.volumes.nifti import write_nifti
from dataset_converters.writing.writer import convert

REPOSITORY = Path(__file__).resolve().parents[1]
SECRET = np.full((3, 4, 5), 77, np.int16)
META = """ObjectType = Image
NDims = 3
BinaryData = True
BinaryDataByteOrderMSB = False
CompressedData = False
TransformMatrix = 1 0 0 0 1 0 0 0 1
Offset = 0 0 0
ElementSpacing = 1 1 1
DimSize = 5 4 3
ElementType = MET_SHORT
ElementDataFile = {name}
"""
NRRD = """NRRD0004
type: short
dimension: 3
space: left-posterior-superior
sizes: 5 4 3
space directions: (1,0,0) (0,1,0) (0,0,1)
kinds: domain domain domain
endian: little
encoding: raw
space origin: (0,0,0)
data file: {name}

"""


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Return a file of voxels outside the source folder; inside it, links lead to it."""
    path = tmp_path / "secret.raw"
    path.write_bytes(SECRET.tobytes())
    source = tmp_path / "source"
    source.mkdir()
    (source / "link.raw").symlink_to(path)
    (source / "folder").symlink_to(tmp_path)
    return path


@pytest.mark.parametrize(("file", "header"), [("ct.mhd", META), ("ct.nhdr", NRRD)])
@pytest.mark.parametrize(
    "name",
    [
        *("../secret.raw", "{absolute}", "./../secret.raw", "link.raw", "folder/secret.raw", "..\\secret.raw"),
        *("LIST", "LIST 2", "secret%03d.raw 1 3 1", "ct.mhd/../../secret.raw", "file:///etc/hostname", "~/secret.raw"),
        *("$HOME/secret.raw", "", ".", "/dev/zero", "ct\0.raw", "missing.raw"),
    ],
)
def test_voxels_outside_the_folder_are_not_read(secret: Path, file: str, header: str, name: str) -> None:
    path = secret.parent / "source" / file
    path.write_text(header.format(name=name.format(absolute=secret)))
    grid = sitk.GetImageFromArray(SECRET)
    with pytest.raises(ConversionError) as caught:
        read_image(path, dataset="toy", case="P01")
    assert "secret" not in str(caught.value)
    with pytest.raises(ConversionError):
        read_mask(path, grid, dataset="toy", case="P01", foreground=(77,))


@pytest.mark.parametrize(("file", "header"), [("ct.mhd", META), ("ct.nhdr", NRRD)])
def test_the_same_header_reads_a_file_beside_it(secret: Path, file: str, header: str) -> None:
    path = secret.parent / "source" / file
    path.write_text(header.format(name="own.raw"))
    (path.parent / "own.raw").write_bytes(SECRET.tobytes())
    image = read_image(path, dataset="toy", case="P01").image
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), SECRET)


def test_links_out_of_a_folder_of_dicom_files_are_not_followed(tmp_path: Path) -> None:
    dicom_pairs.make_sample(tmp_path / "other")
    sts.make_sample(tmp_path / "sts")
    folder = tmp_path / "sts" / "STS_001" / "CT" / "image"
    own = find_dicom_files(folder)
    assert len(own) > 1
    (folder / "one.dcm").symlink_to(next((tmp_path / "other" / "P01" / "lung").iterdir()))
    (folder / "all").symlink_to(tmp_path / "other" / "P01")
    (folder / "loop").symlink_to(folder)
    (folder / "up").symlink_to(tmp_path)
    (folder / "gone.dcm").symlink_to(tmp_path / "nothing")
    os.mkfifo(folder / "pipe.dcm")
    assert find_dicom_files(folder) == own


def test_links_in_the_place_of_patients_and_images_are_followed(tmp_path: Path) -> None:
    dicom_pairs.make_sample(tmp_path / "studies")
    aeropath.make_sample(tmp_path / "store")
    (tmp_path / "root").mkdir()
    for patient in ("P01", "P02"):
        (tmp_path / "root" / patient).symlink_to(tmp_path / "studies" / patient)
    assert [case.case for case in dicom_pairs.list_cases(tmp_path / "root")] == ["P01", "P02"]
    image = next((tmp_path / "store").rglob("*_CT_HR.nii.gz"))
    image.rename(tmp_path / "object")
    image.symlink_to(tmp_path / "object")
    assert len([case.images for case in aeropath.list_cases(tmp_path / "store")]) == 2
    assert read_image(image, dataset="aeropath", case="1").image.GetDimension() == 3


@pytest.mark.parametrize(
    "image",
    ["../secret.nii.gz", "{absolute}", "link.nii.gz", "folder/secret.nii.gz", "~/x.nii.gz", "$HOME/x.nii.gz", "."],
)
def test_manifest_that_names_files_elsewhere_is_refused(tmp_path: Path, image: str) -> None:
    root, secret = tmp_path / "source", tmp_path / "secret.nii.gz"
    manifest.make_sample(root)
    write_nifti(secret, sitk.ReadImage(root / "P01" / "lung.nii.gz"))
    (root / "link.nii.gz").symlink_to(secret)
    (root / "folder").symlink_to(tmp_path)
    table = root / "manifest.csv"
    text = table.read_text()
    assert "P01/lung.nii.gz" in text
    table.write_text(text.replace("P01/lung.nii.gz", image.format(absolute=secret)))
    with pytest.raises((ConversionError, ExceptionGroup)) as caught:
        convert("manifest", root, tmp_path / "out", progress=False)
    assert re.search("column image.*(wanted a path below the folder|no such file)", str(caught.value))
    assert "secret" not in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["../evil", "a/b", "/tmp/evil", "..", ".", "", "a b", "a\\b", "a\0b", "ä", "a\n"])
def test_names_of_datasets_cannot_leave_the_output_folder(tmp_path: Path, name: str) -> None:
    sts.make_sample(tmp_path / "source")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ConversionError, match="nnU-Net name"):
        convert("sts", tmp_path / "source", tmp_path / "out", nnunet_name=name or " ", progress=False)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("number", [-1, 1000, 10**9])
def test_ids_of_datasets_have_three_digits(tmp_path: Path, number: int) -> None:
    sts.make_sample(tmp_path / "source")
    with pytest.raises(ConversionError, match="id of 1 to 999"):
        convert("sts", tmp_path / "source", tmp_path / "out", dataset_id=number, progress=False)
    assert not (tmp_path / "out").exists()


def test_name_of_a_dataset_file_is_no_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "evil.py").write_text("raise SystemExit('run')")
    for name in (f"{tmp_path}/evil", "../../evil", "os", "dataset_converters.datasets.sts", "sts.sts"):
        assert main(["convert", name, str(tmp_path), str(tmp_path / "out")]) == 1
        assert "run" not in capsys.readouterr().err.replace("run again", "")
    assert not (tmp_path / "out").exists()


def test_check_reads_what_a_stranger_lists_but_prints_and_writes_nothing_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, secret = tmp_path / "nnUNet_raw" / "Dataset001_x", tmp_path / "secret.txt"
    secret.write_text("the password is swordfish")
    annotations = tmp_path / "annotations" / "Dataset001_x"
    for place in (folder, annotations):
        place.mkdir(parents=True)
    entry = {"images": ["../../secret.txt"], "label": str(secret)}
    (folder / "dataset.json").write_text(
        json.dumps(
            {
                "channel_names": {"0": "CT"},
                "labels": {"background": 0, "lung": 1},
                "numTraining": 1,
                "file_ending": ".nii.gz",
                "dataset": {"a": entry},
                "provenance": {"files": {"../../secret.txt": "0" * 64}},
            }
        )
    )
    reader = {"annotation": "../secret.txt", "sha256": "0" * 64}
    case = {"case": "a", "variants": {"CT": {"image": "../../../secret.txt"}}, "readers": {"r": reader}}
    (annotations / "cases.json").write_text(json.dumps({"labels": {"lung": 1}, "cases": [case]}))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert main(["check", str(folder), "--annotations", str(annotations)]) == 1
    printed = capsys.readouterr()
    assert "swordfish" not in printed.out + printed.err
    assert "secret.txt" in printed.out
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


ENDLESS = """
import sys
from pathlib import Path
from dataset_converters.volumes.image_file import read_image
from dataset_converters.errors import ConversionError
for path in sys.argv[1:]:
    try:
        read_image(Path(path), dataset="toy", case="P01")
    except ConversionError as error:
        print("refused", flush=True)
"""


def test_files_that_never_end_are_refused(tmp_path: Path) -> None:
    paths = []
    for name in ("ct.nii.gz", "ct.nii", "ct.mha", "ct.nrrd"):
        os.mkfifo(tmp_path / name)
        (tmp_path / f"zero_{name}").symlink_to("/dev/zero")
        paths += [tmp_path / name, tmp_path / f"zero_{name}"]
    (tmp_path / "ct.mhd").write_text(META.format(name="ct.nii"))
    paths.append(tmp_path / "ct.mhd")
    command = ["bash", "-c", f'ulimit -v 8000000; exec "{sys.executable}" -c "$0" "$@"', ENDLESS, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=REPOSITORY, check=False)
    assert done.stdout == "refused\n" * len(paths), done.stderr[-300:]


def _nifti_header(folder: Path) -> bytes:
    path = folder / "ct.nii.gz"
    write_nifti(path, sitk.Image([5, 4, 3], sitk.sitkInt16))
    return gzip.decompress(path.read_bytes())[:352]


@pytest.mark.parametrize("kind", ["nii.gz", "nrrd", "mhd"])
def test_streams_that_expand_beyond_their_header_are_cut_off(tmp_path: Path, kind: str) -> None:
    bomb = b"\0" * 2**26
    path = tmp_path / f"ct.{kind}"
    if kind == "nii.gz":
        path.write_bytes(gzip.compress(_nifti_header(tmp_path) + bomb, 9))
    elif kind == "nrrd":
        header = NRRD.replace("encoding: raw", "encoding: gzip").replace("data file: {name}\n", "")
        path.write_bytes(header.encode() + gzip.compress(bomb, 9))
    else:
        path.write_text(META.replace("CompressedData = False", "CompressedData = True").format(name="ct.zraw"))
        (tmp_path / "ct.zraw").write_bytes(zlib.compress(bomb, 9))
    del bomb
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 10**6
    _refused_within_megabytes(path, 10)


def test_sizes_that_a_file_cannot_hold_are_refused_before_anything_is_allocated(tmp_path: Path) -> None:
    for size in ("60000 60000 60000", "2147483647 2147483647 2147483647", f"{2**70} 1 1", "-5 -4 3", "0 4 3"):
        for name, header in (("ct.mha", META), ("ct.nrrd", NRRD.replace("data file: {name}\n", ""))):
            text = header.format(name="LOCAL").replace("5 4 3", size)
            (tmp_path / name).write_bytes(text.encode() + SECRET.tobytes())
            _refused_within_megabytes(tmp_path / name, 10)


def test_many_empty_streams_behind_each_other_take_no_time(tmp_path: Path) -> None:
    path = tmp_path / "ct.nii.gz"
    path.write_bytes(gzip.compress(_nifti_header(tmp_path)) + gzip.compress(b"") * 50_000)
    start = time.process_time()
    _refused_within_megabytes(path, 30)
    assert time.process_time() - start < 3


def _refused_within_megabytes(path: Path, megabytes: float) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ConversionError):
            read_image(path, dataset="toy", case="P01")
        assert tracemalloc.get_traced_memory()[1] < megabytes * 10**6
    finally:
        tracemalloc.stop()

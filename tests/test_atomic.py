"""Files are whole or absent, and equal content gives equal bytes."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import pytest
from toy_dataset import files_below, make_image

from dataset_converters.atomic import DiskFullError, replacing, write_json, write_text
from dataset_converters.volumes.nifti import write_nifti

pytestmark = pytest.mark.filterwarnings("error")


@pytest.mark.parametrize(
    "write", [lambda path: write_text(path, "x" * 9), lambda path: write_nifti(path, make_image())]
)
def test_disk_full_keeps_the_old_file(tmp_path: Path, write: Callable[[Path], object]) -> None:
    path = tmp_path / "a.nii.gz"
    path.write_bytes(b"old")
    (tmp_path / f".a.nii.gz.{os.getpid()}.partial").symlink_to("/dev/full")
    with pytest.raises(DiskFullError, match=r"disk full while writing .*a.nii.gz"):
        write(path)
    assert files_below(tmp_path) == {"a.nii.gz": b"old"}


def test_atomic_files_are_whole_or_absent(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), replacing(tmp_path / "a") as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise RuntimeError
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "b.json", {"a": float("nan")})
    assert list(tmp_path.iterdir()) == []
    write_json(tmp_path / "b.json", {"a": [1]})
    assert json.loads((tmp_path / "b.json").read_text()) == {"a": [1]}


def test_equal_images_give_equal_bytes_whenever_written(tmp_path: Path) -> None:
    first = write_nifti(tmp_path / "a.nii.gz", make_image())
    time.sleep(1.1)
    assert write_nifti(tmp_path / "another_name.nii.gz", make_image()) == first
    header = nib.load(tmp_path / "a.nii.gz").header
    assert (int(header["sform_code"]), int(header["qform_code"]), header.get_xyzt_units()[0]) == (1, 1, "mm")

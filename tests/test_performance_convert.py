"""The comparison with dcm2niix measures both, finds files that differ, and says what is not installed."""

import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from benchmarks.performance import __main__ as commands
from benchmarks.performance import convert, dcm2niix
from benchmarks.performance.convert_report import print_report, reached, write_report
from dataset_converters.dicom.sample import ball_mask, ct_of_mask, write_ct_series, write_rtstruct
from dataset_converters.volumes import nifti

KERNEL = {"kernel": "SOFT", "manufacturer": "GE MEDICAL SYSTEMS", "StudyInstanceUID": "1.2.9"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    mask = ball_mask(size_xyz=(12, 10, 4), spacing_mm=(0.7, 0.9, 2.5), radius_mm=3)
    for name in ("a", "b"):
        written = write_ct_series(tmp_path / "data" / name / "image", ct_of_mask(mask), **KERNEL)
        rois = {"tumour": mask}
        write_rtstruct(tmp_path / "data" / name / "mask" / "0.dcm", rois, frame_of_reference=written.frame_of_reference)
    return tmp_path / "data"


def _table(**changes: object) -> pd.DataFrame:
    row = {"size": "5 x 4 x 3", "read_s": 0.1, "write_s": 0.2, "ours_s": 0.3, "masks_s": 0.5, "checks_s": 0.6}
    row |= {"dcm2niix_s": 0.4, "ours_mb": 1.0, "dcm2niix_mb": 1.0, "voxels_differing": 0, "grid_mm": 0.001} | changes
    table = pd.DataFrame([row, row])
    table.attrs = {"start_s": 0.4, "all_s": 1.1}
    return table


def test_folders_with_ct_are_found_and_contour_sets_are_not(data: Path) -> None:
    assert convert.find_ct_folders(data) == [data / "a" / "image", data / "b" / "image"]
    assert convert.find_ct_folders(data / "a" / "image") == [data / "a" / "image"]


def test_level_is_that_of_the_converters_files() -> None:
    assert convert.LEVEL == nifti._COMPRESSION_LEVEL


@pytest.mark.skipif(shutil.which("dcm2niix") is None, reason=dcm2niix.INSTALL)
def test_both_write_equal_files_and_are_timed(data: Path) -> None:
    table = convert.measure(convert.find_ct_folders(data), program=dcm2niix.find_dcm2niix(), repeats=1)
    assert list(table["size"]) == ["12 x 10 x 4"] * 2
    assert list(table["voxels_differing"]) == [0, 0]
    assert (table["grid_mm"] < 0.01).all()
    assert (table[["dcm2niix_s", "read_s", "write_s", "masks_s", "checks_s"]] > 0).all(axis=None)
    assert table["ours_s"].sum() < table.attrs["all_s"]
    assert 0.1 < table.attrs["start_s"] < table.attrs["all_s"] + 0.5


def _nifti(path: Path, array: np.ndarray, affine: np.ndarray) -> Path:
    nib.save(nib.Nifti1Image(array, affine), path)
    return path


def test_files_are_compared_voxel_by_voxel_in_one_orientation(tmp_path: Path) -> None:
    array = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    affine = np.diag([0.7, 0.9, 2.5, 1])
    flipped = affine @ np.array([[1, 0, 0, 0], [0, -1, 0, 2], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    moved = affine.copy()
    moved[2, 3] = 0.25
    ours = _nifti(tmp_path / "a.nii.gz", array, affine)
    same = convert.compare_files(ours, _nifti(tmp_path / "b.nii.gz", array[:, ::-1], flipped))
    assert (same["size"], same["voxels_differing"]) == ("2 x 3 x 4", 0)
    assert same["grid_mm"] == pytest.approx(0, abs=1e-6)
    other = array.copy()
    other[1, 1, 1] += 1
    changed = convert.compare_files(ours, _nifti(tmp_path / "c.nii.gz", other, moved))
    assert (changed["voxels_differing"], changed["grid_mm"]) == (1, pytest.approx(0.25))
    cut = convert.compare_files(ours, _nifti(tmp_path / "d.nii.gz", array[:1], affine))
    assert cut["voxels_differing"] == -1


@pytest.mark.parametrize(
    ("changes", "good"),
    [({}, True), ({"dcm2niix_s": 0.36}, False), ({"voxels_differing": 1}, False), ({"grid_mm": 0.1}, False)],
)
def test_what_has_to_be_reached_counts_our_start(changes: dict[str, object], good: bool) -> None:
    assert reached(_table(**changes)) is good


def test_report_on_screen_and_in_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_report(_table())
    printed = capsys.readouterr().out
    assert "| 2 | 5 x 4 x 3 | 0.400 | 0.300 | 0.75 |" in printed
    assert "- dcm2niix: 0.80 CPU s, 0.400 s a series" in printed
    assert "ours without start: 0.60 CPU s, 0.75 times (read 0.20, write 0.40); start: 0.40 CPU s" in printed
    assert "yes: ours as a whole process, start included: 1.10 CPU s, 1.38 times (wanted: at most 1.5)" in printed
    write_report(_table(voxels_differing=7), tmp_path / "r.md", peer_version="v1", repeats=3, level=3)
    text = (tmp_path / "r.md").read_text()
    assert "no: equal voxels in 0 of 2 series" in text
    assert "`dcm2niix -z y -3 -b n`" in text


def test_without_dcm2niix_the_command_says_what_to_install(data: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert commands.main(["convert", "--data", str(data)]) == 2
    assert "install it: apt-get install dcm2niix" in capsys.readouterr().err


def test_without_data_the_command_says_how_to_give_some(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("CTSHIFT_SHARED", str(tmp_path))
    assert commands.main(["convert"]) == 2
    assert "no CT series found: give folders with --data" in capsys.readouterr().err


def test_a_series_that_cannot_be_read_stops_the_comparison(data: Path, tmp_path: Path) -> None:
    next((data / "a" / "image").iterdir()).unlink()
    request = {"series": [str(data / "b" / "image"), str(data / "nowhere")], "out": str(tmp_path), "extras": False}
    with pytest.raises(dcm2niix.PeerError, match=r"our conversion ended with code 1: .*no DICOM files"):
        convert._worker(request)

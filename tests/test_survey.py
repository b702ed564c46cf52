import csv
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import SimpleITK as sitk

from dataset_converters.annotations.mask_file import read_mask
from dataset_converters.datasets import lung_dx, sts
from dataset_converters.dicom.sample import ball_mask, ct_of_mask, write_ct_series
from dataset_converters.dicom.tree import find_series
from dataset_converters.errors import ConversionError
from dataset_converters.sources.sample_volumes import sample_chest
from dataset_converters.survey.survey import SurveyRow, format_survey, survey, write_survey
from dataset_converters.volumes.image_file import read_image
from dataset_converters.volumes.nifti import write_nifti


def _by_name(rows: tuple[SurveyRow, ...]) -> dict[str, SurveyRow]:
    assert len({row.name for row in rows}) == len(rows)
    return {row.name: row for row in rows}


@pytest.fixture(scope="module")
def shared_rows(shared_data: Path) -> dict[str, SurveyRow]:
    return _by_name(survey(shared_data, show_names=True))


def test_every_shared_file_is_in_the_table(shared_rows, shared_data: Path) -> None:
    covered = 0
    for name in shared_rows:
        number = name.rpartition("/")[2].removesuffix(" files")
        covered += int(number) if number.isdigit() else 1
    assert covered == sum(path.is_file() for path in shared_data.rglob("*"))
    assert {row.outcome for row in shared_rows.values()} == {"read", "read with note", "refused", "skipped"}
    assert [row.name for row in shared_rows.values() if "unexpected" in row.reason] == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("awkward_geometry/gantrytilting/001/4 files", r"gantry tilt.*14.0 degrees.*tilt=shear\): 512 x 5\d\d x 4"),
        ("awkward_geometry/sliceincrement/001/4 files", "uneven slice distances: 10 mm"),
        ("awkward_geometry/sliceincrement/002/4 files", "gantry tilt.*15.5 degrees.*uneven slice distances"),
        ("awkward_geometry/notavolume/001/4 files", r"several slices at one position along the normal: \(61.5\) mm"),
        ("mismatched_grids/3DCT_lung_followup_mask.mha", "another grid.*if resampling is asked for: read"),
        ("dicom_seg/sparse-labelmap-ppv5.dcm", "a CT series that is not among the files"),
    ],
)
def test_awkward_shared_files_are_refused_with_the_right_reason(shared_rows, name: str, reason: str) -> None:
    row = shared_rows[name]
    assert row.outcome == "refused"
    assert re.search(reason, row.reason), row.reason


@pytest.mark.parametrize(
    ("name", "kind", "what"),
    [
        ("chest_64/ct-64.nrrd", "CT volume", "64 x 64 x 79, 4.172 x 4.172 x 3.987 mm"),
        ("chest_64/ct-64-transformed.nrrd", "CT volume", "64 x 64 x 79, 4.172 x 4.172 x 3.987 mm"),
        ("chest_64/wholeLung-64.nrrd", "label map", "voxels of label 1: 65624"),
        ("totalsegmentator/example_ct_dicom/20 files", "CT series", r"512 x 512 x 20, 0.9766 x 0.9766 x 2 mm"),
        ("totalsegmentator/example_seg_dicom.nii.gz", "label map", "512 x 512 x 20"),
        ("dicom_seg/liver.dcm", "segments", "Liver: 107098 voxels"),
        ("dicom_seg/liver_seg.nrrd", "label map", "voxels of label 1: 107098"),
        ("mismatched_grids/3DCT_lung_baseline_small.mha", "CT volume", "57 x 78 x 64, 2.732 x 2.732 x 5 mm"),
    ],
)
def test_sound_shared_files_are_read(shared_rows, name: str, kind: str, what: str) -> None:
    row = shared_rows[name]
    assert (row.kind, row.outcome) in ((kind, "read"), (kind, "read with note"))
    assert what in row.what


def test_mask_of_the_large_grid_is_resampled_to_the_small_one_only_if_asked(shared_data: Path) -> None:
    folder, where = shared_data / "mismatched_grids", {"dataset": "demo", "case": "1"}
    image = read_image(folder / "3DCT_lung_baseline_small.mha", **where).image
    mask = folder / "3DCT_lung_baseline_mask.mha"
    with pytest.raises(ConversionError, match="on another grid"):
        read_mask(mask, image, **where)
    values = sitk.GetArrayFromImage(read_mask(mask, image, **where, resampled=True))
    large = sitk.ReadImage(str(mask))
    volume_ml = [
        (v == 1).sum() * s[0] * s[1] * s[2] / 1000
        for v, s in ((values, image.GetSpacing()), (sitk.GetArrayFromImage(large), large.GetSpacing()))
    ]
    assert volume_ml[0] == pytest.approx(volume_ml[1], rel=0.02)


def test_real_pair_and_its_boxes(lung_dx_root: Path, shared_data: Path) -> None:
    rows = survey(lung_dx_root, shared_data / "lung_dx_a0001" / "tumour_boxes_xml")
    read = [(row.kind, row.what) for row in rows if row.outcome == "read"]
    assert read[0] == ("boxes", "11 slices, 51370 voxels on kernel L; 9 slices, 39278 voxels on kernel B")
    assert [what.rpartition(", ")[2] for kind, what in read if kind == "CT series"] == ["kernel L", "kernel B"]


def test_samples_are_read_and_folders_are_numbered(tmp_path: Path) -> None:
    sts.make_sample(tmp_path / "Doe_Jane")
    lung_dx.make_sample(tmp_path / "Roe_Ann")
    (tmp_path / "Roe_Ann" / "Smith.txt").write_text("")
    rows = survey(tmp_path)
    counts = {(row.kind, row.outcome) for row in rows}
    assert counts == {("CT series", "read"), ("contours", "read"), ("boxes", "read"), ("other", "skipped")}
    for row in rows:
        for secret in ("Doe", "Roe", "Smith", "A0001", "STS", "1.2.826"):
            assert secret not in str(row)
    assert any(row.name == "folder 1/folder 1/folder 1/folder 1/8 files" for row in rows)


def test_label_map_finds_its_image_and_a_stray_one_is_noted(tmp_path: Path) -> None:
    chest = sample_chest(0)
    write_nifti(tmp_path / "a" / "ct.nii.gz", chest.image)
    write_nifti(tmp_path / "a" / "mask.nii.gz", chest.labels(lung=1, tumour=2))
    write_nifti(tmp_path / "b" / "mask.nii.gz", chest.labels(lung=1))
    (tmp_path / "b" / "1.nii.gz").write_bytes(b"no gzip")
    rows = _by_name(survey(tmp_path, show_names=True))
    assert {name: (row.kind, row.outcome, row.reason) for name, row in rows.items()} == {
        "a/ct.nii.gz": ("CT volume", "read", ""),
        "a/mask.nii.gz": ("label map", "read", ""),
        "b/mask.nii.gz": ("label map", "read with note", "no CT beside it to lie on"),
        "b/1.nii.gz": ("CT volume", "refused", rows["b/1.nii.gz"].reason),
    }
    assert "1.nii.gz" in rows["b/1.nii.gz"].reason


def test_cut_off_and_foreign_files_have_a_row(tmp_path: Path) -> None:
    image = ct_of_mask(ball_mask(size_xyz=(10, 9, 6), spacing_mm=(0.8, 0.8, 3), radius_mm=3))
    series = write_ct_series(tmp_path, image, kernel="L", manufacturer="Philips")
    series.files[2].write_bytes(series.files[2].read_bytes()[:-50])
    (tmp_path / "000099.dcm").write_text("not DICOM")
    rows = _by_name(survey(tmp_path))
    assert rows["000099.dcm"].outcome == "refused"
    assert rows["6 files"].outcome == "refused"
    assert "pixels" in rows["6 files"].reason


def test_links_and_pipes_have_rows(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "a").mkdir(parents=True)
    (tmp_path / "Doe.nii.gz").write_bytes(b"")
    (root / "a" / "Jane.nii.gz").symlink_to(tmp_path / "Doe.nii.gz")
    (root / "a" / "Roe").symlink_to(tmp_path)
    (root / "a" / "Smith").symlink_to(tmp_path / "missing")
    (root / "a" / "again").symlink_to(root)
    (root / "a" / "zero").write_text("")
    (root / "zero").symlink_to(root / "a" / "zero")
    os.mkfifo(root / "a" / "x")
    rows = _by_name(survey(root))
    assert {row.outcome for row in rows.values()} == {"skipped"}
    assert {name: row.reason for name, row in rows.items()} == {
        "folder 1/file 1 of 6 (sorted by name)": "a link that leads out of the folder",
        "folder 1/file 2 of 6 (sorted by name)": "a link that leads out of the folder",
        "folder 1/file 3 of 6 (sorted by name)": "a link to nothing",
        "folder 1/file 4 of 6 (sorted by name)": "a link to a folder whose files are found where they lie",
        "folder 1/file 5 of 6 (sorted by name)": "a pipe, socket or device",
        "folder 1/file 6 of 6 (sorted by name)": "no image, mask or contours",
        "file 1 of 1 (sorted by name)": "no image, mask or contours",
    }


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Path]:
    """Return a file in 1,500 nested folders; shutil and pytest cannot remove as many."""
    place = tmp_path
    for _ in range(1500):
        place /= "d"
        place.mkdir()
    (place / "000001.dcm").write_bytes(b"no DICOM")
    yield place / "000001.dcm"
    (place / "000001.dcm").unlink()
    while place != tmp_path:
        place.rmdir()
        place = place.parent


def test_a_thousand_nested_folders_are_read(deep: Path, tmp_path: Path) -> None:
    (row,) = survey(tmp_path)
    assert (row.outcome, row.name) == ("refused", "folder 1/" * 1500 + deep.name)
    with pytest.raises(ConversionError, match="whose header cannot be read"):
        find_series(tmp_path, dataset="demo", case="1")


def test_names_of_many_files_take_time_in_proportion(tmp_path: Path) -> None:
    for number in range(4000):
        (tmp_path / f"Doe {number}").touch()
    start = time.process_time()
    assert len(survey(tmp_path)) == 4000
    assert time.process_time() - start < 5


def test_table_as_text_and_file(tmp_path: Path) -> None:
    rows = (SurveyRow("a", "CT series", "read", "8 x 8", ""), SurveyRow("b", "other", "skipped", "", "x | y"))
    text = format_survey(rows).splitlines()
    assert text[0] == "| name | kind | outcome | what | reason |"
    assert text[3] == "| b | other | skipped |  | x / y |"
    assert text[-1] == "1 read, 1 skipped"
    write_survey(tmp_path / "survey.csv", rows)
    with (tmp_path / "survey.csv").open(newline="") as stream:
        assert [row["reason"] for row in csv.DictReader(stream)] == ["", "x | y"]
    assert format_survey(()).endswith("nothing found")


@pytest.mark.parametrize("name", ["images.tar.xz", "masks.zip", "case.tar.gz", "Task06.tar"])
def test_an_archive_is_to_be_unpacked(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"packed")
    (row,) = survey(tmp_path)
    assert (row.outcome, row.reason) == ("skipped", "an archive: unpack it first")

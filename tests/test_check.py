import gzip
import json
import struct
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_dataset import make_annotation, make_case, make_image

from dataset_converters.__main__ import main
from dataset_converters.atomic import write_json
from dataset_converters.checking.check import check_nnunet_raw
from dataset_converters.records import CtImage
from dataset_converters.volumes.nifti import UnreadableNiftiError, read_nifti, write_nifti
from dataset_converters.writing.writer import convert

IMAGE, LABEL = "imagesTr/P1-LK_0000.nii.gz", "labels/P1.nii.gz"


@pytest.fixture
def folder(toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clean dataset of two cases with one float image each."""

    def case(name: str):
        image = {"LK": lambda: CtImage(make_image(1, dtype="float32"), {"kernel": "B70f"})}
        return make_case(name, images=image)

    monkeypatch.setattr(toy, "list_cases", lambda root: [case("P1"), case("P2")])
    return convert("toy", tmp_path / "source", tmp_path / "run")


@pytest.fixture
def plain(folder: Path) -> Path:
    """The same in nnU-Net's layout without a list of files, as others write it."""
    (folder / "labels").rename(folder / "labelsTr")
    for case in ("P1", "P2"):
        (folder / f"labelsTr/{case}.nii.gz").rename(folder / f"labelsTr/{case}-LK.nii.gz")
    content = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    write_json(folder / "dataset.json", {key: value for key, value in content.items() if key != "dataset"})
    return folder


def annotations(folder: Path) -> Path:
    return folder.parents[1] / "annotations" / folder.name


def errors(folder: Path) -> list[str]:
    return [str(finding) for finding in check_nnunet_raw(folder) if finding.severity == "error"]


def warnings(folder: Path) -> list[str]:
    """Return warnings, without those that files differ from what was converted."""
    found = [str(finding) for finding in check_nnunet_raw(folder) if finding.severity == "warning"]
    return [text for text in found if "SHA-256" not in text]


def rewrite(path: Path, change: Callable[[bytearray], bytes | bytearray | None]) -> None:
    """Change the bytes inside a .nii.gz file."""
    content = bytearray(gzip.decompress(path.read_bytes()))
    path.write_bytes(gzip.compress(change(content) or content))


def edit_json(path: Path, **changes: object) -> None:
    write_json(path, {**json.loads(path.read_text(encoding="utf-8")), **changes})


def test_a_clean_dataset_has_no_findings(folder: Path) -> None:
    assert check_nnunet_raw(folder, annotations=annotations(folder)) == []


def test_truncated_gzip_that_itk_reads_without_a_word(folder: Path) -> None:
    path = folder / IMAGE
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 6 // 10])
    assert errors(folder)[0].startswith(
        "error: Dataset790_toy: P1-LK: found P1-LK_0000.nii.gz: a truncated or damaged gzip stream "
    )
    path.write_bytes(whole[:-4])
    assert "truncated or damaged gzip stream" in errors(folder)[0]
    path.write_bytes(whole[:-8] + struct.pack("<I", 1) + whole[-4:])
    assert "truncated or damaged gzip stream" in errors(folder)[0]
    path.write_bytes(b"")
    assert "no NIfTI-1 header" in errors(folder)[0]


def test_payload_that_is_shorter_or_longer_than_the_header_says(folder: Path) -> None:
    rewrite(folder / IMAGE, lambda content: content[:-400])
    assert "found P1-LK_0000.nii.gz: 440 bytes of voxels; wanted 840 bytes as the header says" in errors(folder)[0]
    rewrite(folder / IMAGE, lambda content: content + bytes(1000))
    assert "more bytes than that; wanted 840 bytes" in errors(folder)[0]


def test_header_that_announces_more_than_memory_holds(folder: Path) -> None:
    rewrite(folder / IMAGE, lambda content: content[:42] + struct.pack("<3h", 32000, 32000, 32000) + content[48:])
    assert "a header that announces 131072000000000 bytes" in errors(folder)[0]


def test_nan_that_itk_turns_into_zero(folder: Path) -> None:
    def spoil(content: bytearray) -> None:
        content[-8:] = struct.pack("<2f", float("nan"), float("inf"))

    rewrite(folder / IMAGE, spoil)
    assert np.isfinite(sitk.GetArrayFromImage(sitk.ReadImage(str(folder / IMAGE)))[-1, -1, -2])
    assert "P1-LK: found P1-LK_0000.nii.gz: 2 voxels of NaN or infinity; wanted finite values" in errors(folder)[0]


def test_wrong_spacing_origin_direction_and_shape(folder: Path) -> None:
    grid = make_image()
    for change, found in (
        (lambda image: image.SetSpacing((0.8, 0.9, 3.2)), "spacing 0.8 x 0.9 x 3.2 mm"),
        (lambda image: image.SetOrigin((-101.3, 55.7, -1200.1)), "voxels up to 3 mm away"),
        (lambda image: image.SetDirection((1, 0, 0, 0, 1, 0, 0, 0, 1)), "axes (1 0 0; 0 1 0; 0 0 1)"),
    ):
        label = make_annotation(grid)
        change(label)
        write_nifti(folder / LABEL, label)
        (message,) = errors(folder)
        assert message.startswith("error: Dataset790_toy: P1-LK: found P1.nii.gz: ")
        assert found in message
        assert "wanted the image's grid: size 6 x 7 x 5 (x, y, z), spacing 0.8 x 0.9 x 3 mm" in message
    write_nifti(folder / LABEL, make_annotation(grid)[:, :, 1:])
    assert "P1.nii.gz: size 6 x 7 x 4" in errors(folder)[0]
    label = make_annotation(grid)
    label.SetOrigin([value + 1e-4 for value in grid.GetOrigin()])
    write_nifti(folder / LABEL, label)
    assert errors(folder) == []


def test_sheared_and_mirrored_axes(folder: Path) -> None:
    values = np.asanyarray(nib.load(folder / IMAGE).dataobj)
    for affine, found in (
        (np.array([[1, 0.3, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]), "from orthonormal"),
        (np.diag([1, 1, -1, 1.0]), "left-handed axes"),
    ):
        nib.save(nib.Nifti1Image(values, affine), folder / IMAGE)
        assert found in errors(folder)[0]


def test_header_that_contradicts_itself(folder: Path) -> None:
    image = nib.load(folder / IMAGE)
    image = nib.Nifti1Image(np.asanyarray(image.dataobj), image.affine, image.header)
    image.set_qform(image.affine + np.eye(4)[:, [3, 3, 3, 0]] * 5, code=1)
    nib.save(image, folder / IMAGE)
    assert "sform and qform that differ by 5 mm" in warnings(folder)[0]


@pytest.mark.parametrize(("value", "shown"), [(7, "labels 7 (12 voxels)"), (255, "labels 255 (12 voxels)")])
def test_unknown_label(folder: Path, value: int, shown: str) -> None:
    write_nifti(folder / LABEL, make_annotation(make_image(), value=value))
    assert f"P1-LK: found P1.nii.gz: {shown}; wanted values [0, 1] of dataset.json" in errors(folder)[0]


def test_labels_that_are_no_whole_numbers(folder: Path) -> None:
    label = sitk.Cast(make_annotation(make_image()), sitk.sitkFloat32)
    write_nifti(folder / LABEL, label)
    assert errors(folder) == []
    write_nifti(folder / LABEL, label * 0.5)
    assert "labels 0.5 (12 voxels)" in errors(folder)[0]
    write_nifti(folder / LABEL, sitk.Cast(label / 0.0, sitk.sitkFloat32))
    assert "labels inf (12 voxels), nan (198 voxels)" in errors(folder)[0]


def test_empty_masks(folder: Path) -> None:
    empty = make_annotation(make_image(), slices=())
    write_nifti(folder / LABEL, empty)
    assert errors(folder) == []
    assert "P1-LK: found no foreground voxel in its label file" in warnings(folder)[0]
    write_nifti(folder / "labels/P2.nii.gz", empty)
    assert "found no foreground in any of 2 label files" in errors(folder)[0]


def test_a_clean_dataset_without_a_list_has_no_findings(plain: Path) -> None:
    assert check_nnunet_raw(plain) == []


def test_missing_and_extra_files(folder: Path) -> None:
    (folder / LABEL).rename(folder / "labels/P9.nii.gz")
    (folder / "imagesTr/notes.txt").write_text("x")
    assert [text for text in errors(folder) if "P1-LK: found P1.nii.gz: No such file" in text] == errors(folder)
    assert "found imagesTr/notes.txt, which belongs to no case" in warnings(folder)[0]
    assert "found labels/P9.nii.gz, which belongs to no case" in warnings(folder)[1]


def test_missing_and_extra_files_without_a_list(plain: Path) -> None:
    folder = plain
    (folder / "labelsTr/P1-LK.nii.gz").rename(folder / "labelsTr/P9-LK.nii.gz")
    (folder / "imagesTr/notes.txt").write_text("x")
    found = errors(folder)
    assert "error: Dataset790_toy: found numTraining 2; wanted 3, the cases there are; correct dataset.json" in found
    assert any("P1-LK: found P1-LK.nii.gz: No such file" in text for text in found)
    assert any("P9-LK: found P9-LK_0000.nii.gz: No such file" in text for text in found)
    assert "found imagesTr/notes.txt, which belongs to no case" in warnings(folder)[0]


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [(0, 4095, "values from 0 to 4095"), (0, 1, "values from 0 to 1"), (-160, 240, "values from -160 to 240")],
)
def test_values_that_are_no_hounsfield_units(folder: Path, low: float, high: float, found: str) -> None:
    image = make_image(dtype="float32")
    write_nifti(folder / IMAGE, sitk.RescaleIntensity(image, low, high))
    assert found in warnings(folder)[0]
    assert "rescale slope and intercept" in warnings(folder)[0]


def test_constant_image(folder: Path) -> None:
    write_nifti(folder / IMAGE, make_image() * 0)
    assert "every voxel is 0; wanted an image with contrast" in errors(folder)[0]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"numTraining": 5}, "found numTraining 5; wanted 2"),
        ({"labels": {"background": 0, "tumour": 2}}, "found labels {'background': 0, 'tumour': 2}"),
        ({"labels": {"background": 0, "ignore": 1, "tumour": 2}}, "ignore the highest"),
        ({"labels": {"background": 0, "tumour": "1"}}, "that are no whole numbers"),
        ({"file_ending": ".mha"}, "file_ending '.mha'; wanted one of .nii.gz, .nii"),
    ],
)
def test_dataset_json_that_nnunet_would_trip_over(folder: Path, change: dict, found: str) -> None:
    edit_json(folder / "dataset.json", **change)
    assert any(found in text for text in errors(folder))


@pytest.mark.parametrize(
    "change",
    [
        {"labels": ["background", "tumour"]},
        {"labels": {"background": 0, "tumour": None}},
        {"channel_names": "CT"},
        {"file_ending": 3},
        {"numTraining": "2"},
        {"provenance": []},
        {"provenance": {"files": "all"}},
        {"dataset": {"P1": "P1.nii.gz"}},
        {"dataset": {"P1": {"images": ["a.nii.gz"]}}},
        {"unlabelled": ["imagesTs/P1_0000.nii.gz"]},
        {"unlabelled": {"P1": {"images": "a.nii.gz"}}},
        {"provenance": {"linked": []}},
    ],
)
def test_dataset_json_of_another_shape_is_a_finding(folder: Path, change: dict) -> None:
    edit_json(folder / "dataset.json", **change)
    assert "found" in errors(folder)[0]


@pytest.mark.parametrize("change", [{"cases": None}, {"labels": []}, {"cases": [{}]}])
def test_cases_json_of_another_shape_is_a_finding(folder: Path, change: dict) -> None:
    edit_json(annotations(folder) / "cases.json", **change)
    (finding,) = check_nnunet_raw(folder, annotations=annotations(folder))
    assert "cases.json that cannot be understood" in finding.found


@settings(max_examples=100, deadline=None)
@given(position=st.integers(0, 351), content=st.binary(min_size=1, max_size=8))
def test_any_damaged_header_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, position, content) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.nii.gz"
    write_nifti(path, make_image(dtype="float32"))
    rewrite(path, lambda whole: whole[:position] + content + whole[position + len(content) :])
    try:
        volume = read_nifti(path)
    except UnreadableNiftiError:
        return
    assert volume.voxels_zyx.ndim == 3


def test_dataset_json_that_is_absent_or_broken(folder: Path) -> None:
    (folder / "dataset.json").write_text("{")
    assert "found dataset.json that is no JSON" in errors(folder)[0]
    (folder / "dataset.json").unlink()
    assert "found no dataset.json in" in errors(folder)[0]


def test_regions_and_ignore_are_understood(folder: Path) -> None:
    edit_json(folder / "dataset.json", labels={"background": 0, "whole": [1, 2], "core": 2, "ignore": 3})
    write_nifti(folder / LABEL, make_annotation(make_image(), value=3))
    assert errors(folder) == []
    assert "P1-LK: found no foreground voxel" in warnings(folder)[0]


def test_dataset_that_lists_its_files(folder: Path, tmp_path: Path) -> None:
    study = tmp_path / "run/nnUNet_raw/Dataset901_study"
    source = json.loads((folder / "dataset.json").read_text())
    del source["provenance"]  # its paths are those of the other folder
    entries = {
        f"toy_{case}-LK": {
            "images": [f"../Dataset790_toy/imagesTr/{case}-LK_0000.nii.gz"],
            "label": str(folder / f"labels/{case}.nii.gz"),
        }
        for case in ("P1", "P2")
    }
    write_json(study / "dataset.json", {**source, "dataset": entries})
    assert check_nnunet_raw(study) == []
    (folder / IMAGE).unlink()
    assert "Dataset901_study: toy_P1-LK: found P1-LK_0000.nii.gz: No such file" in errors(study)[0]


def test_reader_masks(folder: Path) -> None:
    mask = annotations(folder) / "P2-reader1.nii.gz"
    write_nifti(mask, make_annotation(make_image(spacing_mm=(1, 1, 3)), value=4))
    found = [str(finding) for finding in check_nnunet_raw(folder, annotations=annotations(folder))]
    assert any("P2: found P2-reader1.nii.gz: size 6 x 7 x 5 (x, y, z), spacing 1 x 1 x 3 mm" in text for text in found)
    assert any("P2: found P2-reader1.nii.gz: labels 4; wanted values [0, 1] of cases.json" in text for text in found)
    assert any(text.startswith("warning") and "as converted" in text for text in found)
    mask.unlink()
    found = [str(finding) for finding in check_nnunet_raw(folder, annotations=annotations(folder))]
    assert found[0].startswith("error: Dataset790_toy: P2: found P2-reader1.nii.gz: No such file")


def test_files_changed_since_their_conversion(folder: Path) -> None:
    write_nifti(folder / IMAGE, make_image(5))
    (finding,) = check_nnunet_raw(folder)
    assert finding.severity == "warning"
    assert finding.found.startswith(f"{IMAGE} with SHA-256 ")


def test_command_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(folder), "--annotations", str(annotations(folder))]) == 0
    assert capsys.readouterr().err == f"{folder}: 0 errors, 0 warnings\n"
    (folder / LABEL).write_bytes((folder / LABEL).read_bytes()[:-9])
    assert main(["check", str(folder)]) == 1
    printed = capsys.readouterr()
    assert printed.out.count("\n") == 1
    assert printed.err == f"{folder}: 1 errors, 0 warnings\n"

"""Conversions that were interrupted, changed or ran out of disk."""

import os
from pathlib import Path

import pytest
from toy_dataset import Convert, files_below, make_case, make_image

from dataset_converters.atomic import DiskFullError, write_text
from dataset_converters.errors import ConversionError
from dataset_converters.records import Case, CtImage

pytestmark = pytest.mark.filterwarnings("error")


def test_interrupted_conversion_resumes_with_the_same_bytes(run_with: Convert, tmp_path: Path) -> None:
    calls: list[str] = []

    def counted(name: str, *, stop: bool = False) -> Case:
        def load() -> CtImage:
            calls.append(name)
            if stop:
                raise KeyboardInterrupt
            return CtImage(make_image(1), {})

        return make_case(name, images={"LK": make_case().images["LK"], "MK": load})

    names = ("P1", "P2", "P3")
    run_with(*map(counted, names))
    undisturbed = files_below(tmp_path / "run")
    for path in sorted((tmp_path / "run").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    calls.clear()
    with pytest.raises(KeyboardInterrupt):
        run_with(counted("P1"), counted("P2", stop=True), counted("P3"))
    assert not [name for name in files_below(tmp_path / "run") if "P2" in name], "P2-LK was written, then removed"
    assert not (tmp_path / "run/nnUNet_raw/Dataset790_toy/dataset.json").exists()
    run_with(*map(counted, names))
    assert calls == ["P1", "P2", "P2", "P3"], "P1 was not converted again"
    assert files_below(tmp_path / "run") == undisturbed


def test_changed_files_options_and_source_are_converted_again(run_with: Convert, tmp_path: Path) -> None:
    calls: list[str] = []

    def load() -> CtImage:
        calls.append("P1")
        return CtImage(make_image(1), {})

    case = make_case("P1", images={"LK": load})
    folder = run_with(case)
    run_with(case)
    assert len(calls) == 1
    image = folder / "imagesTr" / "P1-LK_0000.nii.gz"
    whole = image.read_bytes()
    image.write_bytes(whole[:-20])
    run_with(case)
    assert len(calls) == 2
    assert image.read_bytes() == whole
    run_with(case, options={"depth": 3})
    assert len(calls) == 3
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "new.dcm").write_bytes(b"x")
    run_with(case, options={"depth": 3})
    assert len(calls) == 4


def test_cases_that_are_gone_leave_no_files(run_with: Convert, tmp_path: Path) -> None:
    run_with(make_case("P1"), make_case("P2"))
    run_with(make_case("P1"))
    assert [name for name in files_below(tmp_path) if "P2" in name] == []


def test_foreign_datasets_are_left_alone(run_with: Convert, tmp_path: Path) -> None:
    foreign = tmp_path / "run/nnUNet_raw/Dataset790_toy/dataset.json"
    write_text(foreign, "{}")
    with pytest.raises(ConversionError, match=r"dataset.json of another origin"):
        run_with(make_case("P1"))
    assert foreign.read_text() == "{}"
    with pytest.raises(ConversionError, match=r"found Dataset790_toy in .*; wanted id 790 free"):
        run_with(make_case("P1"), nnunet_name="other")
    with pytest.raises(ConversionError, match=r"found nnU-Net name '../x' and id 790"):
        run_with(make_case("P1"), nnunet_name="../x")


def test_images_of_others_without_a_dataset_json_are_left_alone(run_with: Convert, tmp_path: Path) -> None:
    foreign = tmp_path / "run/nnUNet_raw/Dataset790_toy/imagesTr/theirs_0000.nii.gz"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"theirs")
    with pytest.raises(ConversionError, match=r"with images of another origin"):
        run_with(make_case("P1"))
    assert foreign.read_bytes() == b"theirs"


def test_labels_as_earlier_versions_wrote_them_are_removed(run_with: Convert) -> None:
    folder = run_with(make_case("P1"))
    (folder / "labelsTr").mkdir()
    (folder / "labelsTr/P1-LK.nii.gz").write_bytes((folder / "labels/P1.nii.gz").read_bytes())
    run_with(make_case("P1"))
    assert not (folder / "labelsTr").exists()


def test_a_source_file_whose_name_is_no_text_is_noticed(run_with: Convert, tmp_path: Path) -> None:
    calls: list[str] = []

    def load() -> CtImage:
        calls.append("P1")
        return CtImage(make_image(1), {})

    run_with(make_case("P1", images={"LK": load}))
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "M\udcfcller.dcm").write_bytes(b"x")
    run_with(make_case("P1", images={"LK": load}))
    assert len(calls) == 2


def test_a_source_behind_links_is_noticed(run_with: Convert, tmp_path: Path) -> None:
    calls: list[str] = []

    def load() -> CtImage:
        calls.append("P1")
        return CtImage(make_image(1), {})

    case = make_case("P1", images={"LK": load})
    elsewhere, source = tmp_path / "elsewhere", tmp_path / "source"
    for folder in (elsewhere / "ct", source):
        folder.mkdir(parents=True)
    (elsewhere / "ct" / "1.dcm").write_bytes(b"x")
    (elsewhere / "2.dcm").write_bytes(b"x")
    (source / "P1").symlink_to(elsewhere / "ct")
    (source / "2.dcm").symlink_to(elsewhere / "2.dcm")
    (elsewhere / "ct" / "loop").symlink_to(elsewhere / "ct")
    (source / "up").symlink_to(tmp_path)
    (source / "nothing").symlink_to(tmp_path / "absent")
    run_with(case)
    run_with(case)
    assert len(calls) == 1
    for number, name in enumerate(("ct/1.dcm", "2.dcm"), start=2):
        (elsewhere / name).write_bytes(b"changed")
        run_with(case)
        assert len(calls) == number


def test_disk_full_during_a_case(run_with: Convert, tmp_path: Path) -> None:
    """A real ENOSPC: the temporary file of the second variant is the device that is always full."""
    images = tmp_path / "run/nnUNet_raw/Dataset790_toy/imagesTr"

    def load() -> CtImage:
        (images / f".P2-MK_0000.nii.gz.{os.getpid()}.partial").symlink_to("/dev/full")
        return CtImage(make_image(2), {})

    case = make_case("P2", images={"LK": make_case().images["LK"], "MK": load})
    with pytest.raises(
        DiskFullError, match=r"disk full while writing .*P2-MK_0000.nii.gz: .*run the same command again"
    ):
        run_with(make_case("P1"), case)
    assert sorted(path.name for path in images.iterdir()) == ["P1-LK_0000.nii.gz", "P1-MK_0000.nii.gz"]
    run_with(make_case("P1"), make_case("P2"))
    assert len(list(images.iterdir())) == 4

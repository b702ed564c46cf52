"""What a conversion would do, without reading pixels or writing anything."""

import json
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
from toy_dataset import add_module, make_case

from dataset_converters.__main__ import main
from dataset_converters.commands.plan_text import estimated_bytes
from dataset_converters.datasets import sts
from dataset_converters.dicom.sample import write_ct_series
from dataset_converters.dicom.series import read_dicom_series
from dataset_converters.errors import ConversionError
from dataset_converters.records import Case, CtImage
from dataset_converters.sources.case_list import collect_cases
from dataset_converters.sources.sample_volumes import sample_chest
from dataset_converters.writing.conversion_plan import plan_conversion


def unread() -> CtImage:
    raise AssertionError("a dry run reads no pixels")


def planned_case(name: str, **changes: object) -> Case:
    return make_case(name, **{"images": {"LK": unread, "MK": unread}, **changes})


def faulty_listing(root: Path, **options: object) -> list[Case]:
    def read(folder: Path) -> Case:
        if folder.name in ("P2", "P3"):
            raise ConversionError("toy", folder.name, found="no CT", wanted="one series", action="unpack it again")
        return planned_case(folder.name)

    return collect_cases("toy", [root / name for name in ("P1", "P2", "P3", "P4")], read)


def test_cases_variants_and_readers_are_counted(
    toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sparse = planned_case("P1", annotated_slices={"reader1": (0, 3)}, role="train")
    monkeypatch.setattr(toy, "list_cases", lambda root: [sparse, planned_case("P2", annotations={}, role="test")])
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "1.dcm").write_bytes(bytes(2_000_000))
    before = sorted(tmp_path.rglob("*"))
    command = ["convert", "toy", "--in", str(tmp_path / "source"), "--out", str(tmp_path / "run"), "--dry-run"]
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "toy as Dataset790_toy: Toy"
    assert "cases: 2 of 3, 2 patients; excluded: 0" in lines
    assert "images by variant: LK 2, MK 2; annotations by reader: reader1 1" in lines
    assert "P1    P1       train  LK MK     reader1 (2)" in lines
    assert "P2    P2       test   LK MK     none" in lines
    assert lines[-2].startswith("output: about 1.1 MB at most; ")
    assert lines[-1] == (
        "0 problems; DICOM headers checked of 0 of 4 images; not checked: pixels, masks and their grids; "
        "nothing was written"
    )
    assert sorted(tmp_path.rglob("*")) == before


def test_every_problem_is_listed_and_the_exit_code_says_so(
    toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(toy, "list_cases", faulty_listing)
    arguments = ["--exclude", "P3=no CT", "--exclude", "P9=typo", "--training-reader", "reader7"]
    assert main(["convert", "toy", "--in", str(tmp_path), "--dry-run", *arguments]) == 1
    printed = capsys.readouterr()
    problems = [line for line in printed.out.splitlines() if line.startswith("problem: ")]
    assert printed.err.endswith("--exclude 'P2=reason' --exclude 'P1=reason' --exclude 'P4=reason'\n")
    assert [line.split(": found")[0] for line in problems] == [
        "problem: toy: P2",
        "problem: toy: P9",
        "problem: toy: P1",
        "problem: toy: P4",
    ]


@pytest.mark.parametrize("gap", [False, True])
def test_headers_behind_loaders_are_checked(
    toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], gap: bool
) -> None:
    chest = sample_chest(1)
    files = write_ct_series(tmp_path / "ct", chest.image, kernel="B", manufacturer="Philips").files
    if gap:
        files[2].unlink()
    load = partial(read_dicom_series, tmp_path / "ct", dataset="toy", case="P1", tilt="refuse")
    case = planned_case("P1", images={"LK": load, "MK": unread})
    monkeypatch.setattr(toy, "list_cases", lambda root: [case])
    assert main(["convert", "toy", str(tmp_path), "--dry-run"]) == int(gap)
    printed = capsys.readouterr()
    assert f"{int(gap)} problems; DICOM headers checked of 1 of 2 images; not checked: pixels" in printed.out
    assert ("problem: toy: P1: found 1 uneven slice distances" in printed.out) == gap
    assert ("--exclude 'P1=reason'" in printed.err) == gap


def test_files_left_out_on_purpose_are_noted(
    toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(toy, "list_cases", lambda root, depth: [make_case("P1")])
    monkeypatch.setattr(toy, "left_out", lambda root, depth: [f"{depth} scouts are left out"], raising=False)
    command = ["convert", "toy", str(tmp_path), "--option", "depth=4"]
    assert main([*command, "--dry-run"]) == 0
    assert "note: 4 scouts are left out\n" in capsys.readouterr().out
    assert main([*command, "--out", str(tmp_path / "run")]) == 0
    assert "note: 4 scouts are left out\n" in capsys.readouterr().err
    listed = json.loads((tmp_path / "run/annotations/Dataset790_toy/cases.json").read_text(encoding="utf-8"))
    assert listed["notes"][0] == "4 scouts are left out"


def test_excluded_faults_are_no_problems(toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toy, "list_cases", faulty_listing)
    plan = plan_conversion("toy", tmp_path, None, exclude={"P2": "no CT", "P3": "no CT"})
    assert plan.problems == ()
    assert [case.case for case in plan.cases] == ["P1", "P4"]
    assert dict(plan.excluded) == {"P2": "no CT", "P3": "no CT"}


def test_a_folder_without_cases_is_one_problem(toy: ModuleType, tmp_path: Path) -> None:
    (problem,) = plan_conversion("toy", tmp_path, None).problems
    assert "toy: found no cases" in str(problem)


def test_an_id_that_is_taken_is_a_problem_before_anything_is_read(dataset_folder: Path, tmp_path: Path) -> None:
    add_module(dataset_folder, "toy_again")
    (tmp_path / "nnUNet_raw/Dataset790_other").mkdir(parents=True)
    with pytest.raises(ConversionError, match=r"found Dataset790_other in .*; wanted id 790 free"):
        plan_conversion("toy_again", tmp_path, tmp_path)
    plan_conversion("toy_again", tmp_path, None)


def test_real_parsers_are_run_on_headers_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sts.make_sample(tmp_path)
    for path in tmp_path.glob("STS_001/CT/image/*"):
        path.write_bytes(path.read_bytes()[:-300])
    assert main(["convert", "sts", str(tmp_path), "--dry-run"]) == 0
    assert "images by variant: SOFT 1, STANDARD 1; annotations by reader: manual 2" in capsys.readouterr().out


def test_estimated_size_by_kind_of_file(tmp_path: Path) -> None:
    for name, size in (("a/1", 1000), ("a/ct.NII.GZ", 100), ("patients.csv", 10_000), ("run/old.nii.gz", 5000)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size))
    assert estimated_bytes(tmp_path, without=tmp_path / "run", link=False) == 550 + 100
    assert estimated_bytes(tmp_path, without=tmp_path / "run", link=True) == 550
    assert estimated_bytes(tmp_path, without=None, link=False) == 550 + 100 + 5000

"""The converters' command line."""

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from toy_dataset import Convert, make_case, make_image

from dataset_converters.__main__ import main
from dataset_converters.atomic import write_json
from dataset_converters.commands import convert_command
from dataset_converters.commands.show_command import format_dataset
from dataset_converters.commands.usage import toml_options
from dataset_converters.datasets import dicom_pairs
from dataset_converters.records import CtImage
from dataset_converters.registry import list_datasets
from dataset_converters.volumes.nifti import write_nifti

pytestmark = pytest.mark.filterwarnings("error")


def test_command_line_says_one_thing_and_exits(
    run_with: Convert,
    toy: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(toy, "list_cases", lambda root, **options: [make_case("P1")])
    out = str(tmp_path / "run")
    assert main(["convert", "toy", "nowhere", out, "--option", "depth=4", "--id", "12", "--name", "mine"]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{out}/nnUNet_raw/Dataset012_mine: 1 cases, 2 images, 0 cases excluded\n"
    assert "note: found 1 cases; the complete collection has 3" in printed.err
    assert (
        main(["check", f"{out}/nnUNet_raw/Dataset012_mine", "--annotations", f"{out}/annotations/Dataset012_mine"]) == 0
    )
    spec = {"converter": "toy", "root": "nowhere", "out": out, "nnunet_name": "", "dataset_id": 0}
    write_json(tmp_path / "spec.json", {**spec, "training_reader": "reader1", "options": {}, "exclude": {}})
    assert main(["convert", "--spec", str(tmp_path / "spec.json")]) == 0
    assert (
        main(["convert", "toy", "--in", "nowhere", "--out", out, "--workers", "2", "--id", "12", "--name", "mine"]) == 0
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["convert", "tooy", "a", "b"], "found no dataset 'tooy'; did you mean 'toy'?"),
        (["convert", "toy", "a"], "found an incomplete command; wanted NAME --in DIR --out DIR"),
        (["convert", "toy", "a", "--in", "b"], "found --in and the same folder without it"),
        (["convert", "toy", "a", "b", "--workers", "0"], "found --workers 0; wanted 1 or more"),
        (["convert", "toy", "--spec", "absent.json"], "found --spec and NAME, --in or --out"),
        (["show", "tooy"], "found no dataset 'tooy'; did you mean 'toy'?"),
        (["pairs", "absent"], "absent: found no such folder"),
        (["survey", "absent"], "absent: found no such folder"),
        (["convert", "toy", "a", "b", "--option", "depth"], "found 'depth'; wanted --option KEY=VALUE"),
        (["convert", "toy", "a", "b", "--option", "depth=[3"], "found '[3'; wanted text, or a TOML value"),
        (["convert", "toy", "a", "b", "--option", "depth="], "found ''; wanted text, or a TOML value"),
        (["convert", "toy", "a", "b", "--option", "deep=1"], "toy: found option 'deep'"),
        (["convert", "toy", "a", "b"], "toy: found no cases"),
        (["convert", "--spec", "absent.json"], "absent.json: No such file"),
        (["check", "absent"], ""),
    ],
)
def test_command_line_mistakes(
    toy: ModuleType,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    printed = capsys.readouterr()
    assert message in printed.err
    assert "Traceback" not in printed.err
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("soft", "soft"),
        ("/data/boxes", "/data/boxes"),
        ("two words", "two words"),
        ('"3"', "3"),
        ("3", 3),
        ("true", True),
        ("[1, 'a']", [1, "a"]),
        ("3\nother = 4", "3\nother = 4"),
    ],
)
def test_options_are_toml_values_or_else_text(text: str, value: object) -> None:
    assert toml_options([f"key={text}"]) == {"key": value}


def test_a_failed_conversion_says_how_to_leave_the_faulty_cases_out(
    toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> CtImage:
        raise ValueError

    names = ("P1", "P2", "P3", "P4", "P5")
    cases = [make_case(name, images={"LK": fail} if name != "P3" else make_case().images) for name in names]
    monkeypatch.setattr(toy, "list_cases", lambda root: cases)
    command = ["convert", "toy", str(tmp_path / "in"), str(tmp_path / "run")]
    assert main(command) == 1
    flags = " ".join(f"--exclude '{name}=reason'" for name in ("P1", "P2", "P4"))
    assert capsys.readouterr().err.endswith(f"to leave faulty cases out, with your reason: {flags} ...\n")
    assert main([*command, "--exclude", "P1=a", "--exclude", "P2=b", "--exclude", "P4=c", "--exclude", "P9=d"]) == 1
    assert "--exclude '" not in capsys.readouterr().err, "P9 is no case"


def test_an_output_folder_that_cannot_be_written_to_is_named(
    toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(toy, "list_cases", lambda root: [make_case("P1")])
    out = tmp_path / "file"
    out.write_text("")
    assert main(["convert", "toy", str(tmp_path / "in"), str(out)]) == 1
    wanted = f"{out}: found Not a directory; wanted a folder that can be written to; give another --out\n"
    assert capsys.readouterr().err == wanted
    write_json(tmp_path / "spec.json", {"converter": "toy", "root": str(tmp_path / "in"), "out": str(out)})
    assert main(["convert", "--spec", str(tmp_path / "spec.json")]) == 1
    assert capsys.readouterr().err == wanted


def test_an_interruption_while_the_program_loads_is_told_like_any_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Interrupted:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "dataset_converters.commands.command_line":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "dataset_converters.commands.command_line", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupted(), *sys.meta_path])
    assert main(["list"]) == 1
    assert capsys.readouterr().err.startswith("interrupted; finished cases are kept")
    code = "import sys, dataset_converters.__main__; sys.exit('numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_list_has_a_line_a_dataset(toy: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("toy ")]
    assert line.split() == ["toy", "(790)", "3", "unconfirmed", "tumour", "Toy"]


LAYOUT = """Toy.

Access
    none
Layout
    ``<patient>/ct.nii.gz``

        deeper
Labels
    1 tumour
"""


def test_show_says_all_that_the_dataset_file_says(toy: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toy, "__doc__", LAYOUT)
    monkeypatch.setattr(toy, "describe", lambda root: toy.DATASET, raising=False)
    text = format_dataset(toy)
    for line in (
        "toy: Toy",
        "id: 790: Dataset790_toy",
        "paper: Toy 2020",
        "obtain: none",
        "licence: CC0",
        "cases: 3",
        "labels (depends on the options): 1 tumour",
        "variants (depends on the options):",
        "lung definition: none",
        "options: --option depth=...  number of slices",
        "layout:\n  ``<patient>/ct.nii.gz``\n\n      deeper\nconvert:",
    ):
        assert line in text
    assert "LK (native), MK (native)" in text


def test_every_dataset_can_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    for module in list_datasets():
        assert main(["show", module.DATASET.name]) == 0
        text = " ".join(capsys.readouterr().out.split())
        for part in (module.DATASET.access, module.DATASET.licence, *module.DATASET.faults):
            assert " ".join(part.split()) in text
        assert ("\nLayout\n" in (module.__doc__ or "")) == ("layout:" in text)


def test_convert_links_when_asked(
    toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "ct.nii.gz"
    write_nifti(source, make_image(1))
    case = make_case("P1", images={"LK": lambda: CtImage(make_image(1), {}, source)})
    monkeypatch.setattr(toy, "list_cases", lambda root, **options: [case])
    assert main(["convert", "toy", "--in", str(tmp_path), "--out", str(tmp_path / "run"), "--link"]) == 0
    content = json.loads((tmp_path / "run/nnUNet_raw/Dataset790_toy/dataset.json").read_text())
    assert content["dataset"]["P1-LK"]["images"] == [str(source)]


def test_no_text_of_a_library_and_no_path_of_the_source_is_printed(
    toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deep = tmp_path / "Doe_John" / "1.dcm"

    def unreadable(root: Path) -> list:
        raise PermissionError(13, "Permission denied", str(deep))

    def confused(root: Path) -> list:
        raise KeyError("Doe^John")

    for list_cases, found in ((unreadable, "toy: found PermissionError ("), (confused, "toy: found KeyError (")):
        monkeypatch.setattr(toy, "list_cases", list_cases)
        assert main(["convert", "toy", str(tmp_path), str(tmp_path / "run")]) == 1
        printed = capsys.readouterr()
        assert printed.err.startswith(found)
        assert "Doe" not in printed.err
    monkeypatch.setattr(convert_command, "plan_conversion", lambda *_, **__: unreadable(tmp_path))
    assert main(["convert", "toy", str(tmp_path), "--dry-run"]) == 1
    assert capsys.readouterr().err.startswith("Permission denied (")
    monkeypatch.setattr(convert_command, "plan_conversion", lambda *_, **__: confused(tmp_path))
    assert main(["convert", "toy", str(tmp_path), "--dry-run"]) == 1
    assert capsys.readouterr().err.startswith("found KeyError (")


def test_check_writes_a_report_where_asked(
    toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = [make_case("P1"), make_case("P2", annotations={}, role="test")]
    monkeypatch.setattr(toy, "list_cases", lambda root: cases)
    assert main(["convert", "toy", "nowhere", str(tmp_path / "run")]) == 0
    capsys.readouterr()
    folder, report = tmp_path / "run/nnUNet_raw/Dataset790_toy", tmp_path / "report"
    assert main(["check", str(folder), "--report", str(report)]) == 1  # the noise of a toy is no patient
    printed = capsys.readouterr()
    assert printed.out == f"{report / 'index.html'}\n"
    assert "0 errors, 0 warnings" in printed.err
    assert "anatomy: 2 images with errors" in printed.err
    text = (report / "index.html").read_text(encoding="utf-8")
    for image in ("P1-LK", "P1-MK", "P2-LK", "P2-MK"):
        assert image in text


def test_check_finds_the_masks_beside_the_dataset(
    toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(toy, "list_cases", lambda root: [make_case("P1")])
    assert main(["convert", "toy", "nowhere", str(tmp_path / "run")]) == 0
    (tmp_path / "run/annotations/Dataset790_toy/P1-reader1.nii.gz").unlink()
    monkeypatch.chdir(tmp_path / "run/nnUNet_raw")
    assert main(["check", "Dataset790_toy"]) == 1
    assert "P1: found P1-reader1.nii.gz: No such file" in capsys.readouterr().out


def test_pairs_and_survey_print_and_write_what_they_find(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dicom_pairs.make_sample(tmp_path / "source")
    table = tmp_path / "table.csv"
    assert main(["pairs", str(tmp_path / "source"), "--csv", str(table)]) == 0
    assert "2 pair" in capsys.readouterr().out.splitlines()[-1]
    assert len(table.read_text(encoding="utf-8").splitlines()) == 1 + 2
    assert main(["survey", str(tmp_path / "source"), "--csv", str(table)]) == 0
    assert "read" in capsys.readouterr().out.splitlines()[-1]
    assert "CT series" in table.read_text(encoding="utf-8")


def test_pairs_take_a_kernel_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dicom_pairs.make_sample(tmp_path / "source")
    (tmp_path / "table.toml").write_text('[philips]\nsoft = ["L"]\n')
    assert main(["pairs", str(tmp_path / "source"), "--kernel-table", str(tmp_path / "table.toml")]) == 0
    assert "4 alone" in capsys.readouterr().out.splitlines()[-1]

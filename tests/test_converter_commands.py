"""The converters' command line, and conversions killed at any moment."""

import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from types import ModuleType

import pytest
from toy_dataset import Convert, add_module, files_below, make_case

from dataset_converters.__main__ import main
from dataset_converters.atomic import write_json

pytestmark = pytest.mark.filterwarnings("error")


SLOW_TOY = """
import time
import numpy as np
import SimpleITK as sitk
from dataset_converters.records import Case, CtImage


def image(seed):
    time.sleep(0.15)
    values = np.random.default_rng(seed).normal(0, 300, (20, 64, 64)).astype("int16")
    return CtImage(sitk.GetImageFromArray(values), {})


def annotation(grid):
    values = sitk.Cast(grid > 500, sitk.sitkUInt8)
    return values


def list_cases(root, *, depth=5):
    return [
        Case(f"P{n}", f"P{n}", {"LK": lambda n=n: image(n), "MK": lambda n=n: image(-n % 99)}, {"r": annotation})
        for n in range(1, 6)
    ]
"""


def test_killed_processes_resume_with_the_same_bytes(tmp_path: Path, dataset_folder: Path) -> None:
    path = add_module(dataset_folder, "slow_toy")
    path.write_text(path.read_text() + SLOW_TOY)
    program = textwrap.dedent(f"""
        import sys
        import dataset_converters.datasets as datasets
        datasets.__path__.append({str(dataset_folder)!r})
        from dataset_converters.__main__ import main
        print("ready", flush=True)
        sys.exit(main(["convert", "slow_toy", "nowhere", sys.argv[1]]))
    """)

    def start(out: Path) -> subprocess.Popen:
        process = subprocess.Popen([sys.executable, "-c", program, str(out)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    listings = tmp_path / "killed/nnUNet_raw/Dataset790_slow_toy/dataset.json"
    for seconds in (0.25, 0.5, 0.7):
        process = start(tmp_path / "killed")
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert not listings.exists()
    for name in ("killed", "whole"):
        process = start(tmp_path / name)
        assert "5 cases, 10 images" in process.communicate()[0]
        assert process.returncode == 0
    assert files_below(tmp_path / "killed") == files_below(tmp_path / "whole")


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
    assert main(["list"]) == 0
    assert "toy (790): Toy" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["convert", "tooy", "a", "b"], "found no dataset 'tooy'; did you mean 'toy'?"),
        (["convert", "toy", "a"], "found an incomplete command; wanted NAME ROOT OUT"),
        (["convert", "toy", "a", "b", "--option", "depth"], "found 'depth'; wanted --option KEY=VALUE"),
        (["convert", "toy", "a", "b", "--option", "depth=soft"], "found 'soft'; wanted a TOML value"),
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

"""Conversions killed at any moment, with and without workers: the same command gives the same bytes."""

import json
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from toy_dataset import add_module, files_below

from dataset_converters.volumes.nifti import read_nifti

SLOW_TOY = """
import time
import numpy as np
import SimpleITK as sitk
from dataset_converters.records import Case, CtImage


def image(seed):
    time.sleep(0.1)
    values = np.random.default_rng(seed).normal(0, 300, (20, 64, 64)).astype("int16")
    return CtImage(sitk.GetImageFromArray(values), {})


def annotation(grid):
    return sitk.Cast(grid > 500, sitk.sitkUInt8)


def list_cases(root, *, depth=5):
    return [
        Case(f"P{n}", f"P{n}", {"LK": lambda n=n: image(n), "MK": lambda n=n: image(-n % 99)}, {"r": annotation})
        for n in range(1, 6)
    ]
"""
KILLS = 3


@pytest.fixture
def program(dataset_folder: Path) -> str:
    """A command line that knows the slow dataset and says when it starts to convert."""
    path = add_module(dataset_folder, "slow_toy")
    path.write_text(path.read_text() + SLOW_TOY)
    return textwrap.dedent(f"""
        import sys
        import dataset_converters.datasets as datasets
        datasets.__path__.append({str(dataset_folder)!r})
        import dataset_converters.commands.command_line  # `main` loads it, which takes long
        from dataset_converters.__main__ import main
        print("ready", flush=True)
        sys.exit(main(["convert", "slow_toy", "nowhere", *sys.argv[1:]]))
    """)


def start(program: str, out: Path, workers: int) -> subprocess.Popen:
    command = [sys.executable, "-c", program, str(out), "--workers", str(workers)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_processes_resume_with_the_same_bytes(tmp_path: Path, program: str, workers: int) -> None:
    moments = random.Random(workers)
    killed = 0
    for _ in range(KILLS):
        process = start(program, tmp_path / "killed", workers)
        time.sleep(moments.uniform(0.02, 0.5))
        killed += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert_nothing_is_half_written(tmp_path / "killed")
    assert killed
    for name in ("killed", "whole"):
        process = start(program, tmp_path / name, workers)
        out, err = process.communicate()
        assert process.returncode == 0, err
        assert "5 cases, 10 images" in out
    assert files_below(tmp_path / "killed") == files_below(tmp_path / "whole")


def test_ctrl_c_ends_the_workers_and_says_so(tmp_path: Path, program: str) -> None:
    process = start(program, tmp_path / "stopped", 2)
    time.sleep(0.4)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert err.splitlines()[-1] == "interrupted; finished cases are kept, run the same command again"
    assert "Traceback" not in err
    folder = tmp_path / "stopped/nnUNet_raw/Dataset790_slow_toy"
    records = tmp_path / "stopped/annotations/Dataset790_slow_toy/records"
    finished = {path.stem for path in records.glob("*.json")}
    assert {path.name.split("-")[0] for path in (folder / "imagesTr").iterdir()} == finished, "no half-written case"


def assert_nothing_is_half_written(run: Path) -> None:
    """Whatever has its final name is whole, and a finished case has all its files."""
    for path in run.rglob("*.nii.gz"):
        read_nifti(path)
    records = list(run.rglob("records/*.json"))
    for record in records:
        for name in json.loads(record.read_text(encoding="utf-8"))["files"]:
            assert (run / name).exists()
    if (run / "nnUNet_raw/Dataset790_slow_toy/dataset.json").exists():
        assert len(records) == 5

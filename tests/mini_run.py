"""The whole workflow on a very small phantom study: the study file, its command, one undisturbed run for all tests."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
QUICKSTART = REPOSITORY / "benchmarks" / "studies" / "quickstart.toml"
PARTS = {
    "train_patients = 8, test_patients = 10, size_zyx = [48, 128, 128], seed = 2021": (
        "train_patients = 3, test_patients = 3, size_zyx = [8, 64, 64], seed = 3, readers = 2, annotated = 5"
    ),
    "iterations = 400\n": "iterations = 16\n",
    "iterations_per_epoch = 50\n": "iterations_per_epoch = 4\n",
    "patch_size = [128, 128]\nspacing_mm = [3.1, 3.1]": "patch_size = [64, 64]\nspacing_mm = [6.0, 6.0]",
    "width = 8": "width = 4",
}
COMMAND_SECONDS = 280


def write_study(folder: Path) -> Path:
    """Write the quickstart with few, small patients and a few iterations."""
    text = QUICKSTART.read_text(encoding="utf-8")
    for old, new in PARTS.items():
        assert old in text, f"the quickstart changed: {old!r} is not in it; mend PARTS"
        text = text.replace(old, new, 1)
    path = folder / "mini.toml"
    path.write_text(text, encoding="utf-8")
    return path


def run_command(study: Path, run: Path, *more: str) -> list[str]:
    """Return the command line of a run."""
    return [sys.executable, "-m", "benchmarks", "run", str(study), "--out", str(run), "--cores", "2", *more]


def run_study(study: Path, run: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Run a study to its end and return what it printed."""
    return subprocess.run(
        run_command(study, run, *more), capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS
    )


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """Return study file, run folder and output of an undisturbed run."""
    folder = tmp_path_factory.mktemp("whole")
    study = write_study(folder)
    answer = run_study(study, folder / "run")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return study, folder / "run", answer.stdout

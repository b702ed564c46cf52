"""The whole workflow on a very small phantom study: the study file, its command, one undisturbed run for all tests."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.performance.mini_study import write_mini_study

COMMAND_SECONDS = 280


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
    study = write_mini_study(folder)
    answer = run_study(study, folder / "run")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return study, folder / "run", answer.stdout

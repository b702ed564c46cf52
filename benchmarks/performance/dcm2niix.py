"""CT series by dcm2niix: CPU seconds of the program and the pigz it calls, and what it wrote."""

import os
import resource
import shutil
import subprocess
from pathlib import Path

INSTALL = (
    "dcm2niix not found; install it: apt-get install dcm2niix pigz (or conda install -c conda-forge dcm2niix pigz)"
)


class PeerError(Exception):
    """Dcm2niix is not there, failed, or did not write one file."""


def find_dcm2niix() -> str:
    """Return the path of the program.

    Raises
    ------
    PeerError
        It is not installed.
    """
    program = shutil.which("dcm2niix")
    if program is None:
        raise PeerError(INSTALL)
    return program


def dcm2niix_version(program: str) -> str:
    """Return what the program calls itself, with the version of pigz if it will use that."""
    lines = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout.split()
    pigz = shutil.which("pigz")
    packed = subprocess.run([pigz, "--version"], capture_output=True, text=True, check=False) if pigz else None
    return f"{lines[-1] if lines else 'unknown'}, {(packed.stdout or packed.stderr).strip() if packed else 'no pigz'}"


def run_dcm2niix(program: str, series: Path, out: Path, *, level: int) -> tuple[Path, float]:
    """Convert one series into an empty folder; return its file and CPU seconds (user and system, pigz included).

    Raises
    ------
    PeerError
        It failed, or wrote no file or several.
    """
    out.mkdir(parents=True)
    command = [program, "-z", "y", f"-{level}", "-b", "n", "-f", "series", "-o", str(out), str(series)]
    done, seconds = run_measured(command)
    files = sorted(out.glob("*.nii.gz"))
    if done.returncode or len(files) != 1:
        raise PeerError(f"dcm2niix ended with code {done.returncode} and {len(files)} files instead of 1")
    return files[0], seconds


def run_measured(
    command: list[str], *, given: str = "", extra_environment: dict[str, str] | None = None
) -> tuple[subprocess.CompletedProcess[str], float]:
    """Run a program; return it and the CPU seconds (user and system) of it and all it started."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        command,
        input=given,
        env=os.environ | (extra_environment or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

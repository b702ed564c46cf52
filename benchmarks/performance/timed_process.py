"""Run one command and tell its wall time, CPU time and peak memory."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Usage:
    """What a command and its children took."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    code: int


def run_timed(command: list[str], *, cwd: Path, log: Path) -> Usage:
    """Run ``python -m`` with the given words in a folder; its output goes to a file."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])}
    started = time.perf_counter()
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=cwd, stdout=stream, stderr=stream, env=environment
        )
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    return Usage(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, process.returncode)


REPOSITORY = Path(__file__).resolve().parents[2]

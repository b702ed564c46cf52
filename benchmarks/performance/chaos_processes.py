"""The processes of a run, found by what they are and where they work; a run's command, started and waited for."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

VICTIMS = {
    "runner": "benchmarks run",
    "engine": "benchmarks.workflow.engine",
    "job": "benchmarks.workflow.job",
    "training": "trainers.train",
    "prediction": "trainers.predict.predict",
}
"""What may be killed, by the module that runs."""
LONGEST_S = 1800.0
_EPOCH = re.compile(r": Epoch (\d+)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Command:
    """``python -m benchmarks run`` of one study, on two cores, with the options of every start."""

    study: Path
    options: tuple[str, ...] = ()

    def start(self, run: Path, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start it in a run folder; its words are read when it ends."""
        words = [sys.executable, "-m", "benchmarks", "run", str(self.study), "--out", str(run), "--cores", "2"]
        return subprocess.Popen(
            [*words, *self.options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | dict(environment or {}),
        )

    def finish(self, run: Path, environment: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Run it to its end; return exit code and words."""
        process = self.start(run, environment)
        words, _ = process.communicate(timeout=LONGEST_S)
        return process.returncode, words


def find_victim(kind: str, process: subprocess.Popen[str], run: Path) -> int | None:
    """Return the process id of a living process of a kind in a run, or None."""
    if kind == "runner":
        return process.pid if process.poll() is None else None
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if VICTIMS[kind].encode() in words and (folder / "cwd").resolve() == run.resolve():
                return int(folder.name)
        except OSError:  # it ended meanwhile
            continue
    return None


def kill_one(kind: str, process: subprocess.Popen[str], run: Path, delay_s: float) -> float | None:
    """Wait for a process of a kind and some time more, and kill it; return when, or None if the run ended before."""
    started = time.monotonic()
    due = None if kind != "runner" else started + delay_s
    while process.poll() is None:
        victim = find_victim(kind, process, run)
        if victim is not None:
            due = due or time.monotonic() + delay_s
            if time.monotonic() >= due:
                os.kill(victim, signal.SIGKILL)
                return time.monotonic() - started
        time.sleep(0.05)
    return None


def lost_epochs(run: Path) -> list[str]:
    """List the trainings that went on before an epoch they had begun: its predecessor's checkpoint was lost."""
    lost = []
    for log in sorted((run / "logs").glob("train-*.log")):
        last = 0
        for session in log.read_text(encoding="utf-8", errors="replace").split("\n--- "):
            epochs = [int(number) for number in _EPOCH.findall(session)]
            if epochs and epochs[0] < last:
                lost.append(f"{log.stem}: went on at epoch {epochs[0]}, had begun {last}")
            last = max([last, *epochs])
    return lost

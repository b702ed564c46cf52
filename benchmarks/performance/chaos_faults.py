"""Faults that a kill is not: damaged checkpoints, a full disk, a folder that cannot be written, a clock that jumps."""

import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.performance.chaos_processes import Command, find_victim
from benchmarks.workflow.contents import read_record

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
DAY_S = 86_400
Fault = Callable[[Command, Path], str]
"""Does its harm to a run folder (absent, or a copy of one stopped in training); returns what it saw."""


def damage_checkpoint(name: str, *, how: str) -> Fault:
    """Return the fault that truncates a checkpoint of every training, or flips a bit in the middle of it."""

    def fault(command: Command, run: Path) -> str:
        if name == "checkpoint_final.pth":
            command.finish(run)
        paths = sorted(run.glob(f"nnUNet_results/*/*/fold_*/{name}"))
        for path in paths:
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 16
            path.write_bytes(content if how == "flipped" else content[: len(content) * 2 // 3])
        return f"{len(paths)} files"

    return fault


def jump_clock(command: Command, run: Path) -> str:
    """Let the clock of a run jump two days back while it works (libfaketime)."""
    if not FAKETIME.exists():
        return "skipped: libfaketime is not installed"
    clock = run.with_name(f"{run.name}-clock")
    clock.write_text("+1d\n", encoding="utf-8")
    environment = {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1"}
    environment |= {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}
    process = command.start(run, environment)
    time.sleep(6)
    clock.write_text("-1d\n", encoding="utf-8")
    process.communicate()
    return f"the run with the jump ended with {process.returncode}"


def scatter_times(command: Command, run: Path) -> str:
    """Give every record of a run a random time, a day back or ahead."""
    generator = random.Random(6)
    paths = sorted((run / "done").glob("*.json"))
    for path in paths:
        moment = time.time() + generator.uniform(-DAY_S, DAY_S)
        os.utime(path, (moment, moment))
    return f"{len(paths)} records"


def forbid_writing(command: Command, run: Path) -> str:
    """Mount the run folder read-only, run, and undo it."""
    if not _mounts("--bind", str(run), str(run)):
        return "skipped: no right to mount"
    try:
        _mounts("-o", "remount,ro,bind", str(run))
        return _refusal(command, run, "Read-only")
    finally:
        subprocess.run(["umount", str(run)], check=False)


def fill_disk(command: Command, run: Path) -> str:
    """Run on a disk that is full after the first megabyte; then give it room, and go on there."""
    kept = run.with_name(f"{run.name}-kept")
    shutil.copytree(run, kept, symlinks=True)
    if not _mounts("-t", "tmpfs", "-o", f"size={_size(run) + 2**20}", "none", str(run)):
        return "skipped: no right to mount"
    try:
        shutil.copytree(kept, run, symlinks=True, dirs_exist_ok=True)
        seen = _refusal(command, run, "No space left", "disk full")
        _mounts("-o", "remount,size=2G", str(run))
        command.finish(run)
        shutil.rmtree(kept)
        shutil.copytree(run, kept, symlinks=True)
    finally:
        subprocess.run(["umount", str(run)], check=False)
    shutil.rmtree(run)
    kept.rename(run)
    return seen


def stop_in_training(command: Command, run: Path) -> None:
    """Run until a training has two checkpoints, and kill the runner."""
    process = command.start(run)
    while process.poll() is None and not any(_epochs(path) >= 2 for path in run.glob("nnUNet_results/*/*/fold_*")):
        time.sleep(0.02)
    process.kill()
    process.communicate()
    while any(find_victim(kind, process, run) for kind in ("engine", "job", "training")):
        time.sleep(0.05)


def _epochs(fold: Path) -> int:
    return int(read_record(fold / "progress.json").get("epoch", 0))


def _refusal(command: Command, run: Path, *wanted: str) -> str:
    """Run where it cannot work; return exit code and the line that says why."""
    code, words = command.finish(run)
    lines = [line for line in words.splitlines() if any(part in line for part in wanted)]
    if code != 1 or not lines or "Traceback" in lines[-1]:
        return f"WRONG: exit code {code}, said: {words.strip().splitlines()[-1:]}"
    return f"exit code 1, `{lines[-1].strip().replace(str(run), 'RUN')[:160]}`"


def _mounts(*arguments: str) -> bool:
    return os.geteuid() == 0 and subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


def _size(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 + 4096 for path in folder.rglob("*"))


FAULTS: dict[str, Fault] = {
    f"{name} {how}": damage_checkpoint(f"checkpoint_{name}.pth", how=how)
    for name in ("latest", "final")
    for how in ("truncated", "flipped")
} | {
    "every checkpoint truncated": damage_checkpoint("checkpoint_*.pth", how="truncated"),
    "records with times a day off": scatter_times,
    "clock jumps two days back": jump_clock,
    "read-only folder": forbid_writing,
    "full disk": fill_disk,
}

"""What this machine, its disks and its cluster are: plain facts, read in one place, so that tests can make them up."""

import os
import resource
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from benchmarks.doctor.folder_probe import FolderProbe, probe_folder

UNLIMITED = 2**62
ANSWER_S = 20.0
Answer = Literal["answers", "absent", "refuses"]


@dataclass(frozen=True)
class Disk:
    """A file system: the folder that was asked about, its device, and what is free for this user."""

    folder: Path
    device: int
    free_bytes: int
    free_files: int


@dataclass(frozen=True)
class Gpu:
    """One GPU as its driver tells, in bytes."""

    name: str
    total_bytes: int
    free_bytes: int


@dataclass(frozen=True)
class Scheduler:
    """A cluster's commands here: whether the executor is installed, jobs can be sent, and who tells their state."""

    executor: str
    installed: bool
    sbatch: bool
    squeue: Answer
    sacct: Answer
    keeps_finished_s: float = 300.0


@dataclass(frozen=True)
class Readings:
    """Everything the doctor judges, in bytes and counts; ``UNLIMITED`` where the system sets no limit."""

    out: Disk
    temporary: Disk
    folder: FolderProbe
    cpus: int
    memory_bytes: int
    shared_memory_bytes: int
    open_files: int
    processes: int
    gpus: tuple[Gpu, ...] = ()
    scheduler: Scheduler | None = None


def read_machine(run: Path, executor: str = "") -> Readings:
    """Read this machine; ``executor`` is that of the cluster's profile, empty on one machine.

    Writes one small file in the run folder, or the nearest folder above it that is there, and removes it.
    """
    place = existing_folder(run)
    return Readings(
        out=_disk(place),
        temporary=_disk(Path(tempfile.gettempdir())),
        folder=probe_folder(place),
        cpus=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_bytes=_memory(),
        shared_memory_bytes=_shared_memory(Path("/dev/shm")),
        open_files=_limit(resource.RLIMIT_NOFILE),
        processes=_limit(resource.RLIMIT_NPROC),
        gpus=_gpus(),
        scheduler=_scheduler(executor) if executor else None,
    )


def existing_folder(run: Path) -> Path:
    """Return the run folder, or the nearest folder above it that is there."""
    return next(folder for folder in (run, *run.absolute().parents) if folder.is_dir())


def _disk(folder: Path) -> Disk:
    facts = os.statvfs(folder)
    files = facts.f_favail if facts.f_files else UNLIMITED  # btrfs and many network file systems count none
    return Disk(folder, folder.stat().st_dev, facts.f_bavail * facts.f_frsize, files)


def _memory() -> int:
    """Return the memory this process may use: the machine's, or what its container allows."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")):
        if limit.is_file() and (text := limit.read_text().strip()).isdigit():
            total = min(total, int(text))
    return total


def _shared_memory(folder: Path) -> int:
    return _disk(folder).free_bytes if folder.is_dir() else UNLIMITED


def _limit(which: int) -> int:
    soft = resource.getrlimit(which)[0]
    return UNLIMITED if soft == resource.RLIM_INFINITY else soft


def _gpus() -> tuple[Gpu, ...]:
    ask = ["nvidia-smi", "--query-gpu=index,uuid,name,memory.total,memory.free", "--format=csv,noheader,nounits"]
    try:
        text = subprocess.run(ask, capture_output=True, text=True, check=True, timeout=ANSWER_S).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    return parse_gpus(text, os.environ.get("CUDA_VISIBLE_DEVICES"))


def parse_gpus(text: str, visible: str | None) -> tuple[Gpu, ...]:
    """Read ``nvidia-smi``'s table (index, UUID, name, MiB in all, MiB free) of the GPUs this process may use."""
    rows = [[cell.strip() for cell in line.split(",")] for line in text.splitlines() if line.count(",") == 4]
    wanted = None if visible is None else [name.strip() for name in visible.split(",") if name.strip()]
    return tuple(
        Gpu(name, int(total) * 2**20, int(free) * 2**20)
        for index, uuid, name, total, free in rows
        if total.isdigit() and (wanted is None or any(index == w or uuid.startswith(w) for w in wanted))
    )


def _scheduler(executor: str) -> Scheduler:
    installed = find_spec(f"snakemake_executor_plugin_{executor.replace('-', '_')}") is not None
    kept = _ask(["scontrol", "show", "config"]) if executor == "slurm" else ""
    words = [line.split() for line in kept.splitlines() if line.startswith("MinJobAge")]
    return Scheduler(
        executor,
        installed,
        sbatch=shutil.which("sbatch") is not None,
        squeue=_answer(["squeue", "--noheader", "--me"]),
        sacct=_answer(["sacct", "-n", "-X", "-S", time.strftime("%Y-%m-%d")]),
        keeps_finished_s=float(words[0][2]) if words and len(words[0]) > 2 and words[0][2].isdigit() else 300.0,
    )


def _answer(command: list[str]) -> Answer:
    if shutil.which(command[0]) is None:
        return "absent"
    try:
        subprocess.run(command, capture_output=True, check=True, timeout=ANSWER_S)
    except (OSError, subprocess.SubprocessError):
        return "refuses"
    return "answers"


def _ask(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=ANSWER_S).stdout
    except (OSError, subprocess.SubprocessError):
        return ""

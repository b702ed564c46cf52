"""What a machine, its disks and its cluster lack for a study: readings against needs, without looking again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.doctor.finding import Finding
from benchmarks.doctor.readings import Disk, Readings, Scheduler

ADVISED_FACTOR = 1.5
"""Free space below this many times the estimate is a warning: estimates of images vary by that much."""
TEMPORARY_BYTES = 1e9
OPEN_FILES = 1024
THREADS_PER_JOB = 64
SKEW_WARNING_S, SKEW_PROBLEM_S = 2.0, 60.0
KEPT_S = 60.0
"""How long SLURM must remember a finished job that is asked after with squeue."""
PARTIAL_NAME = 40
"""Bytes that the temporary name of a file being written is longer than its own."""


@dataclass(frozen=True)
class Needs:
    """What a study asks of a machine, in bytes and counts.

    ``job_memory`` is that of its largest job, ``slots`` how many jobs run at a time here; ``gpus`` and ``gpu_memory``
    of one training, 0 on the CPU. ``longest_path`` and ``longest_name`` are those of its files, in bytes.
    """

    disk_bytes: float
    files: int
    job_memory: float
    slots: int
    shared_memory: float = 0.0
    gpus: int = 0
    gpu_memory: float = 0.0
    longest_path: int = 0
    longest_name: int = 0


def machine_findings(readings: Readings, needs: Needs) -> list[Finding]:
    """List what is missing; where jobs run on a cluster's nodes, this machine's memory and GPUs are not judged."""
    found = [*_folder(readings, needs), *_disks(readings, needs), *_limits(readings, needs)]
    if readings.scheduler is not None:
        return [*found, *_scheduler(readings.scheduler)]
    return [*found, *_memory(readings, needs), *_gpus(readings, needs)]


def _folder(readings: Readings, needs: Needs) -> Iterator[Finding]:
    probe, area = readings.folder, f"folder {readings.folder.folder}"
    if probe.write_fault:
        yield Finding(area, f"no way to write there ({probe.write_fault})", "write permission", "give another --out")
        return
    if probe.lock_fault:
        action = "give an --out on a file system with flock (NFS 4, Lustre with -o flock), or two runs may collide"
        yield Finding(area, f"locks that do not work ({probe.lock_fault})", "flock", action)
    local = [word for word in probe.options.split(",") if word in LOCAL_LOCKS]
    if probe.is_shared and local:
        action = "locks hold on one host only: never start the same run on two hosts, or mount it without that option"
        yield Finding(area, f"{probe.kind} mounted with {local[0]}", "locks that other hosts see", action, "warning")
    skew = abs(probe.clock_skew_s)
    if skew > SKEW_WARNING_S:
        yield Finding(
            area,
            f"a clock {skew:.0f} s {'ahead of' if probe.clock_skew_s > 0 else 'behind'} this machine's",
            f"at most {SKEW_WARNING_S:.0f} s",
            "synchronise both (chrony or ntpd): ages in `status` and the engine's file times would be wrong",
            "problem" if skew > SKEW_PROBLEM_S else "warning",
        )
    if needs.longest_path > probe.longest_path or needs.longest_name + PARTIAL_NAME > probe.longest_name:
        found = f"room for names of {probe.longest_name} and paths of {probe.longest_path} bytes"
        wanted = f"{needs.longest_name + PARTIAL_NAME} and {needs.longest_path}"
        yield Finding(area, found, wanted, "give a shorter --out, or the study, arms or cases shorter names")


LOCAL_LOCKS = ("nolock", "local_lock=all", "local_lock=flock", "localflock", "noflock")


def _disks(readings: Readings, needs: Needs) -> Iterator[Finding]:
    together = readings.out.device == readings.temporary.device
    yield from _space(readings.out, needs.disk_bytes + (TEMPORARY_BYTES if together else 0.0), "give another --out")
    if not together:
        yield from _space(readings.temporary, TEMPORARY_BYTES, "set TMPDIR to a larger folder")
    if readings.out.free_files < needs.files:
        found = f"room for {readings.out.free_files} more files"
        yield Finding(f"disk of {readings.out.folder}", found, f"{needs.files}", "remove files or give another --out")


def _space(disk: Disk, needed: float, otherwise: str) -> Iterator[Finding]:
    if disk.free_bytes >= ADVISED_FACTOR * needed:
        return
    severity = "problem" if disk.free_bytes < needed else "warning"
    found, wanted = f"{disk.free_bytes / 1e9:.1f} GB free", f"{needed / 1e9:.1f} GB"
    if severity == "warning":
        wanted = f"{ADVISED_FACTOR * needed / 1e9:.1f} GB, half more than the estimate"
    yield Finding(f"disk of {disk.folder}", found, wanted, f"free some or {otherwise}", severity)  # type: ignore[arg-type]


def _limits(readings: Readings, needs: Needs) -> Iterator[Finding]:
    if readings.open_files < OPEN_FILES:
        action = f"ulimit -n {OPEN_FILES} before the run: loader processes pass batches as open files"
        yield Finding("open files", f"a limit of {readings.open_files}", f"{OPEN_FILES}", action)
    wanted = THREADS_PER_JOB * (1 if readings.scheduler else needs.slots)
    if readings.processes < wanted:
        action = f"ulimit -u {wanted} before the run, or fewer --cores"
        yield Finding("processes and threads", f"a limit of {readings.processes}", f"{wanted}", action)


def _memory(readings: Readings, needs: Needs) -> Iterator[Finding]:
    has, one = readings.memory_bytes, needs.job_memory
    if has < one:
        action = "lower batch_size, patch_size or width of the budget, or run on a larger machine"
        yield Finding("memory", f"{has / 1e9:.1f} GB", f"{one / 1e9:.1f} GB for one job", action)
    elif has < one * needs.slots:
        fit = max(1, int(has / one))
        wanted = f"{one * needs.slots / 1e9:.1f} GB for {needs.slots} jobs at a time"
        yield Finding("memory", f"{has / 1e9:.1f} GB", wanted, f"run with --cores {fit}", "warning")
    if readings.shared_memory_bytes < needs.shared_memory:
        found, wanted = f"{readings.shared_memory_bytes / 1e6:.0f} MB free", f"{needs.shared_memory / 1e6:.0f} MB"
        action = "mount /dev/shm larger (docker run --shm-size=8g): loader processes die with a bus error otherwise"
        yield Finding("shared memory (/dev/shm)", found, wanted, action)


def _gpus(readings: Readings, needs: Needs) -> Iterator[Finding]:
    if not needs.gpus:
        return
    gpus = readings.gpus
    if len(gpus) < needs.gpus:
        action = "choose --device cpu, lower [budgets.cuda] gpus, or check nvidia-smi and CUDA_VISIBLE_DEVICES"
        yield Finding("GPUs", f"{len(gpus)}", f"{needs.gpus} for a training", action)
    wanted = f"about {needs.gpu_memory / 1e9:.1f} GB (computed)"
    for gpu in gpus:
        if gpu.total_bytes < needs.gpu_memory:
            action = "lower batch_size, patch_size or width of [budgets.cuda], or leave this GPU out"
            yield Finding(f"GPU {gpu.name}", f"{gpu.total_bytes / 1e9:.1f} GB", wanted, action)
        elif gpu.free_bytes < needs.gpu_memory:
            action = "wait for the other program or leave this GPU out (CUDA_VISIBLE_DEVICES)"
            yield Finding(f"GPU {gpu.name}", f"{gpu.free_bytes / 1e9:.1f} GB free", wanted, action, "warning")


def _scheduler(scheduler: Scheduler) -> Iterator[Finding]:
    plugin = f"snakemake-executor-plugin-{scheduler.executor}"
    if not scheduler.installed:
        yield Finding("cluster", f"no {plugin}", "it beside Snakemake", f"python -m pip install {plugin}")
    if scheduler.executor != "slurm":
        return
    if not scheduler.sbatch:
        yield Finding("SLURM", "no sbatch here", "a login node", "run this on a machine that can send jobs")
    elif scheduler.sacct != "answers" and scheduler.squeue != "answers":
        found = f"sacct {_said(scheduler.sacct)} and squeue {_said(scheduler.squeue)}"
        yield Finding("SLURM", found, "one of them to tell when a job ended", "ask who runs the cluster")
    elif scheduler.sacct != "answers":
        found, action = f"sacct {_said(scheduler.sacct)}", "nothing to do: the run asks squeue instead"
        yield Finding("SLURM", found, "accounting", action, "warning")
        if scheduler.keeps_finished_s < KEPT_S:
            found = f"MinJobAge {scheduler.keeps_finished_s:.0f} s and no accounting"
            action = "ask who runs the cluster: a finished job is forgotten before the run has asked after it"
            yield Finding("SLURM", found, f"at least {KEPT_S:.0f} s", action)


def _said(answer: str) -> str:
    return {"absent": "is not installed", "refuses": "does not answer"}.get(answer, answer)


def longest(paths: Sequence[str], prefix: int) -> tuple[int, int]:
    """Return the bytes of the longest path below a folder whose own takes ``prefix``, and of the longest name."""
    path = max((len(name.encode()) for name in paths), default=0)
    name = max((len(part.encode()) for entry in paths for part in entry.split("/")), default=0)
    return prefix + 1 + path, name

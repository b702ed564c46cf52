"""The job graph at scale: its size, how long Snakemake takes over it, and when it would be done on a cluster."""

import dataclasses
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks.doctor.schedule import Schedule, Task, simulate
from benchmarks.performance.scale_study import scale_jobs, scale_study
from benchmarks.performance.timed_process import REPOSITORY, Usage, run_timed
from benchmarks.run import SNAKEFILE
from benchmarks.workflow.jobs import Job

FILE_CALL = re.compile(r'^(?:\[pid +\d+\] |\d+ +)?(\w+)\((?:AT_FDCWD, )?"([^"]*)"')
DRY = ["--rerun-triggers", "mtime", "--nolock", "--scheduler", "greedy", "--cores", "1", "--resources", "gpu=1"]


@dataclass(frozen=True)
class GraphCost:
    """A dry run of the whole graph, and what every job's own Snakemake does on a cluster (one target of it)."""

    jobs: int
    workflow_bytes: int
    whole: Usage
    one: Usage


def measure_graph(trainings: int, folder: Path) -> GraphCost:
    """Time Snakemake's dry run of so many trainings, whole and for one target."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs = scale_jobs(trainings)
    budget = dataclasses.asdict(scale_study(trainings).budgets["cuda"])
    workflow = {"device": "cuda", "budget": budget, "jobs": [dataclasses.asdict(job) for job in jobs]}
    (folder / "workflow.json").write_text(json.dumps(workflow), encoding="utf-8")
    command = ["--snakefile", str(SNAKEFILE), "--directory", "."]
    command += ["--configfile", "workflow.json", *DRY, "--dry-run", "-q"]
    engine = "benchmarks.workflow.engine"
    whole = run_timed([engine, *command], cwd=folder, log=folder / "whole.log")
    one = run_timed([engine, "done/prepare.json", *command], cwd=folder, log=folder / "one.log")
    return GraphCost(len(jobs), (folder / "workflow.json").stat().st_size, whole, one)


def simulate_cluster(
    trainings: int, *, gpus: int, train_s: float, predict_s: float, submit_s: float, start_s: float
) -> Schedule:
    """Run the graph on a cluster; every job starts ``start_s`` late, one head sends a job every ``submit_s``."""
    lengths = {"train": train_s, "predict": predict_s, "evaluate": 0.0, "tables": 0.0, "figures": 0.0}
    tasks = [
        Task(job.name, job.needs, start_s + lengths.get(job.kind, 600.0), int(job.kind in ("train", "predict")))
        for job in scale_jobs(trainings)
    ]
    return simulate(tasks, cores=gpus, gpus=gpus, submit_s=submit_s)


def count_file_calls(folder: Path) -> Counter[str] | None:
    """Count the calls by which one job's wrapper touches the run folder (``strace``); None without it.

    The job's own command is a Python that prints its version: what it does beyond that is counted elsewhere.
    """
    if not shutil.which("strace"):
        return None
    folder.mkdir(parents=True, exist_ok=True)
    job = Job("tables", "tables", (), ("this",), ("matrix.json",), ("out.txt",))
    (folder / "matrix.json").write_text("{}", encoding="utf-8")
    (folder / "out.txt").write_text("", encoding="utf-8")
    (folder / "workflow.json").write_text(
        json.dumps({"device": "cpu", "budget": {}, "jobs": [dataclasses.asdict(job)]}), encoding="utf-8"
    )
    log = folder / "strace.log"
    command = ["strace", "-f", "-qq", "-e", "trace=%file", "-o", str(log), sys.executable, "-m"]
    subprocess.run(
        [*command, "benchmarks.workflow.job", ".", "tables"],
        cwd=folder,
        capture_output=True,
        check=False,
        timeout=300,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin", "PYTHONSAFEPATH": "1"},
    )
    return calls_in(log.read_text(encoding="utf-8", errors="replace").splitlines(), folder)


def calls_in(lines: list[str], folder: Path) -> Counter[str]:
    """Count by name the system calls on paths in a folder, relative ones included."""
    counts: Counter[str] = Counter()
    for line in lines:
        match = FILE_CALL.match(line)
        if match and (not match[2].startswith("/") or match[2].startswith(str(folder))) and match[2]:
            counts[match[1]] += 1
    return counts

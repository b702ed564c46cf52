"""One job of a run: skip it if it is up to date, else run it, watch it and record what it did.

Snakemake starts this for every job and sees only the small record ``done/<job>.json`` written last.
"""

import argparse
import os
import platform
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.workflow.freshness import input_hashes, is_fresh, output_sizes, read_record
from benchmarks.workflow.gpu_lease import leased_gpus
from benchmarks.workflow.job_owner import only_owner
from benchmarks.workflow.jobs import Job, python_command, read_jobs
from benchmarks.workflow.processes import end_with_parent
from dataset_converters.atomic import write_json
from dataset_converters.writing.provenance import git_commit, version_of

PACKAGES = ("ctshift", "nnunetv2", "torch", "numpy", "scipy", "SimpleITK", "pydicom", "pandas", "snakemake")


def run_job(run: Path, job: Job, *, gpus: int = 0) -> int:
    """Run one job unless its record is up to date, with as many GPUs to itself; return its exit code (0: done)."""
    with only_owner(run, job.name):
        last = read_record(run / "jobs" / f"{job.name}.json")
        if is_fresh(run, job, last):
            write_json(run / "done" / f"{job.name}.json", last)
            return 0
        inputs = input_hashes(run, job)
        missing = sorted(name for name, value in inputs.items() if not value)
        if missing:
            print(f"{job.name}: input missing: {', '.join(missing)}; run the study again", file=sys.stderr)
            return 1
        if not _ready(run, job, last, inputs):
            return 1
        with leased_gpus(gpus) as devices:
            return _execute(run, job, inputs, devices)


def _ready(run: Path, job: Job, last: dict[str, Any], inputs: dict[str, str]) -> bool:
    """Clear what a run with other inputs left; a training is never thrown away silently."""
    changed = sorted(name for name, value in inputs.items() if last and last["inputs"].get(name) != value)
    folder = run / job.folder
    if not changed or not job.folder or not folder.exists():
        return True
    if job.kind == "train":
        print(
            f"{job.name}: {folder} was trained from other inputs (changed: {', '.join(changed)}); wanted the same "
            "plans, splits and data; give another --out, or delete that folder to train again",
            file=sys.stderr,
        )
        return False
    shutil.rmtree(folder)
    return True


def _execute(run: Path, job: Job, inputs: dict[str, str], gpus: tuple[str, ...]) -> int:
    started = time.time()
    record: dict[str, Any] = {
        "job": job.name,
        "state": "running",
        "command": list(job.command),
        "inputs": inputs,
        "pid": os.getpid(),
        "host": platform.node(),
        "gpus": list(gpus),
        "slurm_job": os.environ.get("SLURM_JOB_ID", ""),
        "started": started,
    }
    state_file = run / "jobs" / f"{job.name}.json"
    write_json(state_file, record)
    log = run / "logs" / f"{job.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as stream:
        stream.write(f"--- {time.strftime('%Y-%m-%d %H:%M:%S')} {job.name}\n".encode())
        stream.flush()
        code = subprocess.run(
            python_command(job),
            cwd=run,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env=job_environment(gpus),
            preexec_fn=end_with_parent,
            check=False,
        ).returncode
    record["outputs"] = output_sizes(run, job)
    absent = [name for name in job.outputs if name not in record["outputs"]]
    if code == 0 and absent:
        with log.open("a", encoding="utf-8") as text:
            text.write(f"{job.name}: ended without its outputs: {', '.join(absent)}\n")
        code = 1
    record |= {"state": "done" if code == 0 else "failed", "exit_code": code} | _measured(started) | _provenance()
    write_json(state_file, record)
    if code == 0:
        write_json(run / "done" / f"{job.name}.json", record)
    return code


def job_environment(gpus: tuple[str, ...] = ()) -> dict[str, str]:
    """One thread per process: jobs run side by side, and a result must not depend on the core count; its own GPUs."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    # safe path: a file of the run folder is never imported as a module
    settings = {"nnUNet_def_n_proc": "1", "MPLBACKEND": "Agg", "PYTHONUNBUFFERED": "1", "PYTHONSAFEPATH": "1"}
    own = {"CUDA_VISIBLE_DEVICES": ",".join(gpus)} if gpus else {}
    return os.environ | threads | settings | own


def _measured(started: float) -> dict[str, float]:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "seconds": round(time.time() - started, 2),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_memory_mb": round(usage.ru_maxrss / 1024, 1),
    }


def _provenance() -> dict[str, Any]:
    versions = {name: version_of(name) for name in PACKAGES}
    return {"versions": versions, "python": platform.python_version(), "commit": git_commit()}


def main(arguments: list[str]) -> int:
    """Run a job of the frozen workflow: ``python -m benchmarks.workflow.job RUN NAME [--gpus N]``."""
    end_with_parent()
    signal.signal(signal.SIGTERM, _end)  # a cluster's wall-clock limit: let go of the job in order
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("name")
    parser.add_argument("--gpus", type=int, default=0)
    options = parser.parse_args(arguments)
    job = next(job for job in read_jobs(options.run) if job.name == options.name)
    return run_job(options.run, job, gpus=options.gpus)


def _end(number: int, frame: object) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

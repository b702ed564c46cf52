"""One job of a run: skip it if it is up to date, else run it, watch it and record what it did.

Snakemake starts this for every job and sees only the small record ``done/<job>.json`` written last.
"""

import argparse
import contextlib
import os
import platform
import resource
import shutil
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from benchmarks.study_file import StudyError
from benchmarks.workflow.code_used import code_sha256
from benchmarks.workflow.contents import Contents, before_refusal, read_job_record, read_record
from benchmarks.workflow.freshness import (
    changed_inputs,
    damaged_contents,
    input_hashes,
    output_hashes,
    settle_times,
    why_stale,
)
from benchmarks.workflow.gpu_lease import leased_gpus
from benchmarks.workflow.job_owner import only_owner
from benchmarks.workflow.jobs import Job, python_command, read_jobs
from benchmarks.workflow.machine import describe_machine, training_facts
from benchmarks.workflow.processes import end_with_parent, process_start
from dataset_converters.atomic import write_json
from dataset_converters.writing.provenance import git_commit, version_of

PACKAGES = ("ctshift", "nnunetv2", "torch", "numpy", "scipy", "SimpleITK", "pydicom", "pandas", "snakemake")
PREDICTED = "predicted.json"
"""In a folder of predictions: what each was made from."""


def run_job(run: Path, job: Job, *, gpus: int = 0) -> int:
    """Run one job unless its record is up to date, with as many GPUs to itself; return its exit code (0: done)."""
    with only_owner(run, job.name):
        last = before_refusal(read_job_record(run / "jobs" / f"{job.name}.json"))
        contents = Contents(run, job.name)
        if not why_stale(run, job, last, contents):
            _finish(run, job, last)
            return 0
        inputs = input_hashes(run, job, contents)
        missing = sorted(name for name, value in inputs.items() if not value)
        if missing:
            raise StudyError(f"input missing: {', '.join(missing)}; run the study again")
        _make_ready(run, job, last, inputs)
        for name in damaged_contents(run, job, last, contents):
            (run / name).unlink()
        with leased_gpus(gpus) as devices:
            return _execute(run, job, inputs, contents, devices)


def _make_ready(run: Path, job: Job, last: dict[str, Any], inputs: dict[str, str]) -> None:
    """Clear what a run with other inputs left; a training is never thrown away silently.

    Predictions stay where their stage recorded what each was made from: it makes again what differs.

    Raises
    ------
    StudyError
        A training was made from other inputs.
    """
    changed = changed_inputs(job, last, inputs) if last else []
    folder = run / job.folder
    if not changed or not job.folder or not folder.exists() or (folder / PREDICTED).exists():
        return
    if job.kind == "train":
        raise StudyError(
            f"{folder} was trained from other inputs (changed: {', '.join(changed)}); wanted the same "
            "plans, splits and data; give another --out, or train again on purpose: "
            f"python -m benchmarks run STUDY --renew {job.name} (what is there is set aside)"
        )
    shutil.rmtree(folder)


def _execute(run: Path, job: Job, inputs: dict[str, str], contents: Contents, gpus: tuple[str, ...]) -> int:
    started = time.monotonic()
    environment = job_environment(gpus)
    record: dict[str, Any] = {
        "job": job.name,
        "state": "running",
        "command": list(job.command),
        "inputs": inputs,
        "pid": os.getpid(),
        "process_start": process_start(os.getpid()),
        "host": platform.node(),
        "gpus": list(gpus),
        "slurm_job": os.environ.get("SLURM_JOB_ID", ""),
        "started": time.time(),
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
            env=environment,
            preexec_fn=end_with_parent,
            check=False,
        ).returncode
    record |= _measured(started)
    if job.kind == "convert":
        _take_over_hashes(run, job, contents)
    record |= {"contents": job.contents, "outputs": output_hashes(run, job, contents)}
    absent = [name for name in job.outputs if name not in record["outputs"]]
    if code == 0 and absent:
        with log.open("a", encoding="utf-8") as text:
            text.write(f"{job.name}: ended without its outputs: {', '.join(absent)}\n")
        code = 1
    record |= {"state": "done" if code == 0 else "failed", "exit_code": code} | _provenance(job)
    record |= describe_machine(run, job, environment) | training_facts(run, job)
    contents.save()
    write_json(state_file, record)
    if code == 0:
        _finish(run, job, record)
    return code


def _take_over_hashes(run: Path, job: Job, contents: Contents) -> None:
    """Take the hashes of converted images from the conversion's own record: reading them again takes hours."""
    for case in read_record(run / job.outputs[0]).get("cases", []):
        for entry in case["variants"].values():
            contents.expect(entry["image"], entry["sha256"])


def _finish(run: Path, job: Job, record: dict[str, Any]) -> None:
    """Write the small file that says the job is done, never older than those of the jobs before it."""
    settle_times(run, job.needs)
    write_json(run / "done" / f"{job.name}.json", record)


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
        "seconds": round(time.monotonic() - started, 2),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_memory_mb": round(usage.ru_maxrss / 1024, 1),
    }


def _provenance(job: Job) -> dict[str, Any]:
    versions = {name: version_of(name) for name in PACKAGES}
    basis = {"versions": versions, "python": platform.python_version(), "commit": git_commit()}
    return basis | {"code": code_sha256(job.kind)}


def main(arguments: list[str]) -> int:
    """Run a job of the frozen workflow: ``python -m benchmarks.workflow.job RUN NAME [--gpus N]``."""
    end_with_parent()
    signal.signal(signal.SIGTERM, _end)  # a cluster's wall-clock limit: let go of the job in order
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("name")
    parser.add_argument("--gpus", type=int, default=0)
    options = parser.parse_args(arguments)
    try:
        return run_job(options.run, _find_job(options.run, options.name), gpus=options.gpus)
    except Exception as error:  # whatever it is, run and status must show it
        # a full disk, a folder without permission: the system's words name the file
        said = isinstance(error, StudyError | OSError)
        _record_refusal(options.run, options.name, str(error) if said else traceback.format_exc())
        return 1


def _find_job(run: Path, name: str) -> Job:
    found = [job for job in read_jobs(run) if job.name == name]
    if not found:
        raise StudyError(f"no such job in {run / 'workflow.json'}; run the study again")
    return found[0]


def _record_refusal(run: Path, name: str, reason: str) -> None:
    """Leave a failed record and a log for a job that ended before or after its command did."""
    print(f"{name}: {reason}", file=sys.stderr)
    path, log = run / "jobs" / f"{name}.json", run / "logs" / f"{name}.log"
    last = before_refusal(read_job_record(path))
    failed = {"job": name, "state": "failed", "state_before": last.get("state", ""), "reason": reason}
    with contextlib.suppress(OSError):  # a full disk
        write_json(path, last | failed)
    with contextlib.suppress(OSError):
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8", errors="replace") as stream:
            stream.write(f"--- {time.strftime('%Y-%m-%d %H:%M:%S')} {name}\n{name}: {reason}\n")


def _end(number: int, frame: object) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

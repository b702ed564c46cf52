"""Make finished jobs again on purpose, after an upgrade: ``python -m benchmarks run STUDY --renew tables``."""

import contextlib
import fcntl
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.study_names import StudyError
from benchmarks.workflow.contents import before_refusal, read_job_record, read_record
from benchmarks.workflow.job_owner import beats
from benchmarks.workflow.jobs import Job
from dataset_converters.atomic import write_json

PARTS = "scores/parts"


def renew(run: Path, jobs: tuple[Job, ...], names: tuple[str, ...]) -> list[str]:
    """Mark jobs, by name or kind, to be made again; return a line for each training that was set aside.

    What a training left is kept beside it, what other jobs left is removed, so that nothing old is taken over.

    Raises
    ------
    StudyError
        A name is no job and no kind of this run, or one of the jobs still runs.
    """
    refuse_unknown_jobs(jobs, names)
    chosen = [job for job in jobs if job.name in names or job.kind in names]
    lines = []
    with contextlib.ExitStack() as held:
        for job in chosen:
            held.enter_context(_alone(run, job))
        for job in chosen:
            lines += _clear(run, job)
            state = run / "jobs" / f"{job.name}.json"
            if record := before_refusal(read_job_record(state)):
                write_json(state, record | {"state": "renew"})
            (run / "done" / f"{job.name}.json").unlink(missing_ok=True)
    return lines


@contextmanager
def _alone(run: Path, job: Job) -> Iterator[None]:
    """Hold a job; refuse one that an orphan of a killed run still works on, here or on another host."""
    path = run / "jobs" / f"{job.name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _at_work(job) from None
        owner = read_record(run / "jobs" / f"{job.name}.owner")  # of this host the lock told
        if owner.get("host") != platform.node() and beats(run, job.name):
            raise _at_work(job)
        yield


def _at_work(job: Job) -> StudyError:
    return StudyError(f"--renew: {job.name} is still at work; wait for its end (status shows it), or end it")


def refuse_unknown_jobs(jobs: tuple[Job, ...], names: tuple[str, ...]) -> None:
    """Raise ``StudyError`` if a name is no job and no kind of a run."""
    known = {job.kind for job in jobs} | {job.name for job in jobs}
    if unknown := [name for name in names if name not in known]:
        kinds = ", ".join(dict.fromkeys(job.kind for job in jobs))
        raise StudyError(f"--renew {unknown[0]}: no such job here; give a kind ({kinds}) or a job's name")


def _clear(run: Path, job: Job) -> list[str]:
    folder = run / job.folder
    if job.kind == "train" and folder.exists():
        return [f"{job.name}: what was trained before lies in {_set_aside(folder)}"]
    if job.kind == "predict":
        shutil.rmtree(folder, ignore_errors=True)
    if job.kind == "evaluate":
        shutil.rmtree(run / PARTS, ignore_errors=True)
    return []


def _set_aside(folder: Path) -> Path:
    """Rename a fold's folder to a name that nnU-Net does not take for a fold."""
    with (folder / ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StudyError(f"{folder}: a training is at work here; wait for it, or end it") from None
        number = 1
        while (kept := folder.with_name(f"replaced{number}_{folder.name}")).exists():
            number += 1
        os.replace(folder, kept)
    return kept

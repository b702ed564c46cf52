"""How far a run is: read from its files alone, so it is the same here and on a cluster's shared folder."""

import json
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks.workflow.freshness import read_record
from benchmarks.workflow.job_owner import beats
from benchmarks.workflow.jobs import Job
from benchmarks.workflow.processes import is_alive

State = Literal["waiting", "running", "interrupted", "failed", "done"]

TYPICAL_SECONDS = {
    "convert": 30.0,
    "check": 10.0,
    "assemble": 10.0,
    "prepare": 40.0,
    "train": 120.0,
    "predict": 30.0,
    "evaluate": 20.0,
    "tables": 10.0,
    "figures": 20.0,
}
"""First guesses on two cores, used until a job of the kind has been seen in this run."""


@dataclass(frozen=True)
class JobProgress:
    """One job: its state, the share that is done (0 to 1), what to tell, seconds since start or spent."""

    job: Job
    state: State
    share: float
    note: str
    seconds: float


def read_progress(run: Path, jobs: tuple[Job, ...]) -> list[JobProgress]:
    """Read the state of every job of a run."""
    matrix = read_record(run / "matrix.json")
    tests = {entry["model"]: len(entry["test"]) for entry in matrix.get("models", [])}
    return [_job_progress(run, job, tests, matrix) for job in jobs]


def seconds_left(progress: list[JobProgress], cores: int) -> float:
    """Estimate the seconds until all jobs are done, from what jobs of the same kind took in this run."""
    seen: dict[str, list[float]] = {}
    for entry in progress:
        if entry.state == "done" and entry.seconds > 0:
            seen.setdefault(entry.job.kind, []).append(entry.seconds)
        elif entry.state == "running" and entry.share > 0.05:
            seen.setdefault(entry.job.kind, []).append(entry.seconds / entry.share)
    work, longest = 0.0, 0.0
    for entry in progress:
        if entry.state == "done":
            continue
        values = seen.get(entry.job.kind, [TYPICAL_SECONDS[entry.job.kind]])
        left = sum(values) / len(values) * (1 - entry.share)
        work, longest = work + left, max(longest, left)
    return max(work / max(1, cores), longest)


def _job_progress(run: Path, job: Job, tests: dict[str, int], matrix: dict[str, Any]) -> JobProgress:
    done = read_record(run / "done" / f"{job.name}.json")
    if done:
        return JobProgress(job, "done", 1.0, "", float(done.get("seconds", 0.0)))
    record = read_record(run / "jobs" / f"{job.name}.json")
    share, note = _share(run, job, tests, matrix)
    if record.get("state") == "running":
        here = record["host"] == platform.node()
        alive = is_alive(record["pid"]) if here else beats(run, job.name)
        state: State = "running" if alive else "interrupted"
        return JobProgress(job, state, share, note, time.time() - record["started"])
    if record.get("state") == "failed":
        return JobProgress(job, "failed", share, f"see logs/{job.name}.log", float(record.get("seconds", 0.0)))
    return JobProgress(job, "waiting", 0.0, "", 0.0)


def _share(run: Path, job: Job, tests: dict[str, int], matrix: dict[str, Any]) -> tuple[float, str]:
    """Return the share of a job that is done and a note, from what it has written so far."""
    if job.kind == "train":
        state = read_record(run / job.folder / "progress.json")
        if not state:
            return 0.0, "starting"
        loss = "" if state.get("loss") is None else f", loss {state['loss']:.3f}"
        return state["epoch"] / state["epochs"], f"epoch {state['epoch']}/{state['epochs']}{loss}"
    if job.kind == "predict":
        count = sum(1 for _ in (run / job.folder).glob("[!.]*.nii.gz"))
        wanted = tests.get(job.folder.removeprefix("predictions/"), 0)
        return (count / wanted if wanted else 0.0), f"{count}/{wanted or '?'} images"
    if job.kind == "convert":
        records = sum(1 for _ in (run / job.outputs[0]).parent.glob("records/*.json"))
        return 0.0, f"{records} cases"
    if job.kind == "prepare":
        images = sum(len(split["train"]) for plan in matrix.get("plans", [])[:1] for split in plan["splits"])
        return 0.0, f"{images} training images in the first arm" if images else ""
    return 0.0, ""


def failure_lines(run: Path, job: Job, lines: int = 15) -> str:
    """Return the last lines of a job's log."""
    log = run / "logs" / f"{job.name}.log"
    if not log.exists():
        return "(no log)"
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def as_json(progress: list[JobProgress]) -> str:
    """Return the state of every job as JSON, for scripts."""
    rows = [
        {"job": e.job.name, "kind": e.job.kind, "state": e.state, "share": round(e.share, 3), "note": e.note}
        for e in progress
    ]
    return json.dumps(rows, indent=1)

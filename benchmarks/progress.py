"""How far a run is: read from its files alone, so it is the same here and on a cluster's shared folder."""

import json
import os
import platform
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from benchmarks.head import Slots
from benchmarks.training_log import read_training_logs
from benchmarks.workflow.contents import read_job_record, read_record
from benchmarks.workflow.jobs import Job
from benchmarks.workflow.processes import is_alive
from trainers.recovery import recoveries

State = Literal["waiting", "queued", "running", "silent", "interrupted", "failed", "done"]

TYPICAL_SECONDS = {
    "convert": 30.0,
    "check": 10.0,
    "assemble": 10.0,
    "templates": 30.0,
    "warp": 60.0,
    "prepare": 40.0,
    "train": 120.0,
    "predict": 30.0,
    "evaluate": 20.0,
    "tables": 10.0,
    "figures": 20.0,
}
"""First guesses on two cores, used until a job of the kind has been seen in this run."""
SILENT_S = 300.0
"""A job of another host that has written nothing for so long, and for three of its epochs, is ``silent``."""
SMALLEST_SHARE = 0.05
"""Below it what is left of a job is not computed from what it has done."""


@dataclass(frozen=True)
class JobProgress:
    """One job.

    Attributes
    ----------
    share : float
        What is done, 0 to 1.
    note : str
        What to tell: epoch and loss of a training, images of a prediction, why it failed.
    seconds : float
        Since its start, or spent.
    left_s : float or None
        Time left of this job alone; None where nothing tells.
    silent_s : float or None
        Seconds since it last wrote (its log, progress, sign of life); None for one that does not run.
    """

    job: Job
    state: State
    share: float
    note: str
    seconds: float
    host: str = ""
    epoch: int | None = None
    epochs: int | None = None
    loss: float | None = None
    left_s: float | None = None
    silent_s: float | None = None


@dataclass
class RunReader:
    """Reads a run again and again; what is done is read once, so a run of 10 000 jobs can be watched."""

    run: Path
    jobs: tuple[Job, ...]
    _done: dict[str, tuple[str, float]] = field(default_factory=dict)
    _matrix: tuple[float, dict[str, Any]] = (-1.0, {})

    def read(self, queue: Mapping[str, str] | None = None) -> list[JobProgress]:
        """Return the state of every job; ``queue`` names those that wait in a cluster's queue, with the reason."""
        done, begun = _names(self.run / "done"), _names(self.run / "jobs")
        return [self._job(job, done, begun, queue or {}) for job in self.jobs]

    def _job(self, job: Job, done: set[str], begun: set[str], queue: Mapping[str, str]) -> JobProgress:
        name = f"{job.name}.json"
        if name in done:
            if job.name not in self._done:
                record = read_job_record(self.run / "done" / name)
                if record.get("state") != "done":
                    return JobProgress(job, "waiting", 0.0, "its record is damaged", 0.0)
                seconds = max(float(record.get(part) or 0.0) for part in ("seconds", "training_seconds"))
                self._done[job.name] = _recovered(record.get("recoveries", [])), seconds
            return JobProgress(job, "done", 1.0, *self._done[job.name])
        self._done.pop(job.name, None)
        record = read_job_record(self.run / "jobs" / name) if name in begun else {}
        if record.get("state") in ("running", "failed"):
            started = self._started(job, record)
            if job.name not in queue or started.state == "running":
                return started
        if job.name in queue:
            return JobProgress(job, "queued", 0.0, queue[job.name], 0.0)
        return JobProgress(job, "waiting", 0.0, "", 0.0)

    def _started(self, job: Job, record: Mapping[str, Any]) -> JobProgress:
        facts = self._facts(job)
        share, host = facts["share"], str(record.get("host", ""))
        if record["state"] == "failed":
            note = f"{facts['note']}; " if facts["note"] and share else ""
            spent = float(record.get("seconds", 0.0))
            return JobProgress(job, "failed", share, f"{note}see its log", spent, host)
        begun = float(record.get("started", 0.0)) or _time_of(self.run / "jobs" / f"{job.name}.json")
        spent = max(0.0, time.time() - begun)
        silent = max(0.0, time.time() - last_write(self.run, job, begun))
        patience = max(SILENT_S, 3 * facts.get("seconds_per_epoch", 0.0))
        state = _running_state(record, silent, patience)
        left = facts.get("left_s")
        if left is None and share >= SMALLEST_SHARE:
            left = spent / share * (1 - share)
        training = {name: facts.get(name) for name in ("epoch", "epochs", "loss")}
        return JobProgress(job, state, share, facts["note"], spent, host, **training, left_s=left, silent_s=silent)

    def _facts(self, job: Job) -> dict[str, Any]:
        """Return the share of a job that is done, a note, and what a training tells, from what it has written."""
        if job.kind == "train":
            return _training_facts(self.run / job.folder)
        if job.kind == "predict":
            count = sum(1 for _ in (self.run / job.folder).glob("[!.]*.nii.gz"))
            wanted = self._tests().get(job.folder.removeprefix("predictions/"), 0)
            return {"share": count / wanted if wanted else 0.0, "note": f"{count}/{wanted or '?'} images"}
        if job.kind == "warp":
            done = sum(1 for _ in (self.run / job.outputs[0]).parent.glob("warps/[!.]*.npz"))
            return {"share": 0.0, "note": f"{done} images"}
        if job.kind == "convert":
            records = sum(1 for _ in (self.run / job.outputs[0]).parent.glob("records/*.json"))
            return {"share": 0.0, "note": f"{records} cases"}
        return {"share": 0.0, "note": ""}

    def _tests(self) -> dict[str, int]:
        """Return the number of test images of each model; the matrix is large, and read again when it changed."""
        changed = _time_of(self.run / "matrix.json")
        if changed != self._matrix[0]:
            models = read_record(self.run / "matrix.json").get("models", [])
            try:
                self._matrix = changed, {entry["model"]: len(entry["test"]) for entry in models}
            except (TypeError, KeyError):  # damaged: the run assembles it again
                self._matrix = changed, {}
        return self._matrix[1]


def read_progress(run: Path, jobs: tuple[Job, ...]) -> list[JobProgress]:
    """Read the state of every job of a run once."""
    return RunReader(run, jobs).read()


def seconds_left(progress: list[JobProgress], slots: Slots) -> float:
    """Estimate the seconds until all jobs are done, from what jobs of the same kind took in this run."""
    seen: dict[str, list[float]] = {}
    for entry in progress:
        if entry.state == "done" and entry.seconds > 0:
            seen.setdefault(entry.job.kind, []).append(entry.seconds)
        elif entry.state == "running" and entry.share > SMALLEST_SHARE:
            seen.setdefault(entry.job.kind, []).append(entry.seconds / entry.share)
    typical = {kind: sum(values) / len(values) for kind, values in seen.items()}
    work, on_gpus, longest = 0.0, 0.0, 0.0
    for entry in progress:
        if entry.state == "done":
            continue
        left = typical.get(entry.job.kind, TYPICAL_SECONDS[entry.job.kind]) * (1 - entry.share)
        work, longest = work + left, max(longest, left)
        on_gpus += left if "cuda" in entry.job.command else 0.0
    return max(work / max(1, slots.jobs), on_gpus / slots.on_gpus if slots.on_gpus else 0.0, longest)


def last_write(run: Path, job: Job, started: float) -> float:
    """Return when a job last wrote (seconds since 1970): its log, record, sign of life, progress or results."""
    files = [run / "logs" / f"{job.name}.log", *(run / "jobs" / f"{job.name}.{end}" for end in ("json", "owner"))]
    if job.kind == "train":
        files += [run / job.folder / "progress.json", *(run / job.folder).glob("training_log_*.txt")]
    elif job.folder:
        files.append(run / job.folder)  # a folder's time is that of the last file that came or went
    return max(started, *(_time_of(path) for path in files))


def failure_lines(run: Path, job: Job, lines: int = 15) -> str:
    """Return the last lines of a job's log, which may be long: only its end is read."""
    log = run / "logs" / f"{job.name}.log"
    if not log.exists():
        return "(no log)"
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - 400 * lines))
        return "\n".join(stream.read().decode("utf-8", errors="replace").splitlines()[-lines:])


def as_json(run: Path, progress: list[JobProgress]) -> str:
    """Return the state of every job as JSON, for scripts; times in seconds, a failed job with its log's end."""
    rows = []
    for entry in progress:
        row = {"job": entry.job.name, "kind": entry.job.kind, "state": entry.state, "share": round(entry.share, 3)}
        row |= {"note": entry.note, "seconds": round(entry.seconds, 1), "host": entry.host}
        row |= {"epoch": entry.epoch, "epochs": entry.epochs, "loss": entry.loss}
        row |= {"seconds_left": _rounded(entry.left_s), "seconds_since_write": _rounded(entry.silent_s)}
        rows.append(row | ({"log": failure_lines(run, entry.job)} if entry.state == "failed" else {}))
    return json.dumps(rows, indent=1)


def _names(folder: Path) -> set[str]:
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries}
    except FileNotFoundError:
        return set()


def _running_state(record: Mapping[str, Any], silent: float, patience: float) -> State:
    if record.get("host", platform.node()) == platform.node():
        pid = record.get("pid", 0)
        return "running" if pid > 0 and is_alive(pid, str(record.get("process_start", ""))) else "interrupted"
    return "running" if silent <= patience else "silent"


def _training_facts(folder: Path) -> dict[str, Any]:
    state = read_record(folder / "progress.json") or read_training_logs(folder)
    if not all(isinstance(state.get(name), int) for name in ("epoch", "epochs")):
        return {"share": 0.0, "note": "starting"}
    epoch, epochs, loss = state["epoch"], max(1, state["epochs"]), state.get("loss")
    words = [f"epoch {epoch}/{epochs}"] + ([] if loss is None else [f"loss {loss:.3f}"])
    if epoch >= epochs and state.get("validated"):
        words.append(f"{state['validated']} cases validated")
    words += [note] if (note := _recovered(recoveries(folder))) else []
    seconds = float(state.get("seconds_per_epoch") or 0.0)
    facts = {"share": min(1.0, epoch / epochs), "note": ", ".join(words), "loss": loss, "seconds_per_epoch": seconds}
    left = seconds * max(0, epochs - epoch) if seconds else None
    return facts | {"epoch": epoch, "epochs": epochs, "left_s": left}


def _recovered(found: list[dict[str, str]]) -> str:
    """Say that a checkpoint of a training was damaged, and from where it went on."""
    went_on = [entry["went_on"] for entry in found if "went_on" in entry]
    return f"a checkpoint was damaged: {went_on[-1]}" if went_on else ""


def _time_of(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def count_states(progress: Iterable[JobProgress]) -> dict[str, dict[str, int]]:
    """Count the jobs of each kind by state, in the order of the work."""
    counts: dict[str, dict[str, int]] = {}
    for entry in progress:
        states = counts.setdefault(entry.job.kind, {})
        states[entry.state] = states.get(entry.state, 0) + 1
    return counts

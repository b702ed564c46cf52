"""Whether a job is still up to date: content hashes of what it read and of what it left; its code only as a remark."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.workflow.contents import Contents, before_refusal, read_job_record
from benchmarks.workflow.jobs import Job
from dataset_converters.atomic import write_json

STATES = {"running": "was interrupted", "failed": "failed before", "renew": "is made again on purpose (--renew)"}


@dataclass(frozen=True)
class Verdict:
    """What has to happen to a job: ``reason`` it must run (empty: none known), ``after`` a job that must."""

    job: Job
    reason: str
    after: bool

    @property
    def stale(self) -> bool:
        """Whether the engine has to look at the job."""
        return bool(self.reason) or self.after


def input_hashes(run: Path, job: Job, contents: Contents | None = None) -> dict[str, str]:
    """Hash what a job reads; a file that is not there hashes to the empty string."""
    contents = contents or Contents(run, job.name)
    return {name: contents.of(name) for name in job.inputs}


def output_hashes(run: Path, job: Job, contents: Contents | None = None) -> dict[str, str]:
    """Hash the files a job left (its outputs and contents)."""
    contents = contents or Contents(run, job.name)
    found = {name: contents.of(name) for name in _output_names(run, job, job.contents.split())}
    return {name: value for name, value in found.items() if value}


def why_stale(run: Path, job: Job, record: Mapping[str, Any], contents: Contents | None = None) -> str:
    """Say why a finished record does not describe the files that are there; empty if it does.

    The command line does not count: an upgrade may change it, and trains nothing again by itself.
    """
    if record.get("state") != "done":
        return STATES.get(record.get("state", ""), "was never made")
    contents = contents or Contents(run, job.name)
    outputs: dict[str, Any] = record.get("outputs", {})
    names = _output_names(run, job, _recorded_globs(job, record))
    for name in dict.fromkeys((*job.outputs, *outputs, *names)):
        if name not in names:
            return f"output {name} is missing"
        if not _same(run, name, outputs.get(name), contents):
            return f"output {name} changed" if name in outputs else f"output {name} is not its own"
    changed = changed_inputs(job, record, input_hashes(run, job, contents))
    if not changed:
        return ""
    return f"input {changed[0]} {'changed' if changed[0] in record.get('inputs', {}) else 'is new'}"


def changed_inputs(job: Job, record: Mapping[str, Any], inputs: Mapping[str, str]) -> list[str]:
    """List the inputs that differ from those of a record.

    For a training those count that both know: an upgrade that looks at more does not train again.
    """
    before: dict[str, str] = record.get("inputs", {})
    names = inputs.keys() & before.keys() if job.kind == "train" else inputs.keys() | before.keys()
    return sorted(name for name in names if inputs.get(name) != before.get(name))


def damaged_contents(run: Path, job: Job, record: Mapping[str, Any], contents: Contents) -> list[str]:
    """List the files below ``contents`` that are not what the job left; its stage would take them for finished."""
    outputs: dict[str, Any] = record.get("outputs", {})
    there = [
        name for name in _output_names(run, job, job.contents.split()) if name in outputs and name not in job.outputs
    ]
    return [name for name in there if not _same(run, name, outputs[name], contents)]


def judge(run: Path, jobs: tuple[Job, ...], *, given: Mapping[str, str] | None = None) -> list[Verdict]:
    """Say of every job whether and why it has to run; with ``given`` (hashes files will have) nothing is written."""
    verdicts: dict[str, Verdict] = {}
    for job in jobs:
        contents = Contents(run, job.name, given)
        done = run / "done" / f"{job.name}.json"
        record = read_job_record(done) or before_refusal(read_job_record(run / "jobs" / f"{job.name}.json"))
        reason = why_stale(run, job, record, contents)
        verdicts[job.name] = Verdict(job, reason, any(verdicts[name].stale for name in job.needs))
        if given is None and record:
            contents.save()
        if given is None and not reason and not done.exists():
            write_json(done, record)  # its record was removed because a job before it was to be looked at
    return list(verdicts.values())


def stale_jobs(run: Path, jobs: tuple[Job, ...]) -> list[Job]:
    """List the jobs that are not done, are out of date, or come after one that is."""
    return [verdict.job for verdict in judge(run, jobs) if verdict.stale]


def settle_times(run: Path, names: tuple[str, ...] | None = None) -> None:
    """Give records that are there one time (all), or take them out of the future (those named).

    The engine compares times and nothing else: after a clock that jumped, or a new record of a job before them, it
    would start every job again, only to hear that it is done, or call a new record too old.
    """
    now = time.time_ns()
    if names is None:
        for path in (run / "done").glob("*.json"):
            os.utime(path, ns=(now, now))
        return
    for name in names:
        path = run / "done" / f"{name}.json"
        if path.exists() and path.stat().st_mtime_ns > now:
            os.utime(path, ns=(now, now))


def _recorded_globs(job: Job, record: Mapping[str, Any]) -> list[str]:
    """Return the globs whose files a record lists: an upgrade that records more makes nothing again by itself."""
    if "contents" in record:
        return [glob for glob in job.contents.split() if glob in record["contents"].split()]
    return [] if job.kind == "assemble" else job.contents.split()[:1]


def _output_names(run: Path, job: Job, globs: Sequence[str]) -> list[str]:
    paths = [run / name for name in job.outputs]
    paths += [path for glob in globs for path in sorted(run.glob(glob))]
    return list(dict.fromkeys(str(path.relative_to(run)) for path in paths if path.is_file()))


def _same(run: Path, name: str, recorded: Any, contents: Contents) -> bool:
    if isinstance(recorded, int):  # records of version 0.1.0 hold sizes
        return (run / name).stat().st_size == recorded
    return contents.of(name) == recorded

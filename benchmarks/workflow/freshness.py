"""Whether a job is still up to date: content hashes of what it read, sizes of what it left."""

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmarks.study_file import load_study
from benchmarks.workflow.jobs import PACKAGE_FILES, SCORING, Job
from dataset_converters.volumes.nifti import sha256_of

REPOSITORY = Path(__file__).resolve().parents[2]


def input_hashes(run: Path, job: Job) -> dict[str, str]:
    """Hash what a job reads; a file that is not there hashes to the empty string."""
    return {name: _hash(run, name) for name in job.inputs}


def output_sizes(run: Path, job: Job) -> dict[str, int]:
    """List the files a job left (its outputs and contents) with their sizes in bytes."""
    paths = [run / name for name in job.outputs]
    paths += sorted(run.glob(job.contents)) if job.contents else []
    return {str(path.relative_to(run)): path.stat().st_size for path in paths if path.is_file()}


def read_record(path: Path) -> dict[str, Any]:
    """Read a job record; empty when there is none or it is damaged."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError, UnicodeDecodeError):
        return {}
    return content


def is_fresh(run: Path, job: Job, record: dict[str, Any]) -> bool:
    """Say whether a finished record still describes the files that are there."""
    if record.get("state") != "done" or record.get("command") != list(job.command):
        return False
    sizes: dict[str, int] = record.get("outputs", {})
    if any(name not in sizes for name in job.outputs) or output_sizes(run, job) != sizes:
        return False
    return bool(record.get("inputs") == input_hashes(run, job))


def stale_jobs(run: Path, jobs: tuple[Job, ...]) -> list[Job]:
    """List the jobs that are not done, are out of date, or come after one that is."""
    stale: dict[str, Job] = {}
    for job in jobs:
        after = any(name in stale for name in job.needs)
        if after or not is_fresh(run, job, read_record(run / "done" / f"{job.name}.json")):
            stale[job.name] = job
    return list(stale.values())


def _hash(run: Path, name: str) -> str:
    if name.startswith(PACKAGE_FILES):
        return _names_of_files(REPOSITORY / name.removeprefix(PACKAGE_FILES))
    path, _, part = name.partition("#")
    if not (run / path).is_file():
        return ""
    if name == SCORING:
        return _scoring_settings(run / path)
    if not part:
        return sha256_of(run / path)
    facts = (run / path).stat()
    content = _read_matrix(run / path, (facts.st_ino, facts.st_size, facts.st_mtime_ns))
    entries = [entry for entry in content["models"] if entry["model"] == part]
    images = {image: _without_facts(content["images"][image]) for entry in entries for image in entry["test"]}
    plans = [entry["content"] for entry in content["plans"] if entry["plans_name"] == part]
    return hashlib.sha256(json.dumps([entries, images, plans], sort_keys=True).encode()).hexdigest()


def _names_of_files(folder: Path) -> str:
    """Hash the names of a package's files: a table that is added later is made for finished runs too."""
    return hashlib.sha256(json.dumps(sorted(path.name for path in folder.glob("*.py"))).encode()).hexdigest()


def _scoring_settings(path: Path) -> str:
    """Hash what decides scores beyond the predictions: how to score, and what test sets take; not their words."""
    study = load_study(path)
    taken = [(entry.datasets, entry.variants, entry.arms, entry.slices) for entry in study.test_sets]
    return hashlib.sha256(repr([study.scoring, taken]).encode()).hexdigest()


def _without_facts(image: dict[str, Any]) -> dict[str, Any]:
    """Return what a prediction depends on: facts only describe the image."""
    return {name: value for name, value in image.items() if name != "facts"}


@lru_cache(maxsize=1)
def _read_matrix(path: Path, identity: tuple[int, int, int]) -> dict[str, Any]:
    """Parse the matrix once for all models that ask for their part; another inode, size or time is another matrix."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content

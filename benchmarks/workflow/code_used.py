"""Which code and packages a kind of job depends on: upgrading them repeats nothing, but is said."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks.workflow.contents import read_job_record
from benchmarks.workflow.jobs import Job
from dataset_converters.writing.provenance import version_of

REPOSITORY = Path(__file__).resolve().parents[2]
_DRAWN = ("tables", "table_parts", "figures", "figure_parts", "formats", "published", "statistics", "folders")
_TRAINING, _TABLES = ("losses", "nnunet", "sampling"), ("figures", "figure_parts", "scoring", "surface", "folders")
_PHYSICS, _REGISTRATION = ("dataset_converters/physics", ()), ("dataset_converters/registration", ())
_STUDY = ("benchmarks/study*.py", ())
Part: TypeAlias = tuple[str, tuple[str, ...]]
CODE: dict[str, tuple[Part, ...]] = {
    "convert": (("dataset_converters", ("registration",)),),
    "check": (("dataset_converters", ("registration",)),),
    "assemble": (("benchmarks", ("doctor", "performance", "studies", "workflow")), ("dataset_converters/kernels", ())),
    "templates": (_REGISTRATION, ("dataset_converters/volumes", ()), ("trainers/templates", ())),
    "warp": (_REGISTRATION, ("dataset_converters/volumes", ()), ("trainers/templates", ())),
    "prepare": (("trainers", ("predict", "templates", *_TRAINING)),),
    "train": (("trainers", ("predict", "templates")), _PHYSICS),
    "predict": (("trainers", ("losses", "sampling")), _REGISTRATION),
    "evaluate": (("analysis", _DRAWN), _PHYSICS, _STUDY),
    "tables": (("analysis", _TABLES), _STUDY),
    "figures": (("analysis", ("tables", "scoring", "surface", "folders")), _STUDY),
}
"""Folders, without some of theirs, or files (by a pattern) that count for a kind of job; the first is its package."""
PACKAGES = {
    "trainers": ("nnunetv2", "torch", "numpy"),
    "analysis": ("numpy", "scipy", "pandas"),
    "dataset_converters": ("numpy", "SimpleITK", "pydicom"),
    "benchmarks": ("numpy", "SimpleITK"),
}
PLURALS = {
    "convert": "conversions",
    "check": "checks",
    "warp": "registrations",
    "train": "trainings",
    "predict": "predictions",
}


@lru_cache(maxsize=len(CODE))
def code_sha256(kind: str) -> str:
    """Return one hash over the code that a kind of job depends on."""
    digest = hashlib.sha256()
    for part, without in CODE[kind]:
        for path in _files(part):
            name = path.relative_to(REPOSITORY)
            if "*" in part or name.relative_to(part).parts[0] not in without:
                digest.update(f"{name.as_posix()}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _files(part: str) -> list[Path]:
    if "*" in part:
        return sorted(REPOSITORY.glob(part))
    return sorted(path for ending in ("py", "toml") for path in (REPOSITORY / part).rglob(f"*.{ending}"))


def code_differences(job: Job, record: Mapping[str, Any]) -> list[str]:
    """List what a finished job was made with that is not what is installed now; nothing without a record."""
    package = CODE[job.kind][0][0].partition("/")[0]
    different = [f"{package} changed"] if record.get("code", code_sha256(job.kind)) != code_sha256(job.kind) else []
    versions: dict[str, str] = record.get("versions", {})
    for name in PACKAGES[package]:
        if versions.get(name, _version(name)) != _version(name):
            different.append(f"{name} {versions[name]} to {_version(name)}")
    return different


def made_by_other_code(run: Path, jobs: tuple[Job, ...]) -> str:
    """Return one line about finished jobs that other code made, and how to make them again; empty if there is none."""
    groups: dict[tuple[str, str], list[str]] = {}
    for job in jobs:
        record = read_job_record(run / "done" / f"{job.name}.json")
        if found := code_differences(job, record):
            groups.setdefault((job.kind, ", ".join(found)), []).append(job.name)
    if not groups:
        return ""
    named = [
        f"{names[0] if len(names) == 1 else f'{len(names)} {PLURALS.get(kind, kind)}'} ({why})"
        for (kind, why), names in groups.items()
    ]
    kinds = " ".join(dict.fromkeys(kind for kind, _ in groups))
    return f"made by other code: {'; '.join(named)}; they stay; to make some again: run ... --renew {kinds}"


@lru_cache(maxsize=32)
def _version(name: str) -> str:
    return version_of(name)

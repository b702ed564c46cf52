"""``python -m benchmarks run STUDY --dry-run``: what would run and why; nothing is touched."""

import hashlib
import json
from pathlib import Path
from typing import Any

from benchmarks.run_folder import checked_study
from benchmarks.run_sources import read_sources
from benchmarks.workflow.contents import scoring_settings
from benchmarks.workflow.freshness import Verdict, judge
from benchmarks.workflow.jobs import SCORING, list_jobs
from benchmarks.workflow.renew import refuse_unknown_jobs
from dataset_converters.volumes.nifti import sha256_of


def dry_run(study_file: Path, run: Path, *, data: Path | None, device: str, renewed: tuple[str, ...] = ()) -> list[str]:
    """Return the lines that say which jobs a run would do, and why.

    Raises
    ------
    StudyError
        As a run would.
    """
    study = checked_study(study_file, run, data=data, device=device)
    jobs = list_jobs(study, device)
    refuse_unknown_jobs(jobs, renewed)
    given = {"study.toml": sha256_of(study_file), SCORING: scoring_settings(study_file)}
    sources = read_sources(study, study_file, run, data=data)
    given |= {name: _hash_of_json(content) for name, content in sources.files.items()}
    given |= {name: sha256_of(run / name) for name in (f"specs/{dataset}.json" for dataset in sources.moved)}
    verdicts = judge(run, jobs, given=given)
    runs = [(v.job.name, _reason(v, renewed)) for v in verdicts if _reason(v, renewed)]
    after = [v.job.name for v in verdicts if v.after and not _reason(v, renewed)]
    if not runs:
        return [*sources.notes, f"{run} is up to date: nothing to do"]
    width = max(len(name) for name, _ in runs)
    lines = [*sources.notes, f"{len(runs)} of {len(jobs)} jobs would run in {run} on {device}:"]
    lines += [f"  {name:<{width}}  {reason}" for name, reason in runs]
    if after:
        lines.append(f"{len(after)} jobs come after these and would run only if what they read changes:")
        lines.append(f"  {', '.join(after)}")
    return lines


def _reason(verdict: Verdict, renewed: tuple[str, ...]) -> str:
    if verdict.job.name in renewed or verdict.job.kind in renewed:
        return "is made again on purpose (--renew)"
    return verdict.reason


def _hash_of_json(content: Any) -> str:
    """Hash the bytes that ``write_json`` writes."""
    return hashlib.sha256((json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()).hexdigest()

"""The doctor: study, data, environment, machine and cluster looked at before anything runs, and the cost told."""

import os
from dataclasses import dataclass
from pathlib import Path

from benchmarks import check
from benchmarks.doctor import costs
from benchmarks.doctor.contents import Contents, count_contents
from benchmarks.doctor.estimate import Estimate, estimate_study
from benchmarks.doctor.finding import Finding
from benchmarks.doctor.machine import Needs, longest, machine_findings
from benchmarks.doctor.readings import Readings, read_machine
from benchmarks.run_sources import source_folders
from benchmarks.study import Study
from benchmarks.study_file import load_study
from benchmarks.workflow.cluster import read_profile
from benchmarks.workflow.jobs import Job, list_jobs


@dataclass(frozen=True)
class Diagnosis:
    """What was found, problems first, and the estimate; None where the data cannot be listed."""

    findings: tuple[Finding, ...]
    estimate: Estimate | None

    @property
    def has_problems(self) -> bool:
        """Whether something would stop the study."""
        return any(finding.severity == "problem" for finding in self.findings)


def diagnose(
    study_file: Path,
    run: Path,
    *,
    data: Path | None,
    device: str,
    executor: str = "",
    slots: int | None = None,
    readings: Readings | None = None,
) -> Diagnosis:
    """Look at everything; ``slots`` is how many jobs run at a time, ``executor`` that of the cluster's profile.

    Raises
    ------
    StudyError
        If the study file itself cannot be read.
    """
    study = load_study(study_file)
    checked = check.check_study(study_file, run, data=data, device=device, on_cluster=bool(executor))
    findings = [Finding("study", text) for text in checked.findings]
    if device not in study.budgets:
        return Diagnosis(tuple(findings), None)
    readings = readings or read_machine(run, executor)
    slots = slots or readings.cpus
    contents, jobs, estimate = None, list_jobs(study, device), None
    if checked.cases is not None:
        contents = count_contents(study, checked.cases, source_folders(study, run, data))
        gpus = slots if executor else len(readings.gpus)
        estimate = estimate_study(study, device, contents, jobs, run=run, cores=slots, gpus=gpus)
    needs = study_needs(study, device, contents, estimate, jobs, run=run, slots=slots, gpus=len(readings.gpus))
    findings += machine_findings(readings, needs)
    return Diagnosis(tuple(sorted(findings, key=lambda finding: finding.severity != "problem")), estimate)


def study_needs(
    study: Study,
    device: str,
    contents: Contents | None,
    estimate: Estimate | None,
    jobs: tuple[Job, ...],
    *,
    run: Path,
    slots: int,
    gpus: int = 1,
) -> Needs:
    """Return what a study asks of a machine; without contents, only what its budget and names tell."""
    budget = study.budgets[device]
    fixed, per_voxel = costs.PREDICTION_MEMORY
    trainers = [trainer.name for trainer in study.trainers]
    memory = max(costs.training_memory(name, budget, device) for name in trainers)
    if contents is not None:
        memory = max(memory, fixed + per_voxel * contents.largest_voxels)
    heavy = sum(job.kind in ("train", "predict") for job in jobs)
    trainings = max(1, gpus // budget.gpus) if device == "cuda" else 0
    on_gpu = max(costs.gpu_memory(name, budget) for name in trainers)
    written = _bytes_below(run)
    path, name = longest(
        [out for job in jobs for out in (*job.outputs, f"done/{job.name}.json")], len(str(run.resolve()))
    )
    return Needs(
        disk_bytes=max(0.0, (estimate.disk_bytes if estimate else 0.0) - written) + check.MINIMUM_FREE_BYTES,
        files=estimate.files if estimate else 10_000,
        job_memory=memory,
        slots=max(1, min(slots, heavy)),
        shared_memory=max(costs.shared_memory(name, budget) for name in trainers) * trainings,
        gpus=budget.gpus if device == "cuda" else 0,
        gpu_memory=on_gpu if device == "cuda" else 0.0,
        longest_path=path,
        longest_name=name,
    )


def _bytes_below(run: Path) -> int:
    """Return what the run has written already, which its estimate holds too."""
    total = 0
    for folder, _, names in os.walk(run):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size
            except OSError:
                continue
    return total


def executor_of(profile: str) -> str:
    """Return the executor that a profile names, read as a run reads it.

    Raises
    ------
    StudyError
        If there is no such profile, it is not YAML, or names no executor.
    """
    return str(read_profile(profile)[1]["executor"])

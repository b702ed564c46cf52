"""What a study will cost: CPU and GPU hours, wall time and disk, from measured costs or the run's own finished jobs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.configurations import is_3d
from benchmarks.doctor import costs
from benchmarks.doctor.contents import Contents
from benchmarks.doctor.schedule import Task, simulate
from benchmarks.study import Study
from benchmarks.study_training import Budget
from benchmarks.workflow.contents import read_job_record
from benchmarks.workflow.jobs import Job

FEWEST_MEASURED = 1
MEASURED_FACTOR = 1.3
COMPUTED_FACTOR = 2.0


@dataclass(frozen=True)
class KindCost:
    """All jobs of a kind: how many, CPU and GPU hours, and within which factor either way."""

    kind: str
    jobs: int
    cpu_hours: float
    gpu_hours: float
    factor: float
    source: str


@dataclass(frozen=True)
class Estimate:
    """A study's cost: by kind of job, the wall time on the machine at hand, disk by folder in bytes, files."""

    kinds: tuple[KindCost, ...]
    wall_hours: float
    slots: str
    disk: Mapping[str, float]
    files: int

    @property
    def disk_bytes(self) -> float:
        """Bytes of everything together."""
        return sum(self.disk.values())

    @property
    def factor(self) -> float:
        """The factor of the kind that costs most: the total is no surer than that."""
        return max(self.kinds, key=lambda kind: kind.cpu_hours + kind.gpu_hours).factor


def estimate_study(
    study: Study, device: str, contents: Contents, jobs: Sequence[Job], *, run: Path, cores: int, gpus: int
) -> Estimate:
    """Estimate the cost of a study whose jobs and contents are known; jobs already done count as done."""
    budget = study.budgets[device]
    measured = measured_seconds(run, jobs)
    seconds = {job.name: job_seconds(study, device, contents, job) for job in jobs}
    for job in jobs:
        if _group(job) in measured:
            seconds[job.name] = measured[_group(job)]
    kinds = []
    for kind in dict.fromkeys(job.kind for job in jobs):
        group = [job for job in jobs if job.kind == kind]
        on_gpu = sum(seconds[job.name] * _gpus(job, budget) for job in group) / 3600
        on_cpu = sum(seconds[job.name] * _cores(job, budget) for job in group) / 3600
        known = sum(_group(job) in measured for job in group) == len(group)
        source, factor = ("done jobs of this run", MEASURED_FACTOR) if known else _source(study, device, kind)
        kinds.append(KindCost(kind, len(group), on_cpu, on_gpu, factor, source))
    done = {job.name for job in jobs if (run / "done" / f"{job.name}.json").exists()}
    left = [
        Task(job.name, tuple(need for need in job.needs if need not in done), seconds[job.name], _gpus(job, budget))
        for job in jobs
        if job.name not in done
    ]
    wall = simulate(left, cores=cores, gpus=max(gpus, budget.gpus)).wall_s / 3600 if left else 0.0
    slots = f"{cores} jobs at a time" + (f", {max(gpus, budget.gpus)} GPUs" if device == "cuda" else "")
    disk = disk_bytes(study, budget, contents)
    return Estimate(tuple(kinds), wall, slots, disk, count_files(study, contents, len(jobs)))


def job_seconds(study: Study, device: str, contents: Contents, job: Job) -> float:
    """Return the seconds of a job from the table of measured costs."""
    budget, start = study.budgets[device], costs.START_S.get(job.kind, 2.0)
    if job.kind == "train":
        step = costs.step_cost(_trainer(job), device).seconds(costs.seen_by(_trainer(job), budget))
        validation = budget.validation_iterations * budget.iterations / budget.iterations_per_epoch / 3
        return start + step * (budget.iterations + validation)
    if job.kind == "predict":
        if "trainers.predict.predict" not in job.command:
            return start
        return start + contents.test_voxels * (_predict_pixel(study, device, job) + costs.PREDICT_CPU_PER_VOXEL)
    per_voxel = costs.SECONDS_PER_VOXEL.get(job.kind, 0.0)
    if job.kind in ("convert", "check"):
        images = contents.datasets[job.name.partition("-")[2]]
        return start + images.count * images.voxels * per_voxel
    if job.kind == "templates":
        return start + costs.PAIR_S * contents.images * (contents.images - 1) / 2
    if job.kind == "warp":
        return start + contents.images * costs.REGISTRATION_S + contents.voxels * per_voxel
    if job.kind == "evaluate":
        return start + contents.models * contents.test_voxels * per_voxel * max(1, len(study.structures))
    times = len({trainer.configuration for trainer in study.trainers}) if job.kind == "prepare" else 1
    return start + times * contents.voxels * per_voxel


def measured_seconds(run: Path, jobs: Sequence[Job]) -> dict[str, float]:
    """Return the mean seconds of the run's finished jobs, by kind, and trainings and predictions by trainer."""
    seen: dict[str, list[float]] = {}
    for job in jobs:
        record = read_job_record(run / "done" / f"{job.name}.json")
        if record.get("seconds"):  # of a training all turns count, and of one that was found done its own account
            whole = record.get("training_seconds")
            spent = max(float(record["seconds"]), float(whole) if isinstance(whole, int | float) else 0.0)
            seen.setdefault(_group(job), []).append(spent)
    return {group: sum(values) / len(values) for group, values in seen.items() if len(values) >= FEWEST_MEASURED}


def disk_bytes(study: Study, budget: Budget, contents: Contents) -> dict[str, float]:
    """Return the bytes of each folder of a run when all is done; trainings count their most at one time."""
    kinds = {trainer.configuration: costs.seen_by(trainer.name, budget) for trainer in study.trainers}
    preprocessed = sum(_resampled(seen) for seen in kinds.values())
    checkpoints = sum(
        costs.CHECKPOINTS * costs.CHECKPOINT_BYTES_PER_PARAMETER * costs.parameters(trainer.name, budget)
        + costs.MODEL_BYTES
        for trainer in study.trainers
    )
    rows = contents.models * contents.test_images * len(study.structures) * len(study.scoring.metrics)
    return {
        "nnUNet_raw": contents.voxels * costs.RAW_BYTES_PER_VOXEL,
        "nnUNet_preprocessed": contents.voxels * preprocessed * costs.PREPROCESSED_BYTES_PER_VOXEL,
        "nnUNet_results": checkpoints * contents.models / len(study.trainers),
        "predictions": contents.models * contents.test_voxels * costs.PREDICTED_BYTES_PER_VOXEL,
        "scores and figures": rows * costs.SCORE_BYTES + costs.FIGURES_BYTES,
    }


def count_files(study: Study, contents: Contents, jobs: int) -> int:
    """Return how many files a run has when all is done."""
    predicted = contents.models * contents.test_images
    return round(5 * contents.images + 12 * contents.models + predicted + 5 * jobs + 200)


def _group(job: Job) -> str:
    """Name the jobs that cost alike: of a kind, and of a trainer; each dataset and baseline is its own."""
    if job.kind in ("train", "predict"):
        return f"{job.kind} {_trainer(job)}" if _trainer(job) else job.name
    return job.name


def _trainer(job: Job) -> str:
    """Return the trainer in a job's name (``train-<arm>-<trainer>-s<seed>-f<fold>``); empty for a baseline."""
    return next((part for part in job.name.split("-") if part.startswith("nnUNetTrainer")), "")


def _predict_pixel(study: Study, device: str, job: Job) -> float:
    trainer = _trainer(job)
    budget = costs.seen_by(trainer, study.budgets[device])
    height, width = budget.patch_size
    cost = costs.step_cost(trainer, device).seconds(budget) / (budget.batch_size * height * width)
    return (costs.PREDICT_OVERLAP_3D if is_3d(trainer) else costs.PREDICT_OVERLAP) * cost * _resampled(budget)


def _resampled(budget: Budget) -> float:
    """Return the pixels of a slice at the trained spacing by those it has."""
    return min(4.0, (costs.PIXEL_MM / budget.spacing_mm[0]) * (costs.PIXEL_MM / budget.spacing_mm[1]))


def _gpus(job: Job, budget: Budget) -> int:
    if "cuda" not in job.command:
        return 0
    return budget.gpus if job.kind == "train" else 1


def _cores(job: Job, budget: Budget) -> int:
    """Return the cores a job keeps busy: a training on GPUs loads in processes of its own."""
    gpus = _gpus(job, budget)
    return gpus * (1 + costs.LOADER_PROCESSES) if job.kind == "train" and gpus else 1


def _source(study: Study, device: str, kind: str) -> tuple[str, float]:
    if kind in ("train", "predict"):
        used = {costs.step_cost(trainer.name, device) for trainer in study.trainers}
        surest = max(used, key=lambda cost: cost.factor)
        return f"{surest.device}; {'; '.join(cost.source for cost in used)}", surest.factor
    return costs.CORE_2025, COMPUTED_FACTOR

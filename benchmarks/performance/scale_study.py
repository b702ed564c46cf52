"""A study of any number of trainings, made from the quickstart study: the frozen job graph the plan is simulated on."""

import dataclasses
from pathlib import Path

from benchmarks.study import Study
from benchmarks.study_file import load_study
from benchmarks.study_training import Split
from benchmarks.workflow.jobs import Job, list_jobs

QUICKSTART = Path(__file__).resolve().parents[1] / "studies" / "quickstart.toml"
FOLDS, SEEDS = 5, 10


def scale_study(trainings: int) -> Study:
    """Return the quickstart study with as many arms (of 5 folds x 10 seeds) as make up ``trainings``, rounded up."""
    study = load_study(QUICKSTART)
    count = -(-trainings // (FOLDS * SEEDS))
    arms = tuple(
        dataclasses.replace(study.arms[0], name=f"A{number:04d}", recipe=f"A{number:04d}") for number in range(count)
    )
    split = Split("cross_validation", folds=FOLDS)
    return dataclasses.replace(study, arms=arms, seeds=tuple(range(SEEDS)), split=split)


def scale_jobs(trainings: int) -> tuple[Job, ...]:
    """Return the job graph of that study on GPUs."""
    return list_jobs(scale_study(trainings), "cuda")

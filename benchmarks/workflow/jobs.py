"""The jobs of a study run, in order: what each needs, runs, reads and leaves behind."""

import json
import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal

from benchmarks.baseline_settings import lung_model
from benchmarks.configurations import configurations_of, trainer_class
from benchmarks.model_names import baseline_model, plans_name, trained_model
from benchmarks.study import Arm, Baseline, DatasetUse, Study, TemplateArm
from benchmarks.study_file import StudyError
from benchmarks.template_arms import set_name
from dataset_converters.writing.target import LABELS

SCORING = "study.toml#scoring"
"""Input: what the study file says about scoring, whatever else in it changed."""
PACKAGE_FILES = "files of "
"""Input: which files a package of the program has."""
REFERENCES = "annotations of matrix.json"
"""Input: the masks of every reader that predictions are compared with."""
REFUSED = "refused.json"
"""Images that a baseline refuses, each with the reason, beside its label maps."""
RECORDED = "outputs of "
"""Input: what another job left, as its record lists it."""
CANDIDATES = "candidates of "
"""Part of ``matrix.json``: what templates are chosen from, without the images registered to them later."""
Kind = Literal[
    "convert", "check", "assemble", "templates", "warp", "prepare", "train", "predict", "evaluate", "tables", "figures"
]


@dataclass(frozen=True)
class Job:
    """One step of the workflow.

    Attributes
    ----------
    needs : tuple of str
        Jobs that must be done before.
    command : tuple of str
        Arguments after ``python -m``, run in the run folder.
    inputs : tuple of str
        Files (relative to the run) whose content decides whether the job is still up to date;
        ``matrix.json#<name>`` means the part about that model, plans name or templates only. Also ``SCORING``,
        ``REFERENCES``, ``PACKAGE_FILES`` with a folder of the program, and ``RECORDED`` with a job.
    outputs : tuple of str
        Files that exist when the job is done.
    folder : str
        Folder to empty when the inputs changed since its content was written; empty for none.
    contents : str
        Globs (parted by blanks) of further files the job leaves, recorded with their hashes; empty for none.
    """

    name: str
    kind: Kind
    needs: tuple[str, ...]
    command: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    folder: str = ""
    contents: str = ""


def list_jobs(study: Study, device: str) -> tuple[Job, ...]:
    """List every job of a run in an order in which they can be done."""
    sources = [job for use in study.datasets for job in _source_jobs(use)]
    nnunet = f"Dataset{study.dataset_id}_{study.name}"
    cases = tuple(output for job in sources if job.kind == "convert" for output in job.outputs)
    checked = tuple(job.name for job in sources)
    dataset_json = f"nnUNet_raw/{nnunet}/dataset.json"
    assemble = Job(
        "assemble",
        "assemble",
        checked,
        ("benchmarks.assemble", "."),
        ("study.toml", *cases),
        ("matrix.json", dataset_json),
        contents=f"nnUNet_raw/{nnunet}/labelsTr/*.nii.gz",
    )
    preprocessed = f"nnUNet_preprocessed/{nnunet}"
    arms = [(arm, kind) for arm in study.trained_arms() for kind in configurations_of(study, arm)]
    names = [plans_name(study, arm, seed, kind) for arm, kind in arms for seed in study.seeds]
    templates = _template_jobs(study, device)
    warps = tuple(job.name for job in templates if job.kind == "warp")
    prepare = Job(
        "prepare",
        "prepare",
        ("assemble", *warps),
        ("trainers.prepare", "."),
        ("matrix.json", dataset_json, *(f"{RECORDED}{name}" for name in warps)),
        tuple(f"{preprocessed}/{prefix}{name}.json" for name in names for prefix in ("", "splits_")),
    )
    models = [*_trained_jobs(study, device), *_vote_jobs(study), *_baseline_jobs(study)]
    return (*sources, assemble, *templates, prepare, *models, *_analysis_jobs(tuple(models)))


def _source_jobs(use: DatasetUse) -> list[Job]:
    dataset, nnunet = use.name, f"Dataset{dataset_id(use):03d}_{use.name}"
    spec, cases = f"specs/{dataset}.json", f"annotations/{nnunet}/cases.json"
    raw = f"nnUNet_raw/{nnunet}"
    convert = Job(
        f"convert-{dataset}",
        "convert",
        (),
        ("dataset_converters", "convert", "--spec", spec),
        (spec, f"sources/{dataset}.json"),
        (cases, f"{raw}/dataset.json"),
        contents=f"{raw}/imagesT[rs]/*.nii.gz {raw}/{LABELS}/*.nii.gz annotations/{nnunet}/*.nii.gz",
    )
    check = Job(
        f"check-{dataset}",
        "check",
        (convert.name,),
        ("dataset_converters", "check", raw),
        (cases,),
        (),
    )
    return [convert, check]


def dataset_id(use: DatasetUse) -> int:
    """Return the nnU-Net id of a source dataset: the study's choice, else the dataset file's own."""
    from dataset_converters.registry import find_dataset

    return use.id or find_dataset(use.converter).DATASET.dataset_id


def _template_jobs(study: Study, device: str) -> list[Job]:
    """List, for every arm with templates and fold, the choice of them and the registration of all images to each."""
    jobs = []
    for arm in study.arms:
        for fold in study.split.chosen_folds if arm.templates.number else ():
            name = set_name(arm.name, fold)
            chosen, folder = f"templates/{name}/templates.json", f"templates/{name}"
            choose = Job(
                f"templates-{name}",
                "templates",
                ("assemble",),
                ("trainers.templates.choose", ".", name),
                (f"matrix.json#{CANDIDATES}{name}",),
                (chosen,),
            )
            jobs += [choose] + [
                Job(
                    f"warp-{name}-T{number}",
                    "warp",
                    (choose.name,),
                    ("trainers.templates.warp", ".", name, str(number), "--device", device),
                    (chosen, f"matrix.json#{name}"),
                    (f"{folder}/T{number}/registrations.csv",),
                    contents=f"{folder}/T{number}/*/*",
                )
                for number in range(1, arm.templates.number + 1)
            ]
    return jobs


def _trained_jobs(study: Study, device: str) -> list[Job]:
    nnunet = f"Dataset{study.dataset_id}_{study.name}"
    jobs = []
    for arm in study.trained_arms():
        for trainer in study.trainers_of(arm):
            for seed in study.seeds:
                for fold in study.split.chosen_folds:
                    model, kind = trained_model(arm, trainer, seed, fold), trainer.configuration
                    plans = plans_name(study, arm, seed, kind)
                    result = f"nnUNet_results/{nnunet}/{trainer_class(trainer)}__{plans}__{kind}/fold_{fold}"
                    folder = f"nnUNet_preprocessed/{nnunet}"
                    warp = _warp_job(arm, fold)
                    jobs += [
                        Job(
                            f"train-{model}",
                            "train",
                            ("prepare",),
                            ("trainers.train", ".", model, "--device", device),
                            (f"{folder}/{plans}.json", f"{folder}/splits_{plans}.json", f"matrix.json#{plans}"),
                            (f"{result}/checkpoint_final.pth",),
                            result,
                        ),
                        Job(
                            f"predict-{model}",
                            "predict",
                            (f"train-{model}", *warp),
                            ("trainers.predict.predict", ".", model, "--device", device),
                            (
                                f"{result}/checkpoint_final.pth",
                                f"matrix.json#{model}",
                                *(f"{RECORDED}{name}" for name in warp),
                            ),
                            (),
                            f"predictions/{model}",
                            f"predictions/{model}/*.nii.gz",
                        ),
                    ]
    return jobs


def _warp_job(arm: Arm, fold: int) -> tuple[str, ...]:
    """Return the job that registers an arm's images to its template; none where it has no template."""
    return (f"warp-{set_name(arm.ensemble, fold)}-T{arm.number}",) if isinstance(arm, TemplateArm) else ()


def _vote_jobs(study: Study) -> list[Job]:
    """List the votes of the arms with templates; each reads the label maps of its members."""
    jobs = []
    for arm in study.arms:
        members = study.members_of(arm)
        for trainer, seed, fold in product(study.trainers_of(arm), study.seeds, study.split.chosen_folds):
            if members:
                model = trained_model(arm, trainer, seed, fold)
                needs = tuple(f"predict-{trained_model(member, trainer, seed, fold)}" for member in members)
                jobs.append(
                    Job(
                        f"predict-{model}",
                        "predict",
                        needs,
                        ("trainers.predict.vote", ".", model),
                        (f"matrix.json#{model}", *(f"{RECORDED}{name}" for name in needs)),
                        (),
                        f"predictions/{model}",
                        f"predictions/{model}/*.nii.gz",
                    )
                )
    return jobs


def _baseline_jobs(study: Study) -> list[Job]:
    return [_baseline_job(study, baseline, fold) for baseline in study.baselines for fold in study.split.chosen_folds]


def _baseline_job(study: Study, baseline: Baseline, fold: int) -> Job:
    model = baseline_model(baseline, study.seeds[0], fold)
    needs: tuple[str, ...] = ("assemble",)
    stage, inputs = "ellipsoid", (f"nnUNet_raw/Dataset{study.dataset_id}_{study.name}/dataset.json",)
    contents = f"predictions/{model}/*.nii.gz"
    if baseline.kind == "hu_range":
        stage, contents = "hu_range", f"{contents} predictions/{model}/{REFUSED}"
        lung = lung_model(study, baseline, fold)
        inputs = (f"{RECORDED}predict-{lung}",) if lung else (REFERENCES,)
        needs = (*needs, f"predict-{lung}") if lung else needs
    command = (f"trainers.predict.{stage}", ".", model)
    return Job(
        f"predict-{model}", "predict", needs, command, (f"matrix.json#{model}", *inputs), (), f"predictions/{model}",
        contents,
    )  # fmt: skip


def _analysis_jobs(models: tuple[Job, ...]) -> list[Job]:
    predicted = tuple(job.name for job in models if job.kind == "predict")
    records = tuple(f"{RECORDED}{name}" for name in predicted)
    scores = ("scores.parquet", "scores.csv", "images.csv")
    results = ("scores.csv", "images.csv", "matrix.json", "study.toml")
    compared = ("matrix.json", SCORING, REFERENCES, *records)
    return [
        Job("evaluate", "evaluate", predicted, ("analysis.evaluate", "."), compared, scores),
        Job(
            "tables",
            "tables",
            ("evaluate",),
            ("analysis.make_tables", "."),
            (*results, f"{PACKAGE_FILES}analysis/tables"),
            ("tables/index.md",),
            contents="tables/*",
        ),
        Job(
            "figures",
            "figures",
            ("evaluate",),
            ("analysis.make_figures", "."),
            (*results, f"{PACKAGE_FILES}analysis/figures"),
            (),
            contents="figures/*",
        ),
    ]


def read_jobs(run: Path) -> tuple[Job, ...]:
    """Read the jobs of a run from its frozen workflow.

    Raises
    ------
    StudyError
        If the folder is not a run, or its workflow is damaged.
    """
    path = run / "workflow.json"
    try:
        return tuple(_job(entry) for entry in json.loads(path.read_text(encoding="utf-8"))["jobs"])
    except (FileNotFoundError, NotADirectoryError):
        raise StudyError(f"{run}: not a run folder (no workflow.json); give the --out of a run") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise StudyError(f"{path}: damaged; run the study again, which writes it anew") from None


def _job(entry: dict[str, Any]) -> Job:
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    return Job(**fields)


def python_command(job: Job) -> list[str]:
    """Return the full command line of a job with the interpreter that runs now."""
    return [sys.executable, "-m", *job.command]

"""Arms with templates: each becomes one arm for every template and stays as their vote."""

import dataclasses
from pathlib import Path

import dataset_converters
from benchmarks.model_names import slug
from benchmarks.study import Arm, Study, TemplateArm
from benchmarks.study_names import StudyError, refuse_repeats, refuse_unknown
from benchmarks.study_training import Templates

BACKENDS = Path(dataset_converters.__file__).parent / "registration" / "backends"


def backend_names() -> list[str]:
    """Return the names of the registrations, without importing them (torch takes seconds)."""
    return sorted(path.stem for path in BACKENDS.glob("*.py") if path.stem != "__init__")


def template_arms(arm: Arm) -> tuple[Arm, ...]:
    """Return an arm followed by those its templates make: ``atlas``, ``atlas-T1``, ``atlas-T2``..."""
    fields = {entry.name: getattr(arm, entry.name) for entry in dataclasses.fields(Arm)}
    members = tuple(
        TemplateArm(
            **fields
            | {
                "name": f"{arm.name}-T{number}",
                "label": f"{arm.label}, template {number}",
                "recipe": f"{arm.recipe}-T{number}",
                "templates": Templates(),
            },
            ensemble=arm.name,
            number=number,
        )
        for number in range(1, arm.templates.number + 1)
    )
    return (arm, *members)


def set_name(arm: str, fold: int) -> str:
    """Return the name of the templates of an arm in a fold, as a folder: ``atlas-f0``."""
    return f"{slug(arm)}-f{fold}"


def warped_image(image: str, arm: TemplateArm, fold: int) -> str:
    """Return the id of an image warped to a template of a fold."""
    return f"{image}-{slug(arm.name)}-f{fold}"


def check_template_arms(study: Study) -> None:
    """Refuse templates that cannot be: a vote of one, other folds' images, arms whose training sets are levelled.

    Raises
    ------
    StudyError
        Naming the key.
    """
    for arm in study.arms:
        templates, where = arm.templates, f"arms.{arm.name}.templates"
        if templates == Templates():
            continue
        if templates.count < 0 or templates.number < 1:
            raise StudyError(f"[{where}] found count {templates.count}, wanted at least 1, or images")
        if templates.images and templates.count not in (0, len(templates.images)):
            raise StudyError(f"[{where}] found count {templates.count} and {len(templates.images)} images; give one")
        refuse_repeats(f"{where}.images", templates.images)
        refuse_unknown(f"{where}.registration", [templates.registration], backend_names())
        if study.split.run_folds:
            raise StudyError(f"[{where}] found [split] run_folds; wanted all folds, each has its own templates")
        if templates.images and study.split.kind == "cross_validation":
            raise StudyError(
                f"[{where}.images] found named templates in a cross-validation, where every patient is "
                "tested once; wanted count, which chooses among the training images of each fold"
            )
        if arm.name in study.equal_arms.arms and study.equal_arms.slices == "lung":
            raise StudyError(
                f"[{where}] {arm.name} is levelled by lung slices in [equal_arms], which a warp does not "
                "keep; wanted slices = 'all'"
            )

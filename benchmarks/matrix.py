"""The arm x trainer x seed x fold matrix of a study over divided patients."""

from collections.abc import Sequence
from typing import Any

from benchmarks.baseline_settings import hu_range_settings
from benchmarks.configurations import configuration_entry, configurations_of, trainer_entry
from benchmarks.equal_arms import SlicesOf, level_slices
from benchmarks.model_names import baseline_model, plans_name, trained_model
from benchmarks.patients import Fold, PatientKey, training_images, watching_images
from benchmarks.study import Arm, Baseline, Study, TemplateArm
from benchmarks.study_names import StudyError
from benchmarks.template_arms import set_name, warped_image

Entries = dict[str, dict[str, Any]]
"""Image or case id to its record in ``matrix.json``."""


def list_plans(study: Study, folds: tuple[Fold, ...], slices_of: SlicesOf | None = None) -> list[dict[str, Any]]:
    """List one plans entry per arm, seed and configuration: what it trains on and what watches it, in every fold.

    Parameters
    ----------
    slices_of : callable, optional
        The slices of an image that show lung; needed where ``[equal_arms]`` levels them.

    Raises
    ------
    StudyError
        If no image fits an arm, or arms cannot be levelled.
    """
    splits = {arm.name: _splits(study, arm, folds) for arm in study.trained_arms()}
    if study.equal_arms.slices == "lung":
        if slices_of is None:
            raise ValueError("[equal_arms] slices: wanted the slices with lung of every image")
        for number in range(len(folds)):
            _level(study, {name: splits[name][number] for name in study.equal_arms.arms}, slices_of)
    return [
        {
            "plans_name": plans_name(study, arm, seed, configuration),
            "arm": arm.name,
            "seed": seed,
            "class_weights": dict(arm.class_weights),
            "splits": splits[arm.name],
            **configuration_entry(configuration),
        }
        for arm in study.trained_arms()
        for seed in study.seeds
        for configuration in configurations_of(study, arm)
    ]


def list_template_sets(study: Study, folds: tuple[Fold, ...], images: Entries) -> list[dict[str, Any]]:
    """List the templates of every arm and chosen fold: candidates, and the images that are registered to them."""
    sets = [
        {
            "name": set_name(arm.name, number),
            "arm": arm.name,
            "fold": number,
            "count": arm.templates.number,
            "given": list(arm.templates.images),
            "registration": arm.templates.registration,
            "train": list(training_images(study, arm, folds[number])),
            "val": list(watching_images(arm, folds[number])),
            "test": _all_test_images(study, arm, folds[number], images),
        }
        for arm in study.arms
        if arm.templates.number
        for number in study.split.chosen_folds
    ]
    for entry in sets:
        _refuse_templates(entry)
    return sets


def _refuse_templates(entry: dict[str, Any]) -> None:
    where, candidates = f"[arms.{entry['arm']}.templates] fold {entry['fold']}:", entry["train"]
    if strangers := [image for image in entry["given"] if image not in candidates]:
        raise StudyError(f"{where} {strangers[0]!r} is no training image of the arm; they are: {', '.join(candidates)}")
    if entry["count"] > len(candidates):
        raise StudyError(f"{where} found {len(candidates)} training images, wanted {entry['count']} templates")


def list_warped_images(sets: Sequence[dict[str, Any]], study: Study, images: Entries) -> Entries:
    """Give every training image that is warped to a template its id, what it is made of and where it will lie."""
    warped: Entries = {}
    for entry in sets:
        for arm in study.arms:
            if isinstance(arm, TemplateArm) and arm.ensemble == entry["arm"]:
                folder = f"templates/{entry['name']}/T{arm.number}"
                for image in (*entry["train"], *entry["val"]):
                    name = warped_image(image, arm, entry["fold"])
                    warped[name] = {
                        **{fact: images[image][fact] for fact in ("dataset", "patient", "case", "variant")},
                        **{"of": image, "templates": entry["name"], "template": arm.number},
                        "path": f"{folder}/imagesTr/{name}_0000.nii.gz",
                        "label": f"{folder}/labelsTr/{name}.nii.gz",
                    }
    return warped


def _splits(study: Study, arm: Arm, folds: tuple[Fold, ...]) -> list[dict[str, Any]]:
    """Return an arm's splits; of an arm on templates those of its images as they are, each warped to the template."""
    if not isinstance(arm, TemplateArm):
        return [_split(study, arm, fold) for fold in folds]
    plain = next(entry for entry in study.arms if entry.name == arm.ensemble)
    splits = [_split(study, plain, fold) for fold in folds]
    for number, split in enumerate(splits):
        for side in ("train", "val"):
            split[side] = [warped_image(image, arm, number) for image in split[side]]
    return splits


def _split(study: Study, arm: Arm, fold: Fold) -> dict[str, Any]:
    split: dict[str, Any] = {"train": list(training_images(study, arm, fold)), "val": list(watching_images(arm, fold))}
    if arm.name in study.equal_arms.arms:
        split |= {"volumes": len(split["train"]), "patients": len(_persons(fold, split["train"]))}
    return split


def _persons(fold: Fold, images: Sequence[str]) -> set[PatientKey]:
    """Return whose images these are; one person under two names counts once."""
    whose = {image: entry.someone for entry in fold.training for ids in entry.images.values() for image in ids}
    return {whose[image] for image in images}


def _level(study: Study, splits: dict[str, dict[str, Any]], slices_of: SlicesOf) -> None:
    """Add the chosen slices of every image to the levelled arms' splits of one fold."""
    chosen = level_slices(study, {name: split["train"] for name, split in splits.items()}, slices_of)
    for name, split in splits.items():
        split["slices"] = chosen[name]


def list_models(study: Study, folds: tuple[Fold, ...], images: Entries) -> list[dict[str, Any]]:
    """List every model of the chosen folds, trained or not, with the image ids it is scored on."""
    models: list[dict[str, Any]] = [
        {
            "model": trained_model(arm, trainer, seed, number),
            "arm": arm.name,
            "trainer": trainer.name,
            "seed": seed,
            "fold": number,
            "plans_name": plans_name(study, arm, seed, trainer.configuration),
            "kind": "trained",
            "test": _all_test_images(study, arm, folds[number], images),
            **({"mirroring": True} if study.prediction.mirroring else {}),  # absent, runs made before it stay fresh
            **trainer_entry(trainer),
            **_template_of(arm, number),
        }
        for arm in study.trained_arms()
        for trainer in study.trainers_of(arm)
        for seed in study.seeds
        for number in study.split.chosen_folds
    ]
    models += _votes(study, folds, images)
    models += [
        _untrained(study, baseline, folds[number], number, images)
        for baseline in study.baselines
        for number in study.split.chosen_folds
    ]
    return models


def _votes(study: Study, folds: tuple[Fold, ...], images: Entries) -> list[dict[str, Any]]:
    """List the models that are the majority vote of an arm's templates."""
    return [
        {
            "model": trained_model(arm, trainer, seed, number),
            "arm": arm.name,
            "trainer": trainer.name,
            "seed": seed,
            "fold": number,
            "plans_name": "",
            "kind": "vote",
            "members": [trained_model(member, trainer, seed, number) for member in study.members_of(arm)],
            "test": _test_images(study, arm.name, folds[number], images),
        }
        for arm in study.arms
        if arm.templates.number
        for trainer in study.trainers_of(arm)
        for seed in study.seeds
        for number in study.split.chosen_folds
    ]


def _template_of(arm: Arm, fold: int) -> dict[str, Any]:
    if not isinstance(arm, TemplateArm):
        return {}
    return {"template": {"set": set_name(arm.ensemble, fold), "number": arm.number}}


def _all_test_images(study: Study, arm: Arm, fold: Fold, images: Entries) -> list[str]:
    """List the images an arm predicts: what it is scored on and, on a template, what its vote is; and the reverse."""
    names = [arm.name, *([arm.ensemble] if isinstance(arm, TemplateArm) else [])]
    names += [member.name for member in study.members_of(arm)]
    return sorted({image for name in names for image in _test_images(study, name, fold, images)})


def _untrained(study: Study, baseline: Baseline, fold: Fold, number: int, images: Entries) -> dict[str, Any]:
    tested = _test_images(study, baseline.name, fold, images)
    model: dict[str, Any] = {
        "model": baseline_model(baseline, study.seeds[0], number),
        "arm": baseline.name,
        "trainer": baseline.kind,
        "seed": study.seeds[0],
        "fold": number,
        "plans_name": "",
        "kind": baseline.kind,
        "train": [],
        "test": tested,
    }
    if baseline.kind == "hu_range":
        return model | hu_range_settings(study, baseline, number, tested, images)
    return model | {"train": sorted(next(iter(entry.images.values()))[0] for entry in fold.training)}


def _test_images(study: Study, arm: str, fold: Fold, images: Entries) -> list[str]:
    """List the images an arm is scored on: the fold's test patients in the test sets that take the arm."""
    testing = {patient.key for patient in fold.testing}
    chosen = {
        image
        for test_set in study.test_sets
        for image, entry in images.items()
        if entry["variant"] in test_set.variants
        and arm in study.rows_on(test_set, entry["dataset"])
        and (entry["dataset"], entry["patient"]) in testing
    }
    return sorted(chosen)

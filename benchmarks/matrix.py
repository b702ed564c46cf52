"""The arm x trainer x seed x fold matrix of a study over divided patients."""

from collections.abc import Sequence
from typing import Any

from benchmarks.equal_arms import SlicesOf, level_slices
from benchmarks.model_names import baseline_model, plans_name, trained_model
from benchmarks.patients import Fold, PatientKey, training_images, watching_images
from benchmarks.study import Arm, Study

Entries = dict[str, dict[str, Any]]
"""Image or case id to its record in ``matrix.json``."""


def list_plans(study: Study, folds: tuple[Fold, ...], slices_of: SlicesOf | None = None) -> list[dict[str, Any]]:
    """List one plans entry per arm and seed: what it trains on and what watches it, in every fold.

    Parameters
    ----------
    slices_of : callable, optional
        The slices of an image that show lung; needed where ``[equal_arms]`` levels them.

    Raises
    ------
    StudyError
        If no image fits an arm, or arms cannot be levelled.
    """
    splits = {arm.name: [_split(study, arm, fold) for fold in folds] for arm in study.arms}
    if study.equal_arms.slices == "lung":
        if slices_of is None:
            raise ValueError("[equal_arms] slices: wanted the slices with lung of every image")
        for number in range(len(folds)):
            _level(study, {name: splits[name][number] for name in study.equal_arms.arms}, slices_of)
    return [
        {
            "plans_name": plans_name(study, arm, seed),
            "arm": arm.name,
            "seed": seed,
            "class_weights": dict(arm.class_weights),
            "splits": splits[arm.name],
        }
        for arm in study.arms
        for seed in study.seeds
    ]


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
            "plans_name": plans_name(study, arm, seed),
            "kind": "trained",
            "test": _test_images(study, arm.name, folds[number], images),
            **({"mirroring": True} if study.prediction.mirroring else {}),  # absent, runs made before it stay fresh
        }
        for arm in study.arms
        for trainer in study.trainers
        for seed in study.seeds
        for number in study.split.chosen_folds
    ]
    for baseline in study.baselines:
        for number in study.split.chosen_folds:
            first = [next(iter(entry.images.values()))[0] for entry in folds[number].training]
            models.append(
                {
                    "model": baseline_model(baseline, study.seeds[0], number),
                    "arm": baseline.name,
                    "trainer": baseline.kind,
                    "seed": study.seeds[0],
                    "fold": number,
                    "plans_name": "",
                    "kind": baseline.kind,
                    "train": sorted(first),
                    "test": _test_images(study, baseline.name, folds[number], images),
                }
            )
    return models


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

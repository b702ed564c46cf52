"""The arm x trainer x seed x fold matrix of a study over divided patients."""

from typing import Any

from benchmarks.model_names import baseline_model, plans_name, trained_model
from benchmarks.patients import Fold, training_images, watching_images
from benchmarks.study import Study

Entries = dict[str, dict[str, Any]]
"""Image or case id to its record in ``matrix.json``."""


def list_plans(study: Study, folds: tuple[Fold, ...]) -> list[dict[str, Any]]:
    """List one plans entry per arm and seed: what it trains on and what watches it, in every fold."""
    return [
        {
            "plans_name": plans_name(study, arm, seed),
            "arm": arm.name,
            "seed": seed,
            "class_weights": dict(arm.class_weights),
            "splits": [
                {"train": list(training_images(study, arm, fold)), "val": list(watching_images(arm, fold))}
                for fold in folds
            ],
        }
        for arm in study.arms
        for seed in study.seeds
    ]


def list_models(study: Study, folds: tuple[Fold, ...], images: Entries) -> list[dict[str, Any]]:
    """List every model, trained or not, with the image ids it is scored on."""
    models: list[dict[str, Any]] = [
        {
            "model": trained_model(arm, trainer, seed, number),
            "arm": arm.name,
            "trainer": trainer.name,
            "seed": seed,
            "fold": number,
            "plans_name": plans_name(study, arm, seed),
            "kind": "trained",
            "test": _test_images(study, arm.name, fold, images),
        }
        for arm in study.arms
        for trainer in study.trainers
        for seed in study.seeds
        for number, fold in enumerate(folds)
    ]
    for baseline in study.baselines:
        for number, fold in enumerate(folds):
            first = [next(iter(entry.images.values()))[0] for entry in fold.training]
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
                    "test": _test_images(study, baseline.name, fold, images),
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

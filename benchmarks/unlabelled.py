"""Images that nobody annotated: a study can neither train on them nor score them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from benchmarks.matrix import Entries, list_models
from benchmarks.patients import Fold, Patient, training_images, watching_images
from benchmarks.study import Study


def unlabelled_faults(
    study: Study, folds: Sequence[Fold], images: Entries, readers: Mapping[str, Collection[Any]]
) -> list[str]:
    """Return a line for every case without annotation that an arm trains on or a test set scores.

    Parameters
    ----------
    images : mapping
        Image id to its dataset, patient, case and variant.
    readers : mapping
        ``<dataset>_<case>`` to the case's readers.
    """
    uses: dict[str, str] = {}
    for fold in folds:
        for arm in study.arms:
            for image in (*training_images(study, arm, fold), *watching_images(arm, fold)):
                uses.setdefault(_case(images[image]), f"arm {arm.name} trains on or watches it")
    for model in list_models(study, tuple(folds), images):
        compared = [image for image in model["test"] if _is_compared(study, model["arm"], images[image])]
        for image in (*model.get("train", ()), *compared):
            uses.setdefault(_case(images[image]), f"model {model['model']} is scored on it")
    where = {_case(entry): f"dataset {entry['dataset']}: case {entry['case']}" for entry in images.values()}
    return [
        f"{where[case]}: found no annotation, but {use}; wanted a reader; exclude the case, leave its variants out of "
        "the arms and test sets, or say annotated = false in test sets that only measure"
        for case, use in sorted(uses.items())
        if not readers[case]
    ]


def annotated_patients(patients: Sequence[Patient], readers: Mapping[str, Collection[Any]]) -> list[Patient]:
    """Return the patients with a case that has a reader."""
    return [
        entry
        for entry in patients
        if any(readers[image.rsplit("-", 1)[0]] for images in entry.images.values() for image in images)
    ]


def _is_compared(study: Study, arm: str, image: Mapping[str, Any]) -> bool:
    """Say whether a test set with annotation takes an arm's prediction of an image."""
    return any(
        entry.annotated and image["variant"] in entry.variants and arm in study.rows_on(entry, image["dataset"])
        for entry in study.test_sets
    )


def _case(entry: Mapping[str, Any]) -> str:
    return f"{entry['dataset']}_{entry['case']}"

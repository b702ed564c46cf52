"""Folds for those who train with nnU-Net alone: its own split takes images one by one, and a patient has several."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

from dataset_converters.sources.overlaps import repeated_images

_SEED = 12345


def patient_folds(dataset: str, entries: Sequence[Mapping[str, Any]], *, folds: int = 5) -> list[dict[str, list[str]]]:
    """Return the content of ``splits_final.json``: image ids to train on and to watch, whole patients, seeded.

    Cases without annotation and those the source keeps for tests are in no fold; variants of a case, visits of a
    patient and repeats under another name stay together. Fewer patients give fewer folds, one patient none.

    Parameters
    ----------
    dataset : str
        Name of the dataset file.
    entries : sequence of mapping
        Cases as in ``cases.json``.
    """
    images: dict[str, list[str]] = {}
    repeats = repeated_images(dataset)
    for case in entries:
        if case["readers"] and case["role"] != "test":
            person = next((min(group) for group in repeats if case["patient"] in group), case["patient"])
            images.setdefault(person, []).extend(f"{case['case']}-{variant}" for variant in case["variants"])
    persons = sorted(images)
    random.Random(_SEED).shuffle(persons)
    count = min(folds, len(persons))
    parts = [sorted(image for person in persons[number::count] for image in images[person]) for number in range(count)]
    return [
        {"train": sorted(image for other in parts if other is not part for image in other), "val": part}
        for part in parts
        if count > 1
    ]

"""Lung and disease of a label map whose labels exclude each other, seen as two overlapping regions."""

from collections.abc import Mapping
from typing import Any

from trainers.errors import TrainerError

LUNG = ("lung", "right_lung", "left_lung")
DISEASE = ("disease", "disease_right", "disease_left")
REGIONS = ("lung", "disease")
"""In the order of a network's two outputs."""


def lung_and_disease(labels: Mapping[str, Any], trainer: str) -> tuple[list[str], list[str]]:
    """Return the names of the lung labels (without disease) and of the disease labels, in the order of their values.

    Parameters
    ----------
    labels : mapping
        Name to label value of a ``dataset.json``, with ``background`` and maybe ``ignore``.

    Raises
    ------
    TrainerError
        Lung or disease is missing, another structure is there, or a label is a region already.
    """
    structures = {name: value for name, value in labels.items() if name not in ("background", "ignore")}
    whole = all(isinstance(value, int) for value in structures.values())
    ordered = sorted(structures, key=lambda name: structures[name]) if whole else []
    lung, disease = ([name for name in ordered if name in names] for names in (LUNG, DISEASE))
    if not (lung and disease) or len(lung) + len(disease) < len(structures):
        raise TrainerError(
            trainer,
            found=f"structures {structures} in dataset.json",
            wanted=f"integer labels for healthy lung ({' or '.join(LUNG)}) and for disease ({' or '.join(DISEASE)})",
            action="name such labels in the study's [structures] or the dataset.json, and no others",
        )
    return lung, disease


def with_regions(dataset_json: dict[str, Any], trainer: str) -> dict[str, Any]:
    """Return a ``dataset.json`` whose lung is lung or disease, and whose disease lies in it, as nnU-Net's regions.

    The label map on the disk stays as it is. Of several lung (disease) labels, right and left for example, a
    prediction has only the first: the network sees one lung; score their union.
    """
    labels = dataset_json["labels"]
    names = lung_and_disease(labels, trainer)
    lung, disease = ([int(labels[name]) for name in group] for group in names)
    ignored = {"ignore": labels["ignore"]} if "ignore" in labels else {}
    regions = {"background": 0, "lung": sorted(lung + disease), "disease": disease}
    return dataset_json | {"labels": regions | ignored, "regions_class_order": [lung[0], disease[0]]}


def region_pixels(pixels: Mapping[int, int], view: Mapping[str, Any]) -> dict[int, int]:
    """Return the pixels outside the lung (0), of the lung with its disease (1) and of the disease (2)."""
    counts = [sum(pixels.get(label, 0) for label in view[region]) for region in REGIONS]
    return {0: pixels.get(0, 0), 1: counts[0], 2: counts[1]}


def region_weights(weights: Mapping[str, float], names: tuple[list[str], list[str]], where: str) -> dict[str, float]:
    """Return the weights that a study gives to labels, by region; unknown names are left as they are.

    Raises
    ------
    TrainerError
        Two labels of one region have different weights.
    """
    given = {name: weight for name, weight in weights.items() if name not in (*names[0], *names[1])}
    for region, members in zip(REGIONS, names, strict=True):
        found = {name: weights[name] for name in members if name in weights}
        if len(set(found.values())) > 1:
            raise TrainerError(
                where,
                found=f"class weights {found}",
                wanted=f"one weight: they are one region, {region}",
                action="make class_weights in the study equal",
            )
        if found:
            given[region] = next(iter(found.values()))
    return given

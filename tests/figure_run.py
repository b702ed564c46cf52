"""A run in which every figure finds what it asks for: two datasets and arms, three kernels, readers, lungs, tumours."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from analysis_run import write_image

from analysis.results import TRAINING_COLUMNS, Results

SHAPE = (6, 20, 28)
ANNOTATED = [1, 2, 4]
TRAINER = "nnUNetTrainerWeightedCE2D"
VARIANTS = ("LK", "MK", "SK")
ARMS = {"E": "east", "W": "west"}
PATIENTS = 3
IMAGE = ("dataset", "patient", "case", "variant")
MISSING = ("W", "east_east1-MK")
EMPTY = ("W", "west_west2-LK")
RIGHT, LEFT, DISEASE, TUMOUR = 1, 2, 3, 4
STUDY = """
name = "figures"
title = "Every figure"
dataset_id = 906
[structures]
right_lung = ["right_lung"]
left_lung = ["left_lung"]
disease = ["disease"]
[[datasets]]
name = "east"
label = "East"
[[datasets]]
name = "west"
label = "West"
[[arms]]
name = "E"
label = "Trained in the east"
datasets = ["east"]
variants = ["LK"]
[[arms]]
name = "W"
label = "Trained in the west"
datasets = ["west"]
variants = ["LK"]
[[trainers]]
name = "nnUNetTrainerWeightedCE2D"
label = "U-Net"
[[test_sets]]
name = "LK"
label = "Lung kernel"
variants = ["LK"]
arms = ["E", "W"]
[[test_sets]]
name = "MK"
label = "Mediastinal kernel"
variants = ["MK"]
arms = ["E", "W"]
[[test_sets]]
name = "SK"
label = "Sharp kernel"
variants = ["SK"]
arms = ["E", "W"]
[split]
kind = "roles"
[budgets.cpu]
iterations = 2
iterations_per_epoch = 1
validation_iterations = 1
batch_size = 1
width = 8
patch_size = [32, 32]
spacing_mm = [2.5, 2.0]
[scoring]
metrics = ["DSC", "HD95", "reference_volume", "relative_volume_difference", "extent", "tumour_overlap"]
unions = { lung = ["right_lung", "left_lung", "disease"] }
references = { tumour = ["tumour"] }
lung = "lung"
disease = "disease"
tumour = "tumour"
own_variant = "MK"
slices = ["reader", "all"]
[tables]
structures = ["disease"]
comparisons = [{ arms = ["E", "W"], test_sets = ["LK"] }, { arms = ["E"], test_sets = ["LK", "MK"] }]
[tables.cohorts]
cohorts = [
    { name = "east", label = "East", datasets = ["east"] },
    { name = "west", label = "West", datasets = ["west"] },
]
lung_function = [{ covariate = "fvc", label = "FVC (%)" }]
[tables.standardisation]
structure = "lung"
protocols = [{ name = "LK", original = "LK", standardised = "SK" }]
"""
Labels = npt.NDArray[np.uint8]


def write_figure_run(root: Path) -> Path:
    """Write the run without scores; patients are named after their dataset: east1, east2..."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "study.toml").write_text(STUDY, encoding="utf-8")
    images: dict[str, dict] = {}
    references: dict[str, dict] = {}
    for dataset in ARMS.values():
        for number in range(1, PATIENTS + 1):
            truth = _truth(number)
            references[f"{dataset}_{dataset}{number}"] = _write_readers(root, dataset, number, truth)
            for variant in VARIANTS:
                name = f"{dataset}_{dataset}{number}-{variant}"
                images[name] = _write_ct(root, dataset, number, variant, truth)
                _write_predictions(root, name, truth, number)
    models = [
        {"model": _model(arm), "arm": arm, "trainer": TRAINER, "seed": 0, "fold": 0, "plans_name": f"figures-{arm}-s0",
         "kind": "trained", "test": list(images)}
        for arm in ARMS
    ]  # fmt: skip
    matrix = {
        "study": "figures", "dataset_id": 906, "nnunet": "Dataset906_figures", "device": "cpu", "plans": [],
        "structures": {"right_lung": 1, "left_lung": 2, "disease": 3}, "ignore_label": 4, "images": images,
        "references": references, "models": models,
    }  # fmt: skip
    (root / "matrix.json").write_text(json.dumps(matrix), encoding="utf-8")
    return root


def with_sharpness(results: Results) -> Results:
    """Return the results with a sharpness of every image, which those of the run are too small to show, and training.

    Each arm was trained on the lung kernel of its own patients.
    """
    images = results.images
    level = images["variant"].map({"LK": 3.7, "MK": 2.8, "SK": 3.4}) + 0.1 * images["patient"].str[-1].astype(int)
    known = images["variant"].eq("LK")
    rows = [
        {"arm": arm, "seed": 0, "fold": 0, "chosen_slices": np.nan} | row
        for arm, dataset in ARMS.items()
        for row in images.loc[known & images["dataset"].eq(dataset), list(IMAGE)].to_dict("records")
    ]
    images = images.assign(sharpness_lp_per_cm=level, sharpness_standard_error=0.02)
    return replace(results, images=images, training=pd.DataFrame(rows)[list(TRAINING_COLUMNS)])


def _truth(number: int) -> Labels:
    """Return lungs with disease in the right one, larger from patient to patient, and a tumour in the left one."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[1:5, 4:16, 4:12] = RIGHT
    labels[1:5, 4:16, 16:24] = LEFT
    labels[1:5, 5 : 7 + 2 * number, 5:9] = DISEASE
    labels[2:4, 10:14, 18:22] = TUMOUR
    return labels


def _write_readers(root: Path, dataset: str, number: int, truth: Labels) -> dict:
    names = ("reader1", "reader2", "reader1_repeat") if dataset == "east" else ("truth",)
    readers = {}
    for shift, name in enumerate(names):
        path = f"annotations/{dataset}{number}-{name}.nii.gz"
        write_image(root / path, np.roll(truth, shift, axis=1))
        readers[name] = {"annotation": path, "annotated_slices": ANNOTATED if dataset == "east" else None}
    return {
        "dataset": dataset, "patient": f"{dataset}{number}", "case": f"{dataset}{number}", "role": "test",
        "readers": readers, "covariates": {"fvc": 50.0 + 10 * number},
        "structures": {"right_lung": [RIGHT], "left_lung": [LEFT], "disease": [DISEASE]},
        "reference_only": {"tumour": [TUMOUR]},
    }  # fmt: skip


def _write_ct(root: Path, dataset: str, number: int, variant: str, truth: Labels) -> dict:
    hu = np.full(SHAPE, -1000, np.int16)
    hu[:, 2:18, 2:26] = 40
    hu[np.isin(truth, (RIGHT, LEFT))] = -850
    hu[truth == DISEASE] = -500
    path = f"images/{dataset}{number}-{variant}_0000.nii.gz"
    write_image(root / path, hu)
    return {
        "path": path, "dataset": dataset, "patient": f"{dataset}{number}", "case": f"{dataset}{number}",
        "variant": variant, "variant_kind": "native", "facts": {},
    }  # fmt: skip


def _write_predictions(root: Path, image: str, truth: Labels, number: int) -> None:
    found = np.where(truth == TUMOUR, np.where(np.arange(SHAPE[1])[:, None] > 11, 0, LEFT), truth).astype(np.uint8)
    for arm, home in ARMS.items():
        if (arm, image) == MISSING:
            continue
        away = 1 + VARIANTS.index(image.rsplit("-", 1)[1]) + (number if not image.startswith(home) else 0)
        shifted = np.roll(found, away, axis=2)
        labels = np.zeros(SHAPE, np.uint8) if (arm, image) == EMPTY else shifted
        write_image(root / "predictions" / _model(arm) / f"{image}.nii.gz", labels)


def _model(arm: str) -> str:
    return f"{arm}-{TRAINER}-s0-f0"

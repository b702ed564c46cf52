"""A run of one examination whose masks a test draws by hand: four readings, two variants, lungs, disease, tumour."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from analysis_run import write_image

SHAPE = (6, 8, 10)
SPACING_XYZ_MM = (2.0, 2.5, 5.0)
RIGHT, LEFT, DISEASE, TUMOUR = 1, 2, 3, 4
MODEL = "LK-nnUNetTrainerWeightedCE2D-s0-f0"
STUDY = """
name = "drawn"
title = "Drawn by hand"
dataset_id = 905

[structures]
right_lung = ["right_lung"]
left_lung = ["left_lung"]
disease = ["disease"]

[[datasets]]
name = "drawn"
converter = "phantom"

[[arms]]
name = "LK"
variants = ["LK"]

[[trainers]]
name = "nnUNetTrainerWeightedCE2D"

[[test_sets]]
name = "all"
variants = ["LK", "MK"]
{test_set}

[split]
kind = "roles"

[scoring]
{scoring}

[budgets.cpu]
iterations = 2
iterations_per_epoch = 1
validation_iterations = 1
batch_size = 1
width = 8
patch_size = [32, 32]
spacing_mm = [2.5, 2.0]
"""
Labels = npt.NDArray[np.uint8]


def nothing() -> Labels:
    """Return an empty label map."""
    return np.zeros(SHAPE, np.uint8)


def lungs() -> Labels:
    """Return a label map of both lungs on slices 1 to 4: 2 x 3 voxels each."""
    labels = nothing()
    labels[1:5, 2:4, 1:4] = RIGHT
    labels[1:5, 2:4, 6:9] = LEFT
    return labels


def write_scoring_run(
    root: Path,
    *,
    readers: Mapping[str, tuple[Labels, list[int] | None]],
    predictions: Mapping[str, Labels],
    scoring: str = 'metrics = ["DSC"]',
    test_set: str = "",
    covariates: Mapping[str, object] | None = None,
) -> Path:
    """Write the run; ``readers`` gives label map and annotated slices, ``predictions`` variant to label map."""
    root.mkdir(parents=True)
    (root / "study.toml").write_text(STUDY.replace("{scoring}", scoring).replace("{test_set}", test_set))
    entries = {}
    for name, (labels, annotated) in readers.items():
        path = f"annotations/{name}.nii.gz"
        write_image(root / path, labels, spacing_xyz_mm=SPACING_XYZ_MM)
        entries[name] = {"annotation": path, "annotated_slices": annotated}
    images = {}
    for variant in ("LK", "MK"):
        path = f"images/P1-{variant}_0000.nii.gz"
        write_image(root / path, np.zeros(SHAPE, np.int16), spacing_xyz_mm=SPACING_XYZ_MM)
        images[f"drawn_P1-{variant}"] = {
            "path": path, "dataset": "drawn", "patient": "P1", "case": "P1", "variant": variant,
            "variant_kind": "simulated", "facts": {"kernel": {"LK": "B70f", "MK": "B30f"}[variant]},
        }  # fmt: skip
    for variant, labels in predictions.items():
        path = root / "predictions" / MODEL / f"drawn_P1-{variant}.nii.gz"
        write_image(path, labels, spacing_xyz_mm=SPACING_XYZ_MM)
    reference = {
        "dataset": "drawn", "patient": "P1", "case": "P1", "role": "test", "covariates": dict(covariates or {}),
        "readers": entries, "structures": {"right_lung": [RIGHT], "left_lung": [LEFT], "disease": [DISEASE]},
        "reference_only": {"tumour": [TUMOUR]},
    }  # fmt: skip
    model = {
        "model": MODEL, "arm": "LK", "trainer": "nnUNetTrainerWeightedCE2D", "seed": 0, "fold": 0,
        "plans_name": "drawn-LK-s0", "kind": "trained", "test": list(images),
    }  # fmt: skip
    plan = {"plans_name": "drawn-LK-s0", "arm": "LK", "seed": 0, "splits": [{"train": list(images)[:1], "val": []}]}
    matrix = {
        "study": "drawn", "structures": {"right_lung": 1, "left_lung": 2, "disease": 3}, "images": images,
        "references": {"drawn_P1": reference}, "models": [model], "plans": [plan],
    }  # fmt: skip
    (root / "matrix.json").write_text(json.dumps(matrix))
    return root

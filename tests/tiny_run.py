"""A run folder small enough to train on in seconds: bright balls in noise, two variants of every patient."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

SPACING_ZYX = (5.0, 1.0, 1.0)
NNUNET = "Dataset977_tiny"
TRAINER = "nnUNetTrainerWeightedCE2D"


def write_tiny_run(
    run: Path, *, patients: int = 5, ignore: bool = False, lung: bool = False, size: int = 64, **budget: Any
) -> Path:
    """Write images, labels and ``matrix.json``; with ``ignore`` only slices 2 and 5 of 8 are annotated.

    The ball is disease; with ``lung`` it is lung, with a smaller ball of disease in it.

    Patient 0 is tested, patient 1 watches, the others are trained on; arms ``LK`` and ``both``, seed 0.
    """
    images: dict[str, Any] = {}
    dataset: dict[str, Any] = {}
    structures = {"lung": 1, "disease": 2} if lung else {"disease": 1}
    ignored = len(structures) + 1 if ignore else None
    for patient in range(patients):
        labels = _ball(patient, size) + (_ball(patient, size, 0.6) if lung else 0)
        for variant, noise in (("LK", 60.0), ("MK", 15.0)):
            image_id = f"source_P{patient}-{variant}"
            path = f"nnUNet_raw/Dataset976_source/imagesTr/P{patient}-{variant}_0000.nii.gz"
            random = np.random.default_rng([patient, len(variant), int(noise)])
            write(
                run / path,
                (-850 + 600.0 / len(structures) * labels + random.normal(0, noise, labels.shape)).astype(np.int16),
            )
            shown = labels.copy()
            if ignore:
                shown[[0, 1, 3, 4, 6, 7]] = ignored
            write(run / "nnUNet_raw" / NNUNET / "labelsTr" / f"{image_id}.nii.gz", shown)
            facts = {"dataset": "source", "patient": f"P{patient}", "case": f"P{patient}", "variant": variant}
            images[image_id] = {"path": path, "variant_kind": "simulated", **facts}
            label = f"labelsTr/{image_id}.nii.gz"
            dataset[image_id] = {"images": [f"../Dataset976_source/imagesTr/{Path(path).name}"], "label": label}
    dataset = {name: entry for name, entry in dataset.items() if "_P0-" not in name}
    write_dataset_json(run / "nnUNet_raw" / NNUNET, dataset, structures=structures, ignored=ignored)
    (run / "matrix.json").write_text(json.dumps(_matrix(images, structures, ignored, size, budget), indent=1))
    return run


def write_dataset_json(
    folder: Path,
    dataset: dict[str, Any] | None,
    *,
    structures: dict[str, int] | None = None,
    ignored: int | None = None,
    cases: int = 0,
) -> None:
    """Write nnU-Net's ``dataset.json``; without ``dataset`` nnU-Net looks into ``imagesTr``."""
    labels = {"background": 0} | (structures or {"disease": 1}) | ({} if ignored is None else {"ignore": ignored})
    content = {"channel_names": {"0": "CT"}, "labels": labels, "file_ending": ".nii.gz"}
    content |= {"numTraining": cases} if dataset is None else {"numTraining": len(dataset), "dataset": dataset}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dataset.json").write_text(json.dumps(content))


def write(path: Path, array: np.ndarray) -> None:
    """Write an array (z, y, x) as NIfTI."""
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(SPACING_ZYX[::-1])
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image, str(path), True)


def _ball(patient: int, size: int, scale: float = 1.0) -> np.ndarray:
    z, y, x = np.ogrid[:8, :size, :size]
    centre = size / 2 + 2 * patient - 4
    distance = ((z - 3.5) * 2.5) ** 2 + (y - centre) ** 2 + (x - size / 2) ** 2
    return (distance < (scale * (size / 5 + patient)) ** 2).astype(np.uint8)


def _matrix(
    images: dict[str, Any], structures: dict[str, int], ignored: int | None, size: int, budget: dict[str, Any]
) -> dict[str, Any]:
    def of(patients: set[str], variants: set[str]) -> list[str]:
        return [i for i, facts in images.items() if facts["patient"] in patients and facts["variant"] in variants]

    trained = {facts["patient"] for facts in images.values()} - {"P0", "P1"}
    arms = {"LK": {"LK"}, "both": {"LK", "MK"}}
    standard = {"iterations": 6, "iterations_per_epoch": 2, "validation_iterations": 1, "batch_size": 2, "width": 4}
    standard |= {"patch_size": [size, size], "spacing_mm": [1.0, 1.0], "learning_rate": None, "augmentation": "none"}
    return {
        "study": "tiny",
        "dataset_id": 977,
        "nnunet": NNUNET,
        "device": "cpu",
        "structures": structures,
        "ignore_label": ignored,
        "hu_window": [-1024, 600],
        "budget": standard | budget,
        "images": images,
        "fitted_kernels": {name: {"LK": "B70f", "MK": "B30f"}[facts["variant"]] for name, facts in images.items()},
        "references": {},
        "plans": [
            {
                "plans_name": f"tiny-{arm}-s0",
                "arm": arm,
                "seed": 0,
                "class_weights": {},
                "splits": [{"train": of(trained, variants), "val": of({"P1"}, variants)}],
            }
            for arm, variants in arms.items()
        ],
        "models": [_trained(arm, TRAINER, of({"P0"}, {"LK", "MK"})) for arm in arms]
        + [_trained("LK", "nnUNetTrainerCTShiftStock", of({"P0"}, {"LK"}))]
        + [
            {
                "model": "ellipsoid-centred_ellipsoid-s0-f0",
                "arm": "ellipsoid",
                "trainer": "centred_ellipsoid",
                "seed": 0,
                "fold": 0,
                "plans_name": "",
                "kind": "centred_ellipsoid",
                "train": of(trained, {"LK", "MK"}),
                "test": of({"P0"}, {"LK", "MK"}),
            }
        ],
    }


def _trained(arm: str, trainer: str, test: list[str]) -> dict[str, Any]:
    return {
        "model": f"{arm}-{trainer}-s0-f0",
        "arm": arm,
        "trainer": trainer,
        "seed": 0,
        "fold": 0,
        "plans_name": f"tiny-{arm}-s0",
        "kind": "trained",
        "test": test,
    }

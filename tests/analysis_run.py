"""A tiny synthetic run folder: two kernels, two readers, sparse annotated slices, one prediction missing."""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

SIZE_ZYX = (8, 24, 32)
SPACING_XYZ_MM = (2.0, 2.5, 5.0)
READERS = ("reader1", "reader2")
ANNOTATED = [1, 3, 4, 6]
TRAINER = "nnUNetTrainerWeightedCE2D"
KERNELS = ("LK", "MK")
ARMS = ("LK", "MK", "LK+MK")
MISSING = ("LK-nnUNetTrainerWeightedCE2D-s0-f0", "phantom_P001-MK")

STUDY = """
name = "quickstart"
title = "Synthetic kernels"
dataset_id = 901

[structures]
disease = ["ground_glass", "reticulation"]

[[datasets]]
name = "phantom"
label = "Phantom ILD"

[[arms]]
name = "LK"
label = "Trained on lung kernel"
variants = ["LK"]

[[arms]]
name = "MK"
label = "Trained on mediastinal kernel"
variants = ["MK"]

[[arms]]
name = "LK+MK"
label = "Trained on both kernels"
variants = ["LK", "MK"]

[[trainers]]
name = "nnUNetTrainerWeightedCE2D"
label = "U-Net 2021"

[[baselines]]
name = "ellipsoid"
kind = "centred_ellipsoid"
label = "Centred ellipsoid"

[[test_sets]]
name = "LK"
label = "Applied on lung kernel"
variants = ["LK"]

[[test_sets]]
name = "MK"
label = "Applied on mediastinal kernel"
variants = ["MK"]

[[test_sets]]
name = "both"
label = "Applied on both kernels"
variants = ["LK", "MK"]

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

[tables]
paired = {paired}
"""


def write_run(root: Path, *, patients: int = 5, paired: bool = True, seed: int = 1) -> Path:
    """Write a run folder with predictions and no scores; unpaired: odd patients have LK only, even ones MK only."""
    generator = np.random.default_rng(seed)
    root.mkdir(parents=True, exist_ok=True)
    (root / "study.toml").write_text(STUDY.replace("{paired}", str(paired).lower()), encoding="utf-8")
    names = [f"P{number:03d}" for number in range(1, patients + 1)]
    kernels = {name: KERNELS if paired else (KERNELS[index % 2],) for index, name in enumerate(names)}
    models = _models([f"phantom_{name}-{kernel}" for name in names for kernel in kernels[name]])
    matrix = {
        "study": "quickstart", "dataset_id": 901, "nnunet": "Dataset901_quickstart", "device": "cpu",
        "structures": {"disease": 1}, "ignore_label": 2, "images": {}, "references": {}, "models": models, "plans": [],
    }  # fmt: skip
    for name in names:
        truth = _write_case(root, matrix, name, kernels=kernels[name], generator=generator)
        for model in models:
            for kernel in kernels[name]:
                _write_prediction(root, model, f"phantom_{name}-{kernel}", truth=truth, generator=generator)
    (root / "matrix.json").write_text(json.dumps(matrix, indent=1), encoding="utf-8")
    return root


def write_image(
    path: Path, array: npt.NDArray[np.generic], *, spacing_xyz_mm: tuple[float, ...] = SPACING_XYZ_MM
) -> None:
    """Write an array (z, y, x) as NIfTI."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing_xyz_mm)
    sitk.WriteImage(image, str(path), useCompression=True)


def _models(images: list[str]) -> list[dict]:
    trained = [
        {"model": f"{arm}-{TRAINER}-s0-f0", "arm": arm, "trainer": TRAINER, "seed": 0, "fold": 0,
         "plans_name": f"quickstart-{arm}-s0".replace("+", "-"), "kind": "trained", "test": images}
        for arm in ARMS
    ]  # fmt: skip
    baseline = {
        "model": "ellipsoid-centred_ellipsoid-s0-f0", "arm": "ellipsoid", "trainer": "centred_ellipsoid", "seed": 0,
        "fold": 0, "plans_name": "", "kind": "centred_ellipsoid", "train": [], "test": images,
    }  # fmt: skip
    return [*trained, baseline]


def _write_case(
    root: Path, matrix: dict, name: str, *, kernels: tuple[str, ...], generator: np.random.Generator
) -> npt.NDArray[np.bool_]:
    truth = _blob(generator.uniform(0.35, 0.65, size=3), radius=generator.uniform(0.2, 0.35))
    body = _blob((0.5, 0.5, 0.5), radius=0.9)
    lung = _blob((0.5, 0.5, 0.5), radius=0.65)
    for kernel in kernels:
        path = f"nnUNet_raw/Dataset702_phantom/imagesTr/{name}-{kernel}_0000.nii.gz"
        noise = generator.normal(0, 60 if kernel == "LK" else 20, SIZE_ZYX)
        hu = np.where(body, 40, -1000) - 890 * lung + 350 * (truth & lung) + noise
        write_image(root / path, hu.astype(np.int16))
        matrix["images"][f"phantom_{name}-{kernel}"] = {
            "path": path, "dataset": "phantom", "patient": name, "case": name, "variant": kernel,
            "variant_kind": "simulated",
        }  # fmt: skip
    readers = {}
    for index, reader in enumerate(READERS):
        path = f"annotations/Dataset702_phantom/{name}-{reader}.nii.gz"
        mask = np.roll(truth, index, axis=2).astype(np.uint8)
        mask[:, : SIZE_ZYX[1] // 2] *= 3
        mask[:, SIZE_ZYX[1] // 2 :] *= 4
        sparse = index == 0
        write_image(root / path, mask)
        readers[reader] = {"annotation": path, "annotated_slices": ANNOTATED if sparse else None}
    matrix["references"][f"phantom_{name}"] = {
        "dataset": "phantom", "patient": name, "case": name, "readers": readers, "structures": {"disease": [3, 4]},
    }  # fmt: skip
    return truth


def _write_prediction(
    root: Path, model: dict, image: str, *, truth: npt.NDArray[np.bool_], generator: np.random.Generator
) -> None:
    if (model["model"], image) == MISSING:
        return
    own = image.rsplit("-", 1)[1] in model["arm"]
    shift = int(generator.integers(0, 2)) + (0 if own else 2)
    found = np.roll(truth, shift, axis=2)
    if model["arm"] == "ellipsoid":
        found = _blob((0.5, 0.5, 0.5), radius=0.4)
    write_image(root / "predictions" / model["model"] / f"{image}.nii.gz", found.astype(np.uint8))


def _blob(centre: tuple[float, ...] | npt.NDArray[np.float64], *, radius: float) -> npt.NDArray[np.bool_]:
    """Return an ellipsoid whose centre and radius are fractions of the volume and of its half sides."""
    axes = np.ogrid[tuple(slice(0, size) for size in SIZE_ZYX)]
    distance = sum(
        ((axis + 0.5) / size - middle) ** 2 / (radius / 2) ** 2
        for axis, size, middle in zip(axes, SIZE_ZYX, centre, strict=True)
    )
    return np.asarray(distance <= 1)

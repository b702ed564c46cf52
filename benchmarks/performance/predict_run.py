"""A small run to measure on: drawn chests with lung and lesions, and the run folder to train 2D models on them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from benchmarks.performance.lung_pair import CENTRES, HALF_AXES
from dataset_converters.atomic import write_json
from dataset_converters.volumes.nifti import write_nifti

NNUNET, SOURCE, STUDY = "Dataset979_speed", "Dataset978_drawn", "speed"
LABELS = {"background": 0, "lung": 1, "disease": 2}
LEVELS_HU = (40.0, -850.0, -560.0)
"""Mean of body, lung and disease."""
SLICE_MM, WIDTH_MM = 2.5, 358.4
"""Slice distance, and side of the square field of view: 0.7 mm at 512 pixels."""
Volume = npt.NDArray[Any]


def draw_chest(size_zyx: tuple[int, int, int], seed: int) -> tuple[Volume, Volume]:
    """Return an image in HU (int16) and its labels (uint8): rough lungs with rough lesions, in noise of 60 HU."""
    random = np.random.default_rng(seed)
    shift = 0.02 * random.standard_normal(3)
    lungs = np.minimum(*(_radius(size_zyx, np.add(centre, shift), HALF_AXES) for centre in CENTRES))
    lungs += _roughness(size_zyx, random)
    labels = (lungs < 1).astype(np.uint8)
    for _ in range(8):
        centre = random.uniform((0.15, 0.3, 0.2), (0.85, 0.75, 0.8))
        lesion = _radius(size_zyx, centre, random.uniform(0.03, 0.12, 3)) + _roughness(size_zyx, random)
        labels[(lesion < 1) & (labels == 1)] = 2
    body = _radius(size_zyx, (0.5, 0.5, 0.5), (9.0, 0.42, 0.47)) < 1
    image = np.where(body, np.asarray(LEVELS_HU, np.float32)[labels], np.float32(-1000))
    image += 60 * random.standard_normal(size_zyx, dtype=np.float32)
    return image.round().astype(np.int16), labels


def write_chest(folder: Path, name: str, size_zyx: tuple[int, int, int], seed: int) -> Volume:
    """Write ``<name>_0000.nii.gz`` as the converters do; return the labels."""
    image, labels = draw_chest(size_zyx, seed)
    write_nifti(folder / f"{name}_0000.nii.gz", _placed(image))
    return labels


def write_run(run: Path, trainers: Sequence[str], *, size_zyx: tuple[int, int, int], budget: dict[str, Any]) -> Path:
    """Write raw data and ``matrix.json`` with one model per trainer: eight volumes to train on, one that watches."""
    names = [f"drawn_P{number}-LK" for number in range(9)]
    images, listing = {}, {}
    for number, name in enumerate(names):
        folder = run / "nnUNet_raw" / SOURCE / "imagesTr"
        labels = write_chest(folder, name, size_zyx, number)
        write_nifti(run / "nnUNet_raw" / NNUNET / "labelsTr" / f"{name}.nii.gz", _placed(labels))
        file = f"{SOURCE}/imagesTr/{name}_0000.nii.gz"
        facts = {"dataset": "drawn", "patient": f"P{number}", "case": f"P{number}", "variant": "LK"}
        images[name] = {"path": f"nnUNet_raw/{file}", **facts}
        listing[name] = {"images": [f"../{file}"], "label": f"labelsTr/{name}.nii.gz"}
    raw = {"channel_names": {"0": "CT"}, "labels": LABELS, "numTraining": len(names), "file_ending": ".nii.gz"}
    reader = {"overwrite_image_reader_writer": "NibabelIO", "dataset": listing}
    write_json(run / "nnUNet_raw" / NNUNET / "dataset.json", raw | reader)
    write_json(run / "matrix.json", _matrix(images, trainers, budget))
    return run


def _matrix(images: dict[str, Any], trainers: Sequence[str], budget: dict[str, Any]) -> dict[str, Any]:
    names = list(images)
    facts = {"arm": "LK", "seed": 0, "plans_name": f"{STUDY}-LK-s0"}
    splits = [{"train": names[:-1], "val": names[-1:]}]
    model = {**facts, "fold": 0, "kind": "trained", "test": []}
    return {
        "study": STUDY,
        "nnunet": NNUNET,
        "hu_window": [-1024, 600],
        "budget": budget,
        "images": images,
        "plans": [{**facts, "class_weights": {}, "splits": splits}],
        "models": [{**model, "model": trainer, "trainer": trainer} for trainer in trainers],
    }


def read_models(run: Path) -> dict[str, Path]:
    """Return the model folder of every trainer of a run made here."""
    models = json.loads((run / "matrix.json").read_text(encoding="utf-8"))["models"]
    results = run / "nnUNet_results" / NNUNET
    return {model["trainer"]: results / f"{model['trainer']}__{model['plans_name']}__2d" for model in models}


def _radius(size: tuple[int, ...], centre: Any, half_axes: Any) -> Volume:
    axes = [
        ((np.arange(length, dtype=np.float32) / length - np.float32(middle)) / np.float32(half)) ** 2
        for length, middle, half in zip(size, centre, half_axes, strict=True)
    ]
    return np.asarray(np.sqrt(axes[0][:, None, None] + axes[1][:, None] + axes[2]))


def _roughness(size: tuple[int, ...], random: np.random.Generator) -> Volume:
    """Return waves of random direction and phase, together of standard deviation 0.1."""
    waves = [
        np.sin(np.arange(length, dtype=np.float32) * np.float32(6.28 * random.integers(3, 9) / length) + phase)
        for length, phase in zip(size, random.uniform(0, 6, 3).astype(np.float32), strict=True)
    ]
    return np.asarray(np.float32(0.28) * waves[0][:, None, None] * waves[1][:, None] * waves[2])


def _placed(array: Volume) -> sitk.Image:
    image = sitk.GetImageFromArray(array)
    pixel_mm = WIDTH_MM / array.shape[2]
    image.SetSpacing((pixel_mm, pixel_mm, SLICE_MM))
    return image

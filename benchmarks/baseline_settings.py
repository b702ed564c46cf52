"""What a baseline of a HU range needs: where its lung comes from, and which images have no soft kernel."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.model_names import trained_model
from benchmarks.study import Baseline, Study
from benchmarks.study_baselines import REFERENCE
from dataset_converters.kernels.image_class import image_kernel_class


def hu_range_settings(
    study: Study, baseline: Baseline, fold: int, test: Sequence[str], images: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return what ``trainers.predict.hu_range`` needs beyond what every model has.

    ``refused`` maps an image to the reason it is not measured: the share of lung voxels in such ranges grows several
    times with the sharpness of the kernel (-600 to -250 HU of paired Siemens slices: tenfold from B30f to B70f), so
    only images whose kernel is known to be soft are.
    """
    lung, disease = study.scoring.lung, study.scoring.disease
    values = {name: value for value, name in enumerate(study.structures, start=1)}
    return {
        "hu_range": list(baseline.hu_range),
        "disease": disease,
        "labels": {name: values[name] for name in study.scoring.unions[lung]},
        "lung_model": lung_model(study, baseline, fold),
        "lung_images": {image: _lung_image(baseline, image, images) for image in test},
        "refused": {image: reason for image in test if (reason := _refusal(images[image]))},
    }


def lung_model(study: Study, baseline: Baseline, fold: int) -> str:
    """Return the model whose predictions give the lung; empty: the reference does."""
    if baseline.lung_from == REFERENCE:
        return ""
    arm = next(entry for entry in study.arms if entry.name == baseline.lung_from)
    trainer = next(entry for entry in study.trainers if entry.name == baseline.lung_trainer)
    return trained_model(arm, trainer, study.seeds[0], fold)


def _lung_image(baseline: Baseline, image: str, images: Mapping[str, Mapping[str, Any]]) -> str:
    case = f"{images[image]['dataset']}_{images[image]['case']}"
    wanted = [f"{case}-{variant}" for variant in baseline.lung_variants] or [image]
    return next((name for name in wanted if name in images), wanted[0])


def _refusal(image: Mapping[str, Any]) -> str:
    facts = image.get("facts", {})
    kernel_class = image_kernel_class(facts)
    if kernel_class == "soft":
        return ""
    kernel = facts.get("kernel") or "not recorded"
    return f"kernel {kernel} is {kernel_class}; HU ranges are measured on soft kernels only"

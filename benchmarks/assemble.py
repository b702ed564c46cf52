"""Converted datasets and a study to the study's nnU-Net dataset and ``matrix.json``.

The study dataset lists the images of all its datasets by path and rewrites the small label maps to the study's
structures, with the ignore label where the training reader left slices or voxels open. ``matrix.json`` is the resolved
study: every image, reference, arm, split and model.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from tqdm import tqdm

from benchmarks.configurations import budget_record
from benchmarks.lung_slices import lung_slices
from benchmarks.matrix import Entries, list_models, list_plans, list_template_sets, list_warped_images
from benchmarks.overlap_check import join_persons, refuse_overlaps
from benchmarks.patients import Patient, divide
from benchmarks.study import Study
from benchmarks.study_file import StudyError, load_study
from benchmarks.study_kinds import mixed_kinds
from benchmarks.unlabelled import annotated_patients, unlabelled_faults
from dataset_converters.atomic import DiskFullError, write_json
from dataset_converters.kernels.fitted import fitted_kernel
from dataset_converters.volumes.nifti import write_nifti


def assemble(run: Path) -> Path:
    """Write the study dataset and ``matrix.json`` of a run whose datasets are converted.

    Returns
    -------
    Path
        The matrix file; written last, so its presence means the study dataset is whole.

    Raises
    ------
    StudyError
        If a dataset, structure, variant or reader the study names does not exist, the split fails, arms cannot be
        levelled, a person would be trained on and tested, a case without annotation trained on or scored, or a test set
        would average native images and others.
    """
    study = load_study(run / "study.toml")
    device = json.loads((run / "run.json").read_text(encoding="utf-8"))["device"]
    converted = {use.name: _converted(run, use.name) for use in study.datasets}
    _check_names(study, converted)
    images, references = _images(study, converted), _references(study, converted)
    _refuse_mixed_kinds(study, images)
    hashes = {image: entry["sha256"] for image, entry in images.items()}
    patients = join_persons(study, _patients(images, converted), hashes)
    readers = {case: reference["readers"] for case, reference in references.items()}
    refuse_overlaps(study, annotated_patients(patients, readers))
    folds = divide(patients, study.split)
    if faults := unlabelled_faults(study, folds, images, readers):
        raise StudyError("; ".join(faults[:5]))
    slices_of = lung_slices(run, study, references, _reader_of(study, images, references))
    plans, models = list_plans(study, folds, slices_of), list_models(study, folds, images)
    sets = list_template_sets(study, folds, images)
    warped = list_warped_images(sets, study, images)
    trained = {image for plan in plans for split in plan["splits"] for image in (*split["train"], *split["val"])}
    used = sorted((trained - warped.keys()) | {image for model in models for image in model.get("train", [])})
    nnunet = f"Dataset{study.dataset_id}_{study.name}"
    ignore, label_hashes = _write_study_dataset(run, nnunet, study, used, warped, images, references, converted)
    for entry in warped.values():
        entry["label_sha256"] = label_hashes[entry["of"]]
    made = {image: _made_from(entry, sets, images, label_hashes) for image, entry in warped.items()}
    for plan in plans:
        plan["content"] = _content_hash(plan, images, label_hashes, made)
    matrix = {
        "study": study.name,
        "dataset_id": study.dataset_id,
        "nnunet": nnunet,
        "device": device,
        "structures": {name: value for value, name in enumerate(study.structures, start=1)},
        "ignore_label": ignore,
        "hu_window": list(study.image.hu_window),
        "budget": budget_record(study.budgets[device]),
        "images": images,
        **({"templates": sets, "warped_images": warped} if sets else {}),
        "fitted_kernels": _fitted_kernels(images),
        "references": references,
        "plans": plans,
        "models": models,
    }
    write_json(run / "matrix.json", matrix)
    return run / "matrix.json"


def _converted(run: Path, dataset: str) -> dict[str, Any]:
    """Read the cases of a converted dataset by its name in the study."""
    found = sorted((run / "annotations").glob(f"Dataset[0-9][0-9][0-9]_{dataset}/cases.json"))
    if len(found) != 1:
        raise StudyError(f"dataset {dataset}: found {len(found)} converted copies in {run}, wanted 1; convert it again")
    content: dict[str, Any] = json.loads(found[0].read_text(encoding="utf-8"))
    return content


def _check_names(study: Study, converted: Mapping[str, Any]) -> None:
    labels = {label for content in converted.values() for label in content["labels"]}
    for where, structures in (("structures", study.structures), ("scoring.references", study.scoring.references)):
        for structure, members in structures.items():
            for member in members:
                if member not in labels:
                    raise StudyError(
                        f"[{where}.{structure}] no dataset has a label {member!r}; known: {sorted(labels)}"
                    )
    variants = {name for content in converted.values() for case in content["cases"] for name in case["variants"]}
    wanted = [(entry.name, entry.variants) for entry in study.arms]
    wanted += [(entry.name, entry.variants) for entry in study.test_sets]
    for name, names in wanted:
        for variant in names:
            if variant not in variants:
                raise StudyError(f"{name}: no case has variant {variant!r}; the variants are {sorted(variants)}")


def _refuse_mixed_kinds(study: Study, images: Entries) -> None:
    kinds = {(entry["dataset"], entry["variant"]): (entry["variant_kind"],) for entry in images.values()}
    if faults := mixed_kinds(study, kinds):
        raise StudyError("; ".join(faults))


def _images(study: Study, converted: Mapping[str, Any]) -> Entries:
    """Give every image of the study its id and where it lies."""
    return {
        f"{use.name}_{case['case']}-{variant}": {
            "path": entry["image"],
            "sha256": entry["sha256"],
            "dataset": use.name,
            "patient": case["patient"],
            "case": case["case"],
            "variant": variant,
            "variant_kind": converted[use.name]["variant_kinds"][variant],
            "facts": entry["facts"],
        }
        for use in study.datasets
        for case in converted[use.name]["cases"]
        for variant, entry in case["variants"].items()
    }


def _fitted_kernels(images: Entries) -> dict[str, str]:
    """Return the fitted kernel of every image whose kernel is known, for trainers that emulate others."""
    kernels = {name: fitted_kernel(entry["facts"]) for name, entry in images.items()}
    return {name: kernel.name for name, kernel in kernels.items() if kernel is not None}


def _references(study: Study, converted: Mapping[str, Any]) -> Entries:
    """Give every case its readers' masks and which source labels make up each structure."""
    references: Entries = {}
    for use in study.datasets:
        labels = converted[use.name]["labels"]
        structures = _label_values(study.structures, labels)
        reference_only = _label_values(study.scoring.references, labels)
        for case in converted[use.name]["cases"]:
            readers = {
                name: {
                    "annotation": entry["annotation"],
                    "annotated_slices": entry["annotated_slices"],
                    "ignore_value": entry["ignore_value"] if entry.get("ignored_voxels") else None,
                }
                for name, entry in case["readers"].items()
            }
            references[f"{use.name}_{case['case']}"] = {
                "dataset": use.name,
                "patient": case["patient"],
                "case": case["case"],
                "role": case["role"],
                "covariates": case["covariates"],
                "readers": readers,
                "structures": structures,
                "reference_only": reference_only,
            }
    return references


def _label_values(structures: Mapping[str, tuple[str, ...]], labels: Mapping[str, int]) -> dict[str, list[int]]:
    return {name: [labels[member] for member in members if member in labels] for name, members in structures.items()}


def _patients(images: Entries, converted: Mapping[str, Any]) -> list[Patient]:
    roles: dict[tuple[str, str], str] = {}
    for dataset, content in converted.items():
        for case in content["cases"]:
            if roles.setdefault((dataset, case["patient"]), case["role"]) != case["role"]:
                raise StudyError(f"{dataset}: patient {case['patient']} is in train and in test; give one role")
    ids: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {}
    for image, entry in images.items():
        variants = ids.setdefault((entry["dataset"], entry["patient"]), {})
        variants[entry["variant"]] = (*variants.get(entry["variant"], ()), image)
    return [Patient(dataset, patient, roles[dataset, patient], ids[dataset, patient]) for dataset, patient in ids]


def _write_study_dataset(
    run: Path,
    nnunet: str,
    study: Study,
    used: list[str],
    warped: Entries,
    images: Entries,
    references: Entries,
    converted: Mapping[str, Any],
) -> tuple[int | None, dict[str, str]]:
    """Write labels and ``dataset.json``; return the ignore label (None: all annotated) and the label hashes.

    Labels of images that are only warped are written for the warp, and not listed: nothing trains on them as they are.
    """
    folder = run / "nnUNet_raw" / nnunet
    reader_of = _reader_of(study, images, references)
    labelled = sorted({*used, *(entry["of"] for entry in warped.values())})
    chosen = {image: reader_of(image) for image in labelled}
    sparse = any(
        references[image.rsplit("-", 1)[0]]["readers"][reader][part] is not None
        for image, reader in chosen.items()
        for part in ("annotated_slices", "ignore_value")
    )
    ignore = len(study.structures) + 1 if sparse else None
    listing, hashes = {}, {}
    for image in tqdm(labelled, desc="study labels", unit="image"):
        label = folder / "labelsTr" / f"{image}.nii.gz"
        hashes[image] = write_nifti(
            label, _study_label(run, references[image.rsplit("-", 1)[0]], chosen[image], ignore)
        )
    for image in used:
        listing[image] = {"images": [f"../../{images[image]['path']}"], "label": f"labelsTr/{image}.nii.gz"}
    for image, entry in warped.items():
        listing[image] = {"images": [f"../../{entry['path']}"], "label": f"../../{entry['label']}"}
    labels = {"background": 0, **{name: value for value, name in enumerate(study.structures, start=1)}}
    dataset_json = {
        "channel_names": {"0": "CT"},
        "labels": {**labels, **({"ignore": ignore} if ignore else {})},
        "numTraining": len(listing),
        "file_ending": ".nii.gz",
        "overwrite_image_reader_writer": "NibabelIO",
        "name": study.name,
        "description": study.title,
        "licence": "; ".join(f"{name}: {content['licence']}" for name, content in converted.items()),
        "citation": "; ".join(f"{name}: {content['citation']}" for name, content in converted.items()),
        "dataset": listing,
        "label_sha256": hashes,
    }
    write_json(folder / "dataset.json", dataset_json)
    return ignore, hashes


def _content_hash(
    plan: Mapping[str, Any], images: Entries, label_hashes: Mapping[str, str], made: Mapping[str, Any]
) -> str:
    """Hash all voxels an arm trains on or watches, in every fold, and which slices it takes if it does not take all.

    Of images that are warped later, what they are ``made`` from stands for the voxels.
    """
    used = sorted({image for split in plan["splits"] for image in (*split["train"], *split["val"])})
    content: list[Any] = [
        (image, made[image]) if image in made else (image, images[image]["sha256"], label_hashes[image])
        for image in used
    ]
    content += [split["slices"] for split in plan["splits"] if "slices" in split]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _made_from(
    warped: Mapping[str, Any], sets: list[dict[str, Any]], images: Entries, label_hashes: Mapping[str, str]
) -> list[Any]:
    """Return what decides a warped image: the image and label, the template's number and what it is chosen from."""
    entry = next(entry for entry in sets if entry["name"] == warped["templates"])
    candidates = [(image, images[image]["sha256"]) for image in entry["train"]]
    recipe = [entry[name] for name in ("count", "given", "registration")]
    return [images[warped["of"]]["sha256"], label_hashes[warped["of"]], warped["template"], recipe, candidates]


def _reader_of(study: Study, images: Entries, references: Entries) -> Callable[[str], str]:
    """Return what tells the reader an image is trained with."""
    readers = {use.name: use.training_reader for use in study.datasets}
    return lambda image: _training_reader(references[image.rsplit("-", 1)[0]], readers[images[image]["dataset"]])


def _training_reader(reference: Mapping[str, Any], wanted: str) -> str:
    readers: list[str] = list(reference["readers"])
    if not wanted:
        return readers[0]
    if wanted not in readers:
        where = f"{reference['dataset']}: {reference['case']}"
        raise StudyError(f"{where}: no annotation by training_reader {wanted!r}; the readers are {readers}")
    return wanted


def _study_label(run: Path, reference: Mapping[str, Any], reader: str, ignore: int | None) -> sitk.Image:
    """Rewrite one reader's label map (z, y, x) to the study's structures; what the reader left open to ignore."""
    entry = reference["readers"][reader]
    source = sitk.ReadImage(str(run / entry["annotation"]))
    values = sitk.GetArrayFromImage(source)
    label = np.zeros(values.shape, dtype=np.uint8)
    for value, members in enumerate(reference["structures"].values(), start=1):
        label[np.isin(values, members)] = value
    if entry["annotated_slices"] is not None and ignore is not None:
        unseen = np.ones(len(label), dtype=bool)
        unseen[entry["annotated_slices"]] = False
        label[unseen] = ignore
    if entry["ignore_value"] is not None and ignore is not None:
        label[values == entry["ignore_value"]] = ignore
    image = sitk.GetImageFromArray(label)
    image.CopyInformation(source)
    return image


def main(arguments: list[str] | None = None) -> int:
    """Run the stage from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.assemble", description=__doc__)
    parser.add_argument("run", type=Path, help="run folder")
    try:
        print(assemble(parser.parse_args(arguments).run))
    except (StudyError, DiskFullError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

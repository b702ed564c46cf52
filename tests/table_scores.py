"""A study with everything that some table asks for, and results made in memory for it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from analysis_scores import study_from

from analysis.lung_surroundings import REGIONS
from analysis.metric import find_metrics
from analysis.results import CASE_COLUMNS, IMAGE_COLUMNS, TRAINING_COLUMNS, Results
from analysis.score_columns import COLUMNS
from benchmarks.study import Study

UNET, RESNET = "nnUNetTrainerWeightedCE2D", "nnUNetTrainerResUNet"

FULL = f"""
name = "everything"
title = "Everything"
dataset_id = 902
[structures]
right_lung = ["right_lung"]
left_lung = ["left_lung"]
disease = ["ground_glass"]
[[datasets]]
name = "public"
label = "Public"
[[datasets]]
name = "routine"
label = "Routine"
[[arms]]
name = "RR"
label = "RR36"
datasets = ["routine"]
variants = ["LK"]
[[arms]]
name = "PUB"
label = "LTRC36"
datasets = ["public"]
variants = ["LK"]
[[trainers]]
name = "{UNET}"
label = "U-net"
[[trainers]]
name = "{RESNET}"
label = "ResU-net"
[[baselines]]
name = "ellipsoid"
kind = "centred_ellipsoid"
label = "Ellipsoid"
[[test_sets]]
name = "pub-lung"
label = "LTRC"
group = "Public"
datasets = ["public"]
variants = ["LK"]
slices = "lung"
arms = ["RR", "PUB"]
[[test_sets]]
name = "rou-lung"
label = "RRT"
group = "Routine"
datasets = ["routine"]
variants = ["LK"]
slices = "lung"
arms = ["RR", "PUB"]
[[test_sets]]
name = "pub-all"
label = "LTRC"
datasets = ["public"]
variants = ["LK"]
slices = "all"
arms = ["RR", "PUB", "ellipsoid"]
[[test_sets]]
name = "rou-all"
label = "RRT"
datasets = ["routine"]
variants = ["LK"]
slices = "all"
arms = ["RR", "PUB", "ellipsoid"]
[[test_sets]]
name = "sharp"
label = "Sharp kernel"
datasets = ["routine"]
variants = ["LK"]
[[test_sets]]
name = "soft"
label = "Soft kernel"
datasets = ["routine"]
variants = ["MK"]
[[test_sets]]
name = "standardised"
label = "Standardised"
datasets = ["routine"]
variants = ["SK"]
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
metrics = ["DSC", "HD95", "MSD", "volume", "reference_volume", "volume_difference", "absolute_volume_difference",
  "absolute_relative_volume_difference", "relative_volume_difference", "extent", "tumour_overlap"]
slices = ["reader", "lung", "all"]
unions = {{ lung = ["right_lung", "left_lung"] }}
averages = {{ lungs = ["right_lung", "left_lung"] }}
references = {{ tumour = ["tumour"] }}
lung = "lung"
disease = "disease"
tumour = "tumour"
own_variant = "LK"
[tables]
structures = ["lungs", "disease"]
[[tables.pools]]
name = "L"
label = "All(L)*"
test_sets = ["pub-lung", "rou-lung"]
note = "*Dominated by LTRC."
[[tables.pools]]
name = "All"
label = "All"
test_sets = ["rou-lung"]
[tables.cohorts]
cohorts = [
  {{ name = "training", label = "Training Dataset", datasets = ["routine"], role = "train" }},
  {{ name = "test", label = "Test Dataset", datasets = ["routine"], role = "test" }},
]
external = [{{ name = "external", label = "External Validation Dataset", datasets = ["public"], role = "test" }}]
external_against = "test"
[[tables.cohorts.characteristics]]
covariate = "age"
label = "Age (y)"
[[tables.cohorts.characteristics]]
covariate = "sex"
label = "No. of women"
kind = "count"
values = ["F"]
[[tables.cohorts.characteristics]]
covariate = "fvc"
label = "Predicted FVC (%)"
heading = "PFTs"
[[tables.cohorts.lung_function]]
covariate = "fvc"
label = "Predicted FVC (%)"
[tables.standardisation]
structure = "disease"
[[tables.standardisation.protocols]]
name = "FBP"
original = "MK"
standardised = "SK"
"""
"""Two datasets, arms and trainers, a reference system, two kernels, lung and full slices, cohorts and protocols."""


def full_study(folder: Path) -> Study:
    """Return the study above."""
    return study_from(FULL, folder)


def full_results(folder: Path, *, patients: int = 6, seed: int = 0) -> Results:
    """Return results in which every table finds what it asks for."""
    study = full_study(folder)
    generator = np.random.default_rng(seed)
    people = [(dataset, f"P{number:02d}") for dataset in ("public", "routine") for number in range(patients)]
    rows = [row for dataset, patient in people for row in _patient_rows(dataset, patient, generator)]
    scores = pd.DataFrame(rows, columns=list(COLUMNS))
    return Results(
        study=study,
        scores=scores,
        cases=_cases(people, generator),
        images=_images(people, generator),
        training=_training(people),
        registrations=_registrations(people, generator),
    )


def _registrations(people: list[tuple[str, str]], generator: np.random.Generator) -> pd.DataFrame:
    names = ("lung_dice", "air_dice", "correlation", "folding_share", "inverse_p95_mm")
    rows = [
        {"image": f"{dataset}_{patient}-LK", "role": "test", "templates": "atlas-f0", "template": "public_P00-LK"}
        | {"number": number, "status": "failed" if patient == "P01" else "done", "reason": "folds"}
        | {name: generator.uniform(0.8, 1.0) for name in names}
        for number in (1, 2)
        for dataset, patient in people
    ]
    return pd.DataFrame(rows)


def in_memory(study: Study, scores: pd.DataFrame, **parts: pd.DataFrame) -> Results:
    """Return results with these scores, and empty frames for the parts not given."""
    empty = {
        "cases": pd.DataFrame(columns=list(CASE_COLUMNS)),
        "images": pd.DataFrame(columns=list(IMAGE_COLUMNS)),
        "training": pd.DataFrame(columns=list(TRAINING_COLUMNS)),
    }
    return Results(study=study, scores=scores, **(empty | parts))


def row(value: float, **changes: object) -> dict[str, Any]:
    """Return one score row of the study above: U-net trained on RR36, patient P1 of the routine dataset."""
    base = dict.fromkeys(COLUMNS, "") | {
        "study": "everything", "dataset": "routine", "patient": "P1", "variant": "LK", "variant_kind": "native",
        "reader": "reader1", "structure": "disease", "slices": "lung", "dimension": "3d", "arm": "RR",
        "trainer": UNET, "fold": 0, "seed": 0, "postprocess": "none", "metric": "DSC", "status": "ok", "value": value,
    }  # fmt: skip
    merged = base | changes
    return merged | {"case": changes.get("case", merged["patient"])}


def rows_frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return score rows as a frame, each with its metric's unit."""
    units = {name: metric.unit for name, metric in find_metrics().items()}
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.assign(unit=table["metric"].map(units))


def _models() -> list[tuple[str, str]]:
    return [(trainer, arm) for trainer in (UNET, RESNET) for arm in ("RR", "PUB")] + [
        ("centred_ellipsoid", "ellipsoid")
    ]


def _patient_rows(dataset: str, patient: str, generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    ids = {"dataset": dataset, "patient": patient}
    for first, second in (("reader1", "reader2"), ("reader1", "reader1_repeat")):
        kind = "repeat" if second.endswith("repeat") else "reader"
        agreed = row(generator.uniform(0.6, 0.8), **ids, trainer=kind, arm=second, reader=first, slices="annotated")
        yield agreed | {"variant": "", "variant_kind": ""}
    for trainer, arm in _models():
        for variant in ("LK", "MK", "SK") if dataset == "routine" and arm == "RR" else ("LK",):
            words = ids | {"trainer": trainer, "arm": arm, "variant": variant}
            yield from _model_rows(words, generator, failed=arm == "ellipsoid" and patient == "P00")


def _model_rows(words: dict[str, Any], generator: np.random.Generator, *, failed: bool) -> Iterator[dict[str, Any]]:
    missed = {"status": "failed", "value": np.nan, "reason": "no output"} if failed else {}
    for structure in ("right_lung", "left_lung", "disease"):
        for reader in ("reader1", "reader2"):
            for slices in ("annotated", "lung", "all"):
                where = {"structure": structure, "reader": reader, "slices": slices} | words
                volume = generator.uniform(80, 120)
                for metric, value in _values(generator, volume):
                    yield row(value, metric=metric, **where) | missed
    yield row(generator.uniform(0.3, 1), metric="tumour_overlap", structure="lung", slices="all", **words) | missed
    for region in ("outside_lung", *REGIONS):
        part = row(generator.uniform(0, 3), metric=f"false_positives_{region}", slices="all", **words)
        yield part | missed
    extent = row(generator.uniform(2, 40), metric="extent", **words)
    yield extent | {"reader": "", "slices": "all"} | missed
    if words["variant"] != "LK":
        for metric, value in _values(generator, generator.uniform(80, 120)):
            yield row(value, metric=metric, **words) | {"reader": "own-LK", "slices": "all"}


def _values(generator: np.random.Generator, volume: float) -> list[tuple[str, float]]:
    reference = volume * generator.uniform(0.9, 1.1)
    difference = volume - reference
    return [
        ("DSC", generator.uniform(0.7, 0.99)), ("HD95", generator.uniform(1, 20)), ("MSD", generator.uniform(0.3, 3)),
        ("volume", volume), ("reference_volume", reference), ("volume_difference", difference),
        ("absolute_volume_difference", abs(difference)),
        ("relative_volume_difference", 100 * difference / reference),
        ("absolute_relative_volume_difference", 100 * abs(difference) / reference),
    ]  # fmt: skip


def _cases(people: list[tuple[str, str]], generator: np.random.Generator) -> pd.DataFrame:
    tested = [(dataset, patient, patient, "test") for dataset, patient in people]
    trained = [(dataset, f"T{number}", f"T{number}", "train") for dataset, _ in people[::6] for number in range(4)]
    cases = pd.DataFrame(tested + trained, columns=list(CASE_COLUMNS))
    return cases.assign(
        age=generator.integers(40, 80, len(cases)),
        sex=generator.choice(["F", "M"], len(cases)),
        fvc=generator.uniform(50, 110, len(cases)),
    )


def _images(people: list[tuple[str, str]], generator: np.random.Generator) -> pd.DataFrame:
    trained = [(name, f"T{number}") for name in ("public", "routine") for number in range(4)]
    rows = [
        (dataset, patient, patient, variant, "native", 10, 8, "SOMATOM", 3.0)
        for dataset, patient in [*people, *trained]
        for variant in ("LK", "MK", "SK")
    ]  # fmt: skip
    images = pd.DataFrame(rows, columns=[*IMAGE_COLUMNS, "manufacturer_model", "slice_thickness_mm"])
    level = images["variant"].map({"LK": 3.7, "MK": 2.8, "SK": 3.2})
    return images.assign(
        sharpness_lp_per_cm=level + generator.normal(0, 0.2, len(images)), sharpness_standard_error=0.03
    )


def _training(people: list[tuple[str, str]]) -> pd.DataFrame:
    rows = [
        (arm, 0, 0, dataset, f"T{number}", f"T{number}", "LK", np.nan)
        for arm, dataset in (("RR", "routine"), ("PUB", "public"))
        for number in range(4)
    ]
    return pd.DataFrame(rows, columns=list(TRAINING_COLUMNS))

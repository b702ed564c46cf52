"""Cases that nobody annotated: refused where they are compared, welcome where they are only measured."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.patients import Fold, Patient
from benchmarks.study_file import load_study
from benchmarks.unlabelled import unlabelled_faults

STUDY = load_study(Path(__file__).resolve().parents[1] / "benchmarks" / "studies" / "ssc_ild_2020.toml")
ROLES = {"T1": "train", "T2": "train", "C1": "test"}
DATASETS = {"T1": "annotated", "T2": "annotated", "C1": "correlation"}
IMAGES = {
    f"{dataset}_{name}-{variant}": {"dataset": dataset, "patient": name, "case": name, "variant": variant}
    for name, dataset in DATASETS.items()
    for variant in ("LK", "SOFTe")
}
FOLD = Fold(
    *(
        (Patient(DATASETS[name], name, ROLES[name], {v: (f"{DATASETS[name]}_{name}-{v}",) for v in ("LK", "SOFTe")}),)
        for name in ("T1", "T2", "C1")
    )
)


def test_a_case_that_is_only_measured_needs_no_reader() -> None:
    readers = {"annotated_T1": ["one"], "annotated_T2": ["one"], "correlation_C1": []}
    assert unlabelled_faults(STUDY, [FOLD], IMAGES, readers) == []


@pytest.mark.parametrize("name", ["correlation", "soft"])
def test_a_case_that_one_test_set_compares_does(name: str) -> None:
    readers = {"annotated_T1": ["one"], "annotated_T2": ["one"], "correlation_C1": []}
    sets = tuple(replace(entry, annotated=entry.annotated or entry.name == name) for entry in STUDY.test_sets)
    (fault,) = unlabelled_faults(replace(STUDY, test_sets=sets), [FOLD], IMAGES, readers)
    assert fault.startswith("dataset correlation: case C1: found no annotation, but model ")
    assert "annotated = false" in fault


def test_a_case_that_is_trained_on_always_does() -> None:
    readers = {"annotated_T1": [], "annotated_T2": ["one"], "correlation_C1": []}
    (fault,) = unlabelled_faults(STUDY, [FOLD], IMAGES, readers)
    assert fault.startswith("dataset annotated: case T1: found no annotation, but arm atlas trains on")

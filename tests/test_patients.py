"""Folds and arms: whole patients, equal shares, nothing in two parts."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.patients import Patient, divide, training_images, watching_images
from benchmarks.study import Arm, Study
from benchmarks.study_file import StudyError, load_study
from benchmarks.study_training import Split

STUDIES = Path(__file__).resolve().parents[1] / "benchmarks" / "studies"


def _unpaired(soft: int, standard: int) -> list[Patient]:
    kernels = ["SOFT"] * soft + ["STANDARD"] * standard
    return [Patient("sts", f"P{i:02d}", "", {kernel: (f"sts_P{i:02d}-{kernel}",)}) for i, kernel in enumerate(kernels)]


def _paired(roles: str) -> list[Patient]:
    names = {"a": "train", "b": "test", "-": ""}
    return [
        Patient("d", f"P{i}", names[role], {k: (f"d_P{i}-{k}",) for k in ("LK", "MK")}) for i, role in enumerate(roles)
    ]


def _sts() -> Study:
    return load_study(STUDIES / "sts_kernels.toml")


@given(soft=st.integers(3, 20), standard=st.integers(3, 20), folds=st.integers(2, 3), seed=st.integers(0, 9))
def test_cross_validation_tests_every_patient_once_and_spreads_the_kernels(
    soft: int, standard: int, folds: int, seed: int
) -> None:
    patients = _unpaired(soft, standard)
    parts = divide(patients, Split("cross_validation", folds=folds, seed=seed))
    tested = [entry.key for fold in parts for entry in fold.testing]
    assert sorted(tested) == sorted(entry.key for entry in patients)
    for kernel, total in (("SOFT", soft), ("STANDARD", standard)):
        counts = [sum(kernel in entry.images for entry in fold.testing) for fold in parts]
        assert max(counts) - min(counts) <= 1
        assert sum(counts) == total
    for fold in parts:
        assert not {entry.key for entry in fold.training} & {entry.key for entry in fold.testing}


def test_roles_keep_the_sources_test_patients_and_watch_some_training_ones() -> None:
    (fold,) = divide(_paired("aaaaaaaaaabb"), Split("roles", validation_share=0.2))
    assert [entry.patient for entry in fold.testing] == ["P10", "P11"]
    assert len(fold.watching) == 2
    assert len(fold.training) == 8
    assert not {entry.key for entry in fold.watching} & {entry.key for entry in fold.training}


def test_a_patient_without_a_role_is_an_error() -> None:
    with pytest.raises(StudyError, match="1 patients have no role"):
        divide(_paired("aab-"), Split("roles"))


def test_a_patient_in_train_and_test_is_an_error() -> None:
    patients = [*_paired("aaab"), dataclasses.replace(_paired("aaab")[3], role="train")]
    with pytest.raises(StudyError, match="patients in training and in testing: d/P3"):
        divide(patients, Split("roles", seed=1))


def test_arms_take_their_variants_of_the_same_patients() -> None:
    study = load_study(STUDIES / "quickstart.toml")
    patients = [dataclasses.replace(entry, dataset="phantom") for entry in _paired("aaaaabb")]
    (fold,) = divide(patients, study.split)
    lung, soft, both = (training_images(study, arm, fold) for arm in study.arms)
    assert sorted((*lung, *soft)) == list(both)
    assert {image.split("-")[0] for image in lung} == {image.split("-")[0] for image in soft}
    assert all(image.endswith("-LK") for image in watching_images(study.arms[0], fold))


@pytest.mark.parametrize("seed", range(3))
def test_a_matched_arm_has_as_many_patients_as_the_smallest_and_half_of_each_kernel(seed: int) -> None:
    study = dataclasses.replace(_sts(), split=Split("cross_validation", folds=3, seed=seed))
    for fold in divide(_unpaired(14, 14), study.split):
        sizes = {arm.name: len(training_images(study, arm, fold)) for arm in study.arms}
        matched = training_images(study, study.arms[3], fold)
        assert sizes["both-matched"] == min(sizes["SOFT"], sizes["STANDARD"])
        counts = [sum(image.endswith(kernel) for image in matched) for kernel in ("-SOFT", "-STANDARD")]
        assert abs(counts[0] - counts[1]) <= 1
        assert matched == training_images(study, study.arms[3], fold)


def test_matching_takes_no_patient_twice_when_patients_have_both_kernels() -> None:
    arm = Arm("half", ("LK", "MK"), recipe="half", datasets=("d",), patients_like=("LK",))
    like = Arm("LK", ("LK",), recipe="LK", datasets=("d",))
    study = dataclasses.replace(_sts(), arms=(like, arm))
    (fold,) = divide(_paired("aaaaaab"), Split("roles"))
    chosen = training_images(study, arm, fold)
    assert len(chosen) == 5
    assert len({image.split("-")[0] for image in chosen}) == 5


def test_an_arm_without_images_is_an_error() -> None:
    study = _sts()
    (fold,) = divide(_paired("aab"), Split("roles"))
    with pytest.raises(StudyError, match="arm SOFT: no training image"):
        training_images(study, study.arms[1], fold)

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from dataset_converters.phantom.lung_tissue import LABELS
from dataset_converters.phantom.patient import PatientKey, make_patient
from dataset_converters.phantom.readers import READING, TRAINING, Skill, read_disease
from dataset_converters.phantom.traits import DISEASES, INTERSTITIAL, draw_traits

SIZE = (24, 64, 64)


def disease(labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.isin(labels, [LABELS[name] for name in INTERSTITIAL])


def dice(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    a, b = disease(first), disease(second)
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def read(number: int, readers: range, skill: Skill) -> tuple[NDArray[np.uint8], list[NDArray[np.uint8]]]:
    patient = make_patient(PatientKey(2021, number, SIZE, DISEASES))
    traits = draw_traits(2021, number)
    labels, spacing = patient.labels, patient.spacing_zyx_mm
    return labels, [read_disease(labels, spacing, traits, reader=reader, skill=skill) for reader in readers]


@pytest.fixture(scope="module")
def cohort() -> list[tuple[NDArray[np.uint8], list[NDArray[np.uint8]]]]:
    return [read(number, range(1, 4), READING) for number in range(1, 9)]


def test_readers_agree_as_humans_do(cohort: list) -> None:
    between = [dice(a, b) for _, read_maps in cohort for a, b in itertools.combinations(read_maps, 2)]
    assert 0.66 < np.mean(between) < 0.76
    assert min(between) > 0.45
    assert max(between) < 0.92


def test_readers_have_their_own_bias(cohort: list) -> None:
    ratio = np.array([[disease(r).sum() / disease(truth).sum() for r in read_maps] for truth, read_maps in cohort])
    assert np.ptp(np.median(ratio, axis=0)) > 0.03
    assert (ratio > 0.6).all()
    assert (ratio < 1.6).all()


def test_anatomy_effusion_and_tumour_are_the_truth(cohort: list) -> None:
    for truth, read_maps in cohort:
        for labels in read_maps:
            for name in ("background", "airways", "effusion", "tumour"):
                same = (labels == LABELS[name]) >= (truth == LABELS[name])
                assert (labels == LABELS[name]).sum() == (truth == LABELS[name]).sum()
                assert same.all()


def test_patterns_are_those_of_the_patient(cohort: list) -> None:
    for truth, read_maps in cohort:
        for labels in read_maps:
            assert set(np.unique(labels[disease(labels)])) <= set(np.unique(truth[disease(truth)]))


def test_training_reader_is_closer_to_the_truth() -> None:
    truth, (training,) = read(2, range(1, 2), TRAINING)
    _, (reading,) = read(2, range(1, 2), READING)
    assert dice(truth, training) > dice(truth, reading)
    assert dice(truth, training) < 0.98


def test_a_reader_reads_the_same_twice() -> None:
    _, (first, again) = read(1, range(1, 2), READING)[0], (read(1, range(1, 2), READING)[1] * 2)
    assert np.array_equal(first, again)


def test_without_disease_there_is_nothing_to_outline() -> None:
    labels = np.ones((4, 5, 6), np.uint8)
    seen = read_disease(labels, (5.0, 3.0, 3.0), draw_traits(1, 1), reader=1, skill=READING)
    assert np.array_equal(seen, labels)


def test_dropped_disease_becomes_the_lung_of_its_side(cohort: list) -> None:
    for truth, read_maps in cohort:
        for labels in read_maps:
            dropped = disease(truth) & ~disease(labels)
            middle = labels.shape[2] // 2
            assert (labels[..., :middle][dropped[..., :middle]] == LABELS["right_lung"]).all()
            assert (labels[..., middle:][dropped[..., middle:]] == LABELS["left_lung"]).all()

"""Weighted cross entropy and its class weights, worked by hand."""

import math

import pytest
import torch

from trainers.errors import TrainerError
from trainers.losses.class_weights import weigh_classes
from trainers.losses.weighted_cross_entropy import WeightedCrossEntropy


def pixels(*values: list[float]) -> torch.Tensor:
    """Return logits (1, classes, 1, pixels) from one list of class scores per pixel."""
    return torch.tensor(values).T[None, :, None, :]


def labels(*values: int) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.int16)[None, None, None, :]


def test_loss_is_the_weighted_mean_of_the_log_probabilities() -> None:
    logits = pixels([0.0, 0.0], [0.0, math.log(3.0)])  # p(disease) = 1/2, 3/4
    loss = WeightedCrossEntropy([1.0, 60.0], None)(logits, labels(0, 1))
    assert loss.item() == pytest.approx((math.log(2) + 60 * math.log(4 / 3)) / 61, rel=1e-6)


def test_ignored_pixels_enter_neither_the_sum_nor_its_normalisation() -> None:
    loss = WeightedCrossEntropy([1.0, 60.0], 2)
    logits = pixels([0.0, 0.0], [0.0, math.log(3.0)], [5.0, -5.0]).requires_grad_()
    value = loss(logits, labels(0, 1, 2))
    value.backward()
    assert value.item() == pytest.approx((math.log(2) + 60 * math.log(4 / 3)) / 61, rel=1e-6)
    assert logits.grad is not None
    assert logits.grad[0, :, 0, 2].tolist() == [0.0, 0.0]


def test_a_batch_nobody_annotated_teaches_nothing() -> None:
    logits = pixels([5.0, -5.0], [0.0, 1.0]).requires_grad_()
    value = WeightedCrossEntropy([1.0, 60.0], 2)(logits, labels(2, 2))
    value.backward()
    assert value.item() == 0.0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_weight_is_the_inverse_frequency_unless_the_study_fixes_it() -> None:
    names = {"background": 0, "disease": 1, "effusion": 2}
    weights = weigh_classes(names, {0: 650, 1: 10, 2: 5}, {"effusion": 7}, where="study")
    assert [entry["weight"] for entry in weights.values()] == [1.0, 65.0, 7.0]
    assert [entry["source"] for entry in weights.values()][::2] == ["reference", "study"]


def test_absent_structure_and_unknown_name_are_errors() -> None:
    names = {"background": 0, "disease": 1}
    with pytest.raises(TrainerError, match="arm LK: found no annotated pixel of disease"):
        weigh_classes(names, {0: 5}, {}, where="arm LK")
    with pytest.raises(TrainerError, match=r"class weights for \['desease'\]"):
        weigh_classes(names, {0: 5, 1: 1}, {"desease": 60}, where="arm LK")

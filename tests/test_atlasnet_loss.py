"""AtlasNet's loss against its formulas in plain NumPy, pixel by pixel; no gradient is taken from autograd."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from trainers.losses import atlasnet
from trainers.losses.atlasnet import AtlasNetLoss

Array = NDArray[np.float64]
LUNG = np.array([[0, 1, 1, 0], [1, 1, 1, 0], [1, 1, 1, 1], [0, 0, 1, 0]], float)
DISEASE = np.array([[0, 0, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]], float)
IGNORED = np.array([[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0], [1, 0, 0, 0]], float)
SCORES = np.random.default_rng(4).normal(0, 2, (2, 4, 4))


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def by_hand(constraint: str, known: Array, weights: tuple[float, float] = (4.0, 65.0)) -> tuple[float, Array]:
    """Return the loss and its derivative (2, 4, 4) with respect to the logits."""
    loss, gradient = 0.0, np.zeros((2, 4, 4))
    for k, truth in enumerate((LUNG, DISEASE)):
        p = sigmoid(SCORES[k])
        w = np.where(truth == 1, weights[k], 1.0) * known
        loss += float((w * -np.log(np.where(truth == 1, p, 1 - p))).sum() / w.sum())
        gradient[k] = w * (p - truth) / w.sum()
    p = sigmoid(SCORES[1])
    outside = (1 - LUNG) * known / known.sum()
    loss += float((outside * -np.log(p if constraint == "printed" else 1 - p)).sum())
    gradient[1] += outside * (p - 1 if constraint == "printed" else p)
    return loss, gradient


def tensors(ignore: bool) -> tuple[torch.Tensor, torch.Tensor]:
    regions = [LUNG, DISEASE, IGNORED] if ignore else [LUNG, DISEASE]
    logits = torch.tensor(SCORES[None], dtype=torch.float32, requires_grad=True)
    return logits, torch.tensor(np.stack(regions)[None].astype(bool))


@pytest.mark.parametrize("constraint", ["outside", "printed"])
@pytest.mark.parametrize("ignore", [False, True])
def test_value_and_gradient_of_every_pixel(constraint: str, ignore: bool) -> None:
    logits, target = tensors(ignore)
    loss = AtlasNetLoss(4, 65, constraint=constraint)(logits, target)  # type: ignore[arg-type]
    loss.backward()
    value, gradient = by_hand(constraint, 1 - IGNORED if ignore else np.ones((4, 4)))
    assert loss.item() == pytest.approx(value, rel=1e-5)
    assert logits.grad is not None
    np.testing.assert_allclose(logits.grad[0].numpy(), gradient, rtol=1e-4, atol=1e-7)
    if ignore:
        assert not logits.grad[0][:, IGNORED == 1].any()


def test_each_decoder_is_torchs_weighted_cross_entropy() -> None:
    logits, target = tensors(ignore=False)
    pairs = torch.stack([torch.zeros_like(logits), logits], dim=2)  # background 0, structure z
    wanted = sum(
        torch.nn.CrossEntropyLoss(torch.tensor([1.0, weight]))(pairs[:, k], target[:, k].long())
        for k, weight in enumerate((4.0, 65.0))
    )
    outside = (-torch.log(1 - logits[:, 1].sigmoid()) * ~target[:, 0]).mean()
    torch.testing.assert_close(AtlasNetLoss(4, 65)(logits, target), wanted + outside)


@pytest.mark.parametrize(("constraint", "rises"), [("outside", False), ("printed", True)])
def test_the_printed_form_rewards_disease_outside_the_lung(constraint: str, rises: bool) -> None:
    logits = torch.zeros(1, 2, 4, 4, requires_grad=True)
    target, outside = tensors(ignore=False)[1], torch.tensor(LUNG == 0)
    optimiser = torch.optim.SGD([logits], lr=4.0)
    for _ in range(5):
        optimiser.zero_grad()
        AtlasNetLoss(4, 65, constraint=constraint)(logits, target).backward()  # type: ignore[arg-type]
        optimiser.step()
    p_outside = logits.detach()[0, 1].sigmoid()[outside].mean().item()
    assert p_outside > 0.55 if rises else p_outside < 0.45


def test_a_batch_nobody_annotated_teaches_nothing() -> None:
    logits, target = tensors(ignore=True)
    target[:, 2] = True
    loss = AtlasNetLoss(4, 65)(logits, target)
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("constraint", ["outside", "printed"])
def test_large_scores_give_large_finite_losses(constraint: str) -> None:
    logits = torch.full((1, 2, 4, 4), 1000.0).requires_grad_()
    logits.data[0, :, :2] = -1000
    loss = AtlasNetLoss(4, 65, constraint=constraint)(logits, tensors(ignore=False)[1])  # type: ignore[arg-type]
    loss.backward()
    assert 100 < loss.item() < 3000
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_half_precision_scores_are_summed_in_single_precision() -> None:
    logits, target = tensors(ignore=True)
    coarse = logits.detach().bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = AtlasNetLoss(4, 65)(coarse, target)
    assert loss.dtype == torch.float32
    assert loss.item() == AtlasNetLoss(4, 65)(coarse.float(), target).item()


def test_two_ranks_average_to_the_whole_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each rank holds half the rows; all sums over ranks are those of the whole, taken in the order of the calls."""
    logits, target = tensors(ignore=True)
    whole = AtlasNetLoss(4, 65)(logits, target)
    whole.backward()
    assert logits.grad is not None
    expected = logits.grad.clone()
    logits.grad = None
    sums: list[torch.Tensor] = []
    monkeypatch.setattr(atlasnet, "sum_over_ranks", lambda value: (sums.append(value) or value, 1))
    AtlasNetLoss(4, 65, distributed=True)(logits, target)
    losses = []
    for rows in (slice(0, 2), slice(2, 4)):
        totals = iter(sums)
        monkeypatch.setattr(atlasnet, "sum_over_ranks", lambda value, totals=totals: (next(totals), 2))
        losses.append(AtlasNetLoss(4, 65, distributed=True)(logits[:, :, rows], target[:, :, rows]))
    torch.stack(losses).mean().backward()
    assert torch.stack(losses).mean().item() == pytest.approx(whole.item(), rel=1e-6)
    torch.testing.assert_close(logits.grad, expected)

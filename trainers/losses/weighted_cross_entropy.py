"""Cross entropy with a weight per class."""

import torch
from torch import nn

from trainers.distributed import sum_over_ranks

IGNORE_NOTHING = -100


class WeightedCrossEntropy(nn.Module):
    """Sum over pixels of w[y] * -log softmax(x)[y], divided by the sum of w[y]; ignored pixels are in neither sum.

    This is ``torch.nn.CrossEntropyLoss`` with class weights; the division by the weights' sum keeps the size
    of the loss, and so of Adam's steps, independent of how much disease a batch happens to hold. On several GPUs the
    division is by the sum over all of them, so that a step is that of one GPU on the whole batch.

    Parameters
    ----------
    weights : sequence of float
        Weight of each class, background first.
    ignore_label : int or None
        Label value of pixels that nobody annotated.
    distributed : bool
        Whether every rank calls this at the same time.
    """

    def __init__(self, weights: list[float], ignore_label: int | None, *, distributed: bool = False) -> None:
        super().__init__()
        self._ignored = IGNORE_NOTHING if ignore_label is None else ignore_label
        self._loss = nn.CrossEntropyLoss(torch.tensor(weights, dtype=torch.float32), ignore_index=self._ignored)
        self._distributed = distributed

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the loss of logits (batch, classes, y, x) against labels (batch, 1, y, x)."""
        labels = target[:, 0].long()
        if self._distributed:
            return self._over_ranks(logits, labels)
        if bool((labels == self._ignored).all()):
            return logits.sum() * 0
        loss: torch.Tensor = self._loss(logits, labels)
        return loss

    def _over_ranks(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return the part of this rank times the number of ranks: gradients and losses are averaged over ranks."""
        weights: torch.Tensor = self._loss.weight  # type: ignore[assignment]
        valid = labels != self._ignored
        here = weights[labels[valid]].sum()
        total, ranks = sum_over_ranks(here)
        part = nn.functional.cross_entropy(logits, labels, weights, ignore_index=self._ignored, reduction="sum")
        return part * ranks / total.clamp(min=torch.finfo(total.dtype).tiny)

"""Cross entropy with a weight per class."""

import torch
from torch import nn

IGNORE_NOTHING = -100


class WeightedCrossEntropy(nn.Module):
    """Sum over pixels of w[y] * -log softmax(x)[y], divided by the sum of w[y]; ignored pixels are in neither sum.

    This is ``torch.nn.CrossEntropyLoss`` with class weights; the division by the weights' sum keeps the size
    of the loss, and so of Adam's steps, independent of how much disease a batch happens to hold.

    Parameters
    ----------
    weights : sequence of float
        Weight of each class, background first.
    ignore_label : int or None
        Label value of pixels that nobody annotated.
    """

    def __init__(self, weights: list[float], ignore_label: int | None) -> None:
        super().__init__()
        self._ignored = IGNORE_NOTHING if ignore_label is None else ignore_label
        self._loss = nn.CrossEntropyLoss(torch.tensor(weights, dtype=torch.float32), ignore_index=self._ignored)

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the loss of logits (batch, classes, y, x) against labels (batch, 1, y, x)."""
        labels = target[:, 0].long()
        if bool((labels == self._ignored).all()):
            return logits.sum() * 0
        loss: torch.Tensor = self._loss(logits, labels)
        return loss

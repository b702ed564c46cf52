"""AtlasNet's loss: a weighted cross entropy per decoder, and a penalty on disease outside the lung."""

from typing import Literal

import torch
from torch import nn
from torch.nn.functional import softplus

from trainers.distributed import sum_over_ranks

Constraint = Literal["outside", "printed"]
STRUCTURES = 2


class AtlasNetLoss(nn.Module):
    """L_l + L_d + L_s, each weighing one (Chassagnon et al. 2020, the four equations of the algorithm's section).

    L_l, L_d : cross entropy of lung and of disease against their background, with class weights, paper {1, 4} and
    {1, 65}. The paper does not say how pixels are averaged; here as ``torch.nn.CrossEntropyLoss`` does, sum(w * ce)
    / sum(w), so that a step's size does not depend on how much disease a batch happens to hold.

    L_s : mean over pixels of -log(1 - p_d) (1 - y_l). The paper prints -log(p_d) (1 - y_l), whose minimum is p_d = 1 on
    every pixel outside the lung, and says that it is "penalizing detections of the disease class that were not also
    detected within the lung class"; we follow the words. ``printed`` is the equation as it stands. y_l is the lung of
    the annotation, with the disease in it.

    Pixels that nobody annotated are in no sum. On several GPUs the divisions are by the sums over all of them, so that
    a step is that of one GPU on the whole batch. Computed in single precision whatever the network's.

    Parameters
    ----------
    lung_weight, disease_weight : float
        Weight of the structure where its background weighs 1.
    constraint : {"outside", "printed"}
        Form of L_s.
    distributed : bool
        Whether every rank calls this at the same time.
    """

    def __init__(
        self,
        lung_weight: float,
        disease_weight: float,
        *,
        constraint: Constraint = "outside",
        distributed: bool = False,
    ) -> None:
        super().__init__()
        self._weights = (lung_weight, disease_weight)
        self._printed = constraint == "printed"
        self._distributed = distributed

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the loss of logits (batch, 2, y, x) against regions (batch, 2 or 3, y, x).

        Channels are lung and disease; a third channel of the target marks pixels that nobody annotated. A batch
        without any annotated pixel gives 0.
        """
        with torch.autocast(logits.device.type, enabled=False):
            scores, truth = logits.float(), target[:, :STRUCTURES].float()
            known = torch.ones_like(truth[:, 0])
            if target.shape[1] > STRUCTURES:
                known = 1 - target[:, STRUCTURES].float()
            terms = [self._decoder_loss(scores[:, k], truth[:, k], known, self._weights[k]) for k in range(STRUCTURES)]
            disease = scores[:, 1]
            outside = (1 - truth[:, 0]) * softplus(-disease if self._printed else disease)
            return torch.stack([*terms, self._mean(outside, known)]).sum()

    def _decoder_loss(
        self, score: torch.Tensor, truth: torch.Tensor, known: torch.Tensor, weight: float
    ) -> torch.Tensor:
        """Return sum(w * ce) / sum(w); -log(p) is softplus(-score), and -log(1 - p) is softplus(score)."""
        entropy = truth * softplus(-score) + (1 - truth) * softplus(score)
        return self._mean(entropy, known * (1 + (weight - 1) * truth))

    def _mean(self, values: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Return sum(w * v) / sum(w), 0 where nothing weighs; of several ranks this rank's part times their number."""
        total, ranks = weights.sum(), 1
        if self._distributed:
            total, ranks = sum_over_ranks(total)
        return (values * weights).sum() * ranks / total.clamp(min=torch.finfo(total.dtype).tiny)

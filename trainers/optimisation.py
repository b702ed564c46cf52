"""Optimisers with the learning rate left alone."""

from collections.abc import Iterable

import torch


class ConstantRate:
    """A schedule that changes nothing; nnU-Net calls ``step(epoch)`` on whatever it is given."""

    def step(self, epoch: int) -> None:
        """Do nothing."""


def adam(parameters: Iterable[torch.nn.Parameter], learning_rate: float) -> tuple[torch.optim.Adam, ConstantRate]:
    """Return Adam (betas 0.9 and 0.999, no weight decay) and its constant schedule."""
    return torch.optim.Adam(parameters, lr=learning_rate), ConstantRate()

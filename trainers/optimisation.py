"""Optimisers, each with its schedule of the learning rate."""

from collections.abc import Iterable

import torch


class ConstantRate:
    """A schedule that changes nothing; nnU-Net calls ``step(epoch)`` on whatever it is given."""

    def step(self, epoch: int) -> None:
        """Do nothing."""


def adam(parameters: Iterable[torch.nn.Parameter], learning_rate: float) -> tuple[torch.optim.Adam, ConstantRate]:
    """Return Adam (betas 0.9 and 0.999, no weight decay) and its constant schedule."""
    return torch.optim.Adam(parameters, lr=learning_rate), ConstantRate()


class QuarterSteps:
    """A rate that falls by a quarter of its first value at each quarter of the training: 1, 3/4, 1/2, 1/4 of it.

    Chassagnon et al. 2020: "initial learning rate = 0.01, decrease of learning rate = 2.5e-3 every 10 epochs", read
    as a subtraction: 0.01, 0.0075, 0.005, 0.0025, and 0 from epoch 40 on, where nothing more is learnt. Forty epochs
    are then the whole training, and a study's budget, which counts iterations, takes their place.
    """

    def __init__(self, optimiser: torch.optim.Optimizer, learning_rate: float, epochs: int) -> None:
        self._optimiser, self._first, self._epochs = optimiser, learning_rate, epochs

    def step(self, epoch: int) -> None:
        """Set the rate of an epoch, counted from 0; it depends on nothing else, so a resumed training has the same."""
        done = min(4 * epoch // self._epochs, 3)
        for group in self._optimiser.param_groups:
            group["lr"] = self._first * (1 - done / 4)


def sgd(
    parameters: Iterable[torch.nn.Parameter], learning_rate: float, epochs: int
) -> tuple[torch.optim.SGD, QuarterSteps]:
    """Return stochastic gradient descent (momentum 0.9, weight decay 5e-4) and its falling rate.

    Chassagnon et al. 2020, "Deep Learning-based Algorithm"; momentum as torch has it, not Nesterov's.
    """
    optimiser = torch.optim.SGD(parameters, lr=learning_rate, momentum=0.9, weight_decay=5e-4)
    return optimiser, QuarterSteps(optimiser, learning_rate, epochs)

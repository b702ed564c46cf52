"""Make an epoch's random numbers a function of the seed and the epoch, and its sums of the thread count."""

import os
import random

import numpy as np
import torch

INITIAL_WEIGHTS = -1


def seed_everything(seed: int, epoch: int) -> None:
    """Seed Python, numpy and torch from (seed, epoch), so that a resumed epoch draws what it would have drawn.

    ``epoch`` is ``INITIAL_WEIGHTS`` before the network is made. Workers of a multi-process loader have
    generators of their own, which this does not reach.
    """
    for_python, for_numpy, for_torch = np.random.SeedSequence([seed, epoch + 1]).generate_state(3)
    random.seed(int(for_python))
    np.random.seed(int(for_numpy))
    torch.manual_seed(int(for_torch))


def limit_threads(device: torch.device) -> None:
    """Set torch's threads: ``CTSHIFT_THREADS``, else ``OMP_NUM_THREADS``, else 1 on the CPU and unchanged elsewhere.

    nnU-Net's command takes every core of the machine; several trainings side by side then slow each other down.
    """
    wanted = os.environ.get("CTSHIFT_THREADS") or os.environ.get("OMP_NUM_THREADS")
    if wanted is not None:
        torch.set_num_threads(int(wanted))
    elif device.type == "cpu":
        torch.set_num_threads(1)

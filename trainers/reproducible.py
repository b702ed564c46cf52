"""Make an epoch's random numbers a function of seed, epoch and rank, and its sums of the thread count."""

import os
import random

import numpy as np
import torch

INITIAL_WEIGHTS = -1


def seed_everything(seed: int, epoch: int, rank: int = 0) -> None:
    """Seed Python, numpy and torch from (seed, epoch), so that a resumed epoch draws what it would have drawn.

    ``epoch`` is ``INITIAL_WEIGHTS`` before the network is made. Of several GPUs each has its ``rank``, so that they
    draw different batches; rank 0 draws what a single process does. Workers of a multi-process loader have
    generators of their own, which this does not reach.
    """
    entropy = [seed, epoch + 1, rank] if rank else [seed, epoch + 1]
    for_python, for_numpy, for_torch = np.random.SeedSequence(entropy).generate_state(3)
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

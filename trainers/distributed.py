"""One training on several GPUs: nnU-Net starts one process (rank) per GPU; what ours adds to that."""

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import distributed
from torch.multiprocessing.spawn import ProcessRaisedException

from trainers.errors import TrainerError

_PR_SET_PDEATHSIG = 1
_STATED = f"{TrainerError.__module__}.{TrainerError.__qualname__}: "


class RankError(TrainerError):
    """What one rank found, in its words."""

    def __init__(self, text: str) -> None:
        RuntimeError.__init__(self, text)


def require_gpus(count: int) -> None:
    """Refuse to start more ranks than there are GPUs: the last ones would fail after the first ones loaded all data.

    Raises
    ------
    TrainerError
        Fewer GPUs can be seen.
    """
    found = torch.cuda.device_count()
    if found < count:
        raise TrainerError(
            f"CUDA_VISIBLE_DEVICES={os.environ.get('CUDA_VISIBLE_DEVICES', '(not set)')}",
            found=f"{found} GPUs",
            wanted=f"{count}, [budgets.cuda] gpus of the study",
            action="run where a job gets that many, or lower gpus in a new --out",
        )


@contextmanager
def ranks_report() -> Iterator[None]:
    """Let a rank's ``TrainerError`` reach the parent as one, not as a traceback; give every training its own port."""
    os.environ.pop("MASTER_PORT", None)  # nnU-Net looks for a free one, unless a cluster names the same for all jobs
    try:
        yield
    except ProcessRaisedException as error:
        stated = [line for line in str(error).splitlines() if line.startswith(_STATED)]
        if not stated:
            raise
        raise RankError(stated[-1].removeprefix(_STATED)) from error


def end_with_parent() -> None:
    """Ask the kernel to kill this rank when the process that holds the folder's lock ends (Linux).

    torch asks for an interrupt only, which a rank that waits for another one inside NCCL does not hear.
    """
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def sum_over_ranks(value: torch.Tensor) -> tuple[torch.Tensor, int]:
    """Return the sum of a value over all ranks and their number; a single process sums over itself."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return value, 1
    total = value.detach().clone()
    distributed.all_reduce(total)
    return total, distributed.get_world_size()

"""Read and check checkpoints without running what is in them."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy._core.multiarray import scalar

from trainers.errors import TrainerError


def load_checkpoint(path: Path, *, numpy_scalars: bool = False, mapped: bool = False) -> dict[str, Any]:
    """Return a checkpoint's content on the CPU, with ``weights_only``; ``mapped`` leaves the tensors on the disk.

    Our trainers write tensors and plain Python values only (``as_plain``), so nothing has to be allowed. nnU-Net's own
    log single numbers of numpy; ``numpy_scalars`` allows these too, which run no code.

    Raises
    ------
    TrainerError
        The file is missing, truncated, or holds objects that would run code when loaded.
    """
    if not path.is_file():
        raise TrainerError(str(path), found="no file", wanted="a trained model", action="train it to its last epoch")
    allowed: list[Any] = [scalar, np.dtype, np.dtypes.Float32DType, np.dtypes.Float64DType] if numpy_scalars else []
    try:
        with torch.serialization.safe_globals(allowed):
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:  # torch raises many kinds: KeyError, EOFError, UnpicklingError, RuntimeError...
        reason = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        raise TrainerError(
            str(path),
            found=f"no readable checkpoint ({reason})",
            wanted="a whole one, of tensors and plain values only",
            action="restore it, or remove it to go on from an older checkpoint or from the beginning",
        ) from error
    return dict(content)


def as_plain(value: Any) -> Any:
    """Return nested lists and mappings with numpy scalars made plain Python numbers (exact)."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {key: as_plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(as_plain(entry) for entry in value)
    return value

"""The device a training or prediction runs on."""

import torch

from trainers.errors import TrainerError


def find_device(name: str) -> torch.device:
    """Return the device called ``cpu`` or ``cuda``.

    Raises
    ------
    TrainerError
        There is no usable GPU.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise TrainerError(
            "--device cuda", found="no usable GPU", wanted="one", action="choose --device cpu, or check the driver"
        )
    return torch.device(name)

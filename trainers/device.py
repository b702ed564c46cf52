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


def device_name(device: torch.device) -> str:
    """Return the GPU's name, or ``cpu``."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def peak_gpu_memory_mb(device: torch.device) -> float | None:
    """Return the most memory that tensors of this process took on a GPU, in MiB; None on the CPU."""
    return round(torch.cuda.max_memory_reserved(device) / 2**20, 1) if device.type == "cuda" else None

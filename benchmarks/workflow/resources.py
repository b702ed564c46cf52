"""What a job asks of a cluster: time, memory, processors, GPUs; the Snakefile's answer where no profile says more.

Too little is no loss: a job that was stopped is sent again with more memory, and a training goes on where it was.
"""

from collections.abc import Mapping
from typing import Any

from benchmarks.configurations import is_3d

MAX_RUNTIME_MIN = 24 * 60
"""Most clusters refuse more; a longer training takes several turns."""
_RUNTIME_MIN = {
    "convert": 240,
    "check": 120,
    "templates": 480,
    "warp": 480,
    "prepare": 480,
    "predict": 240,
    "evaluate": 240,
}
_MEMORY_MB = {"templates": 8000, "warp": 8000, "prepare": 8000, "predict": 8000, "evaluate": 8000}
# measured on one core of 2025: 2.1e-7 s per step and activation of the widest layers; nodes may be four times slower
_STEP_S = {"cpu": 8e-7, "cuda": 4e-9}
_TRAINING_MB = {"cpu": 1500, "cuda": 12000}
_MB_PER_ACTIVATION = {"cpu": 1.5e-3, "cuda": 1e-4}
_MB_PER_ACTIVATION_3D = 1e-4
_WIDTH_3D = 32
"""Of nnU-Net's own network, whatever width the budget names; measured: 2.1 GB for 28 million activations in 17 s."""
_CUDA_TRAINING_CPUS = 6
"""The training itself, nnU-Net's four loader processes, one for the rest."""


def needed_gpus(job: Mapping[str, Any], budget: Mapping[str, Any]) -> int:
    """Return how many GPUs a job computes on."""
    if "cuda" not in job["command"]:
        return 0
    return int(budget.get("gpus", 1)) if job["kind"] == "train" else 1


def needed_cpus(job: Mapping[str, Any], budget: Mapping[str, Any]) -> int:
    """Return how many processors a job keeps busy; results never depend on it."""
    gpus = needed_gpus(job, budget)
    return gpus * _CUDA_TRAINING_CPUS if job["kind"] == "train" and gpus else 1 + (gpus > 0)


def needed_memory_mb(job: Mapping[str, Any], budget: Mapping[str, Any], attempt: int) -> int:
    """Return the main memory of a job in MB: for a training from its budget; more at each attempt."""
    if job["kind"] != "train":
        return _MEMORY_MB.get(job["kind"], 4000) * attempt
    device = "cuda" if needed_gpus(job, budget) else "cpu"
    each = min(_MB_PER_ACTIVATION[device], _MB_PER_ACTIVATION_3D) if is_3d(job["name"]) else _MB_PER_ACTIVATION[device]
    return round(_TRAINING_MB[device] + each * _activations(job, budget)) * attempt


def needed_runtime_min(job: Mapping[str, Any], budget: Mapping[str, Any], attempt: int) -> int:
    """Return the wall-clock limit of a job in minutes; a training needs no more at the next attempt, it goes on."""
    if job["kind"] != "train":
        return min(_RUNTIME_MIN.get(job["kind"], 60) * attempt, MAX_RUNTIME_MIN)
    device = "cuda" if needed_gpus(job, budget) else "cpu"
    return min(30 + round(budget["iterations"] * _STEP_S[device] * _activations(job, budget) / 60), MAX_RUNTIME_MIN)


def _activations(job: Mapping[str, Any], budget: Mapping[str, Any]) -> float:
    if is_3d(job["name"]):
        z, y, x = budget["three_d"]["patch_size"]
        return float(budget["three_d"]["batch_size"] * z * y * x * _WIDTH_3D)
    height, width = budget["patch_size"]
    return float(budget["batch_size"] * height * width * budget["width"])

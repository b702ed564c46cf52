"""What a job ran on, for its record."""

import platform
import subprocess
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmarks.workflow.contents import read_record
from benchmarks.workflow.jobs import Job


def describe_machine(run: Path, job: Job, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the processor and, of a job that may use GPUs, their names and which of them it was given."""
    facts: dict[str, Any] = {"cpu": _cpu_model()}
    if job.kind in ("train", "predict") and read_record(run / "run.json").get("device") == "cuda":
        visible = environment.get("CUDA_VISIBLE_DEVICES")
        facts |= {"CUDA_VISIBLE_DEVICES": visible, "gpus": _gpu_names(visible or "")}
    return facts


def training_facts(run: Path, job: Job) -> dict[str, Any]:
    """Return what a training says itself: device, peak GPU memory, checkpoints it had to replace, all its processes.

    ``training_seconds`` and ``training_peak_memory_mb`` count every process that worked on it; the record's ``seconds``
    are the last one's.
    """
    from trainers.recovery import recoveries

    if job.kind != "train":
        return {}
    progress = read_record(run / job.folder / "progress.json")
    names = ("device", "peak_gpu_memory_mb", "training_seconds", "training_peak_memory_mb")
    facts = {name: progress[name] for name in names if progress.get(name) is not None}
    recovered = recoveries(run / job.folder)
    return facts | ({"recoveries": recovered} if recovered else {})


@lru_cache(maxsize=1)
def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _gpu_names(visible: str) -> list[str]:
    """Ask the driver's tool, so that the wrapper of a job need not import torch."""
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader", *(["-i", visible] if visible else [])]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in answer.stdout.splitlines() if line.strip()]

"""``python -m benchmarks.performance kernel-augmentation``: what emulating kernels in the loader costs a training."""

import argparse
import math
import platform
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BATCH, SLICES, PATIENTS = 16, 8, 4
PIXEL_MM = 0.8
MEAN_HU, STD_HU = -1024.0, 1624.0
STEP_BATCH, STEP_WIDTH = 4, 8
EATEN = (50, 100, 200, 400)
NETWORK_STEPS = 2
_SOURCES = ("B30f", "B50f", "B70f")


@dataclass(frozen=True)
class Loading:
    """Slices per CPU second of the loader at one patch size: as stored, and with emulation from each kernel."""

    size: int
    plain: float
    emulated: dict[str, float]
    step_seconds: float
    """CPU seconds of one training step, per slice."""
    noise_ms: tuple[float, float]
    """CPU milliseconds to measure a slice's noise: on every pixel, and as the trainer does."""

    @property
    def slowest(self) -> float:
        """Slices per CPU second from the kernel that costs most."""
        return min(self.emulated.values())


def main(arguments: list[str]) -> int:
    """Print the measured throughput and write it, if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance kernel-augmentation", description=__doc__)
    parser.add_argument("--batches", type=int, default=20, help="of 16 slices, for each figure")
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512], help="patch sizes (pixels)")
    parser.add_argument("--out", type=Path, help="document to write (.md)")
    options = parser.parse_args(arguments)
    measured = [measure_loading(size, options.batches) for size in options.sizes]
    text = report(measured, options.batches)
    print(text)
    if options.out:
        options.out.write_text(text, encoding="utf-8")
    return 0


def measure_loading(size: int, batches: int) -> Loading:
    """Return the throughput of the loader on stored cases, and the time of a training step, at one patch size."""
    with tempfile.TemporaryDirectory() as folder:
        dataset = _stored_cases(Path(folder), size)
        plain = _slices_per_second(_loader(dataset, size, None), batches)
        emulated = {k: _slices_per_second(_loader(dataset, size, k), batches) for k in _SOURCES}
    return Loading(size, plain, emulated, _step_seconds(size), _noise_ms(size))


def workers_needed(eaten: float, per_cpu_second: float) -> int:
    """Return how many loader workers, a core each, keep up with a GPU that eats so many slices per second."""
    return math.ceil(eaten / per_cpu_second)


def report(measured: list[Loading], batches: int) -> str:
    """Return the document."""
    heads = [f"from {kernel}" for kernel in _SOURCES]
    lines = [
        "# Emulating kernels while training",
        "",
        f"`python -m benchmarks.performance kernel-augmentation --batches {batches} --out FILE.md`, one process on "
        f"{platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}.",
        "",
        f"Loader of `nnUNetTrainerWeightedCE2DKernelAug` in one process: drawn chest slices at {PIXEL_MM:g} mm, stored "
        f"as nnU-Net stores them (blosc2), batches of {BATCH}. Half of the slices are emulated, as one of three other "
        "kernels; from B10f nothing is.",
        "",
        f"| slices per CPU second | as stored | {' | '.join(heads)} | emulation, ms per slice of the batch |",
        "|---|---|" + "---|" * len(heads) + "---|",
    ]
    for one in measured:
        extra = " to ".join(f"{1000 * (1 / speed - 1 / one.plain):.1f}" for speed in _extremes(one))
        speeds = " | ".join(f"{one.emulated[kernel]:.0f}" for kernel in _SOURCES)
        lines.append(f"| {one.size} x {one.size} | {one.plain:.0f} | {speeds} | {extra} |")
    return (
        "\n".join([*lines, "", *_noise_lines(measured), "", *_worker_lines(measured), "", *_step_lines(measured)])
        + "\n"
    )


def _extremes(one: Loading) -> tuple[float, float]:
    return max(one.emulated.values()), one.slowest


def _noise_lines(measured: list[Loading]) -> list[str]:
    return [
        "Noise of a slice, which emulation towards a sharper kernel measures first: on every pixel (as the loader did "
        "before), and as the trainer does now: "
        + "; ".join(f"{o.size} x {o.size} {o.noise_ms[0]:.1f} and {o.noise_ms[1]:.1f} ms" for o in measured)
        + "."
    ]


def _worker_lines(measured: list[Loading]) -> list[str]:
    return [
        "Loader workers, a core each, that keep a GPU of so many slices per second fed: that number over the slowest "
        "figure above, rounded up (beside it: without emulation).",
        "",
        "| " + " | ".join(["GPU eats", *(f"{one.size} x {one.size}" for one in measured)]) + " |",
        "|---|" + "---|" * len(measured),
        *(
            f"| {eaten} slices/s | "
            + " | ".join(f"{workers_needed(eaten, o.slowest)} ({workers_needed(eaten, o.plain)})" for o in measured)
            + " |"
            for eaten in EATEN
        ),
    ]


def _step_lines(measured: list[Loading]) -> list[str]:
    return [
        f"Training on the CPU with in-process loading (U-Net of width {STEP_WIDTH}, batch {STEP_BATCH}, one thread):",
        "",
        "| patch | step, ms per slice | step and loading with emulation : without |",
        "|---|---|---|",
        *(
            f"| {o.size} x {o.size} | {1000 * o.step_seconds:.0f} | "
            f"{(o.step_seconds + 1 / o.slowest) / (o.step_seconds + 1 / o.plain):.3f} |"
            for o in measured
        ),
    ]


def drawn_slice(size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a slice (size, size) in HU: a body with two lungs in air, and noise."""
    y, x = np.ogrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    plane = np.full((size, size), -1000.0)
    plane[(x / 0.92) ** 2 + (y / 0.75) ** 2 < 1] = 40.0
    for side in (-0.42, 0.42):
        plane[((x - side) / 0.3) ** 2 + (y / 0.5) ** 2 < 1] = -850.0
    return (plane + rng.normal(0, 30, plane.shape)).astype(np.float32)


def _stored_cases(folder: Path, size: int) -> Any:
    from nnunetv2.training.dataloading.nnunet_dataset import comp_blosc2_params, nnUNetDatasetBlosc2

    rng = np.random.default_rng(0)
    for number in range(PATIENTS):
        hu = np.stack([drawn_slice(size, rng) for _ in range(SLICES)])
        data = ((hu.clip(MEAN_HU, MEAN_HU + STD_HU) - MEAN_HU) / STD_HU).astype(np.float32)[None]
        labels = (data > 0.5).astype(np.int8)
        places = np.argwhere(labels)[::500]
        blocks, chunks = comp_blosc2_params(data.shape, (size, size), data.itemsize)
        properties = {"class_locations": {1: places}}
        nnUNetDatasetBlosc2.save_case(data, labels, properties, str(folder / f"P{number}"), chunks, blocks)
    return nnUNetDatasetBlosc2(str(folder))


def _loader(dataset: Any, size: int, kernel: str | None) -> Any:
    from nnunetv2.utilities.label_handling.label_handling import LabelManager

    from trainers.augmentation import training_transforms
    from trainers.kernel_emulation import KernelEmulation
    from trainers.sampling.emulating import EmulatingSliceLoader

    patch = [size, size]
    transforms: Any = training_transforms(patch, "none")
    if kernel is not None:
        kernels = dict.fromkeys(dataset.identifiers, kernel)
        transforms.emulation = KernelEmulation(kernels, (PIXEL_MM, PIXEL_MM), MEAN_HU, STD_HU)
    labels = LabelManager({"background": 0, "disease": 1}, None)
    return EmulatingSliceLoader(
        dataset, BATCH, patch, patch, labels, oversample_foreground_percent=0.0, transforms=transforms
    )


def _slices_per_second(loader: Any, batches: int) -> float:
    np.random.seed(0)
    for _ in range(2):  # filters and files are warm in a training
        next(loader)
    start = time.process_time()
    for _ in range(batches):
        next(loader)
    return BATCH * batches / (time.process_time() - start)


def _noise_ms(size: int, *, times: int = 20) -> tuple[float, float]:
    from dataset_converters.physics.noise_measure import noise_sd, soft_tissue
    from trainers.kernel_emulation import patch_noise

    plane, pixel_yx_mm = drawn_slice(size, np.random.default_rng(0)), (PIXEL_MM, PIXEL_MM)
    start = time.process_time()
    for _ in range(times):
        noise_sd(plane, soft_tissue(plane[None], pixel_yx_mm)[0])
    middle = time.process_time()
    for _ in range(times):
        patch_noise(plane, pixel_yx_mm)
    end = time.process_time()
    return 1000 * (middle - start) / times, 1000 * (end - middle) / times


def _step_seconds(size: int) -> float:
    import torch

    from trainers.losses.weighted_cross_entropy import WeightedCrossEntropy
    from trainers.networks.unet2015 import UNet2015
    from trainers.optimisation import adam

    torch.set_num_threads(1)
    network = UNet2015(1, 2, STEP_WIDTH)
    loss, optimiser = WeightedCrossEntropy([1.0, 60.0], None), adam(network.parameters(), 1e-4)[0]
    image, target = torch.rand(STEP_BATCH, 1, size, size), torch.randint(0, 2, (STEP_BATCH, 1, size, size))
    for step in range(NETWORK_STEPS + 1):
        if step == 1:
            start = time.process_time()
        optimiser.zero_grad()
        loss(network(image), target).backward()
        optimiser.step()
    return (time.process_time() - start) / (NETWORK_STEPS * STEP_BATCH)

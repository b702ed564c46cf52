"""Kernels emulated in the loader: what becomes of a slice, and what is refused."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from dataset_converters.physics.conversion import conversion_between
from dataset_converters.physics.emulation import emulate_kernel
from dataset_converters.physics.kernels import KERNELS
from dataset_converters.physics.noise_measure import noise_sd, soft_tissue
from trainers import kernel_emulation
from trainers.errors import TrainerError
from trainers.kernel_emulation import KernelEmulation, patch_noise, read_kernels, refuse_unfit

MEAN_HU, STD_HU = -1024.0, 1624.0


def tissue(size: int = 96) -> np.ndarray:
    """Return a normalised slice of soft tissue with B70f-like white noise and an air corner."""
    plane_hu = 40 + np.random.default_rng(0).normal(0, 60, (size, size))
    plane_hu[:20, :20] = -900
    return ((plane_hu.clip(-1024, 600) - MEAN_HU) / STD_HU).astype(np.float32)


def emulation(kernel: str) -> KernelEmulation:
    return KernelEmulation({"P1": kernel}, (0.8, 0.8), MEAN_HU, STD_HU)


def drawn(kernel: str, monkeypatch: pytest.MonkeyPatch, target: str) -> np.ndarray:
    monkeypatch.setattr(np.random, "random", lambda: 0.0)
    monkeypatch.setattr(np.random, "choice", lambda names: target)
    return emulation(kernel).emulate(tissue(), "P1")


def test_softer_kernel_is_the_emulated_one(monkeypatch: pytest.MonkeyPatch) -> None:
    made = drawn("B70f", monkeypatch, "B30f")
    plane_hu = tissue() * np.float32(STD_HU) + np.float32(MEAN_HU)
    conversion = conversion_between(KERNELS["B70f"], KERNELS["B30f"])
    wanted = emulate_kernel(plane_hu[None], (0.8, 0.8), conversion, seed=0)[0]
    assert np.abs(made * STD_HU + MEAN_HU - np.clip(wanted, -1024, 600)).max() < 0.6  # whole HU there, none here
    assert made.dtype == np.float32


def test_sharper_kernel_adds_noise_that_the_seed_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    np.random.seed(1)
    first = drawn("B30f", monkeypatch, "B70f")
    np.random.seed(1)
    assert np.array_equal(first, drawn("B30f", monkeypatch, "B70f"))
    np.random.seed(2)
    assert not np.array_equal(first, drawn("B30f", monkeypatch, "B70f"))
    inside = np.s_[40:80, 40:80]
    assert first[inside].std() > 1.5 * tissue()[inside].std()
    assert first.min() >= 0
    assert first.max() <= 1


def test_half_of_the_draws_and_every_other_kernel() -> None:
    np.random.seed(3)
    plane = tissue(64)
    made = [emulation("B70f").emulate(plane, "P1") for _ in range(200)]
    changed = [image.tobytes() for image in made if not np.array_equal(image, plane)]
    assert 70 < len(changed) < 130
    repeated = [count for count in Counter(changed).values() if count > 5]
    assert len(repeated) == 2  # B30f and B10f need no noise, so each gives one image; B50f gets some
    assert 15 < len(changed) - sum(repeated) < 60


def test_nothing_is_emulated_from_the_smoothest_kernel_or_without_tissue(monkeypatch: pytest.MonkeyPatch) -> None:
    assert np.array_equal(drawn("B10f", monkeypatch, "B70f"), tissue())
    air = np.zeros((64, 64), np.float32)
    assert np.array_equal(emulation("B30f").emulate(air, "P1"), air)


def test_kernels_file(tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match=r"no kernels\.json beside the plans"):
        read_kernels(tmp_path, "here")
    (tmp_path / kernel_emulation.KERNELS).write_text(json.dumps({"P1": "B99"}))
    with pytest.raises(TrainerError, match="kernels B99"):
        read_kernels(tmp_path, "here")
    (tmp_path / kernel_emulation.KERNELS).write_text(json.dumps({"P1": "B30f"}))
    assert read_kernels(tmp_path, "here") == {"P1": "B30f"}


def test_unfit_training_is_refused() -> None:
    with pytest.raises(TrainerError, match="no known kernel of P2"):
        refuse_unfit({"P1": "B30f"}, ["P1", "P2"], (0.8, 0.8), "here")
    with pytest.raises(TrainerError, match=r"pixels of 3\.1 mm"):
        refuse_unfit({"P1": "B30f"}, ["P1"], (3.1, 3.1), "here")
    refuse_unfit({"P1": "B30f"}, ["P1"], (1.0, 0.8), "here")


@pytest.mark.parametrize(("size", "pixel_mm"), [(96, 0.8), (129, 0.8), (256, 1.0)])
def test_quick_noise_is_the_measured_one(size: int, pixel_mm: float) -> None:
    plane_hu = tissue(size) * np.float32(STD_HU) + np.float32(MEAN_HU)
    pixel_yx_mm = (pixel_mm, pixel_mm)
    wanted = noise_sd(plane_hu, soft_tissue(plane_hu[None], pixel_yx_mm)[0])
    assert patch_noise(plane_hu, pixel_yx_mm) == pytest.approx(wanted, rel=0.03)
    assert np.isnan(patch_noise(np.full((size, size), -900, np.float32), pixel_yx_mm))

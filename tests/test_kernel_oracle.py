"""Projections and filtered backprojection: right by itself, equal to scikit-image's, and what emulation must equal."""

import numpy as np
import pytest
from scipy import ndimage

from dataset_converters.physics.conversion import conversion_between
from dataset_converters.physics.emulation import emulate_kernel
from dataset_converters.physics.kernels import KERNELS
from dataset_converters.physics.oracle import Scanner, project, reconstruct, reconstruct_reference
from dataset_converters.physics.rendering import Sampling, render_slice

FINE, FINE_MM = 512, 0.35
SCANNER = Scanner(views=240)
TISSUE = np.s_[100:150, 60:100]
NAMES = ("B30f", "B50f", "B70f")


def chest() -> np.ndarray:
    y, x = (np.mgrid[:FINE, :FINE] - (FINE - 1) / 2) * FINE_MM
    lung = ((x - 38) / 20) ** 2 + (y / 30) ** 2 < 1
    return np.where(lung, -850.0, np.where((x / 75) ** 2 + (y / 60) ** 2 < 1, 40.0, -1000.0))


@pytest.fixture(scope="module")
def images() -> dict[str, np.ndarray]:
    sinogram = project(chest(), FINE_MM, SCANNER, seed=1)
    made = reconstruct(sinogram, FINE_MM, [KERNELS[name] for name in NAMES], SCANNER)
    return dict(zip(NAMES, np.clip(made, -1024, 3071), strict=True))


@pytest.fixture(scope="module")
def noiseless() -> dict[str, np.ndarray]:
    scanner = Scanner(views=240, photons=1e12, electronic_noise=0.0)
    sinogram = project(chest(), FINE_MM, scanner, seed=1)
    kernels = [KERNELS[name] for name in NAMES]
    return dict(zip(NAMES, reconstruct(sinogram, FINE_MM, kernels, scanner), strict=True))


@pytest.fixture(scope="module")
def large_pixels() -> dict[str, np.ndarray]:
    scanner, step_mm = Scanner(views=240, pixel_mm=0.98), 0.49
    y, x = (np.mgrid[:366, :366] - 182.5) * step_mm
    body = np.where((x / 75) ** 2 + (y / 60) ** 2 < 1, 40.0, -1000.0)
    made = reconstruct(project(body, step_mm, scanner, seed=1), step_mm, [KERNELS[name] for name in NAMES], scanner)
    return dict(zip(NAMES, np.clip(made, -1024, 3071), strict=True))


def test_values_are_the_objects(noiseless: dict[str, np.ndarray]) -> None:
    for image in noiseless.values():
        assert image[TISSUE].mean() == pytest.approx(40, abs=1)
        assert image[118:138, 172:192].mean() == pytest.approx(-850, abs=2)
        assert image[5:20, 120:140].mean() == pytest.approx(-1000, abs=3)


def test_equals_scikit_image() -> None:
    """A second program's backprojection of the same rows, on an object off the centre: same place, same values."""
    y, x = (np.mgrid[:FINE, :FINE] - (FINE - 1) / 2) * FINE_MM
    disc = np.where((x - 20) ** 2 + (y + 10) ** 2 < 30**2, 40.0, -1000.0)
    sinogram = project(disc, FINE_MM, SCANNER, seed=2)
    ours = reconstruct(sinogram, FINE_MM, [KERNELS["B30f"]], SCANNER)[0]
    theirs = reconstruct_reference(sinogram, FINE_MM, KERNELS["B30f"], SCANNER)
    inner = np.s_[40:216, 40:216]
    assert np.sqrt(np.mean((ours[inner] - theirs[inner]) ** 2)) < 0.1 * np.std(ours[inner])
    assert np.mean(ours[inner] - theirs[inner]) == pytest.approx(0, abs=1)
    assert ours[85:140, 130:180].std() == pytest.approx(theirs[85:140, 130:180].std(), rel=0.1)


def test_noise_is_shared_and_seeded() -> None:
    first, again, other = (project(chest()[::4, ::4], 4 * FINE_MM, SCANNER, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(("source", "target"), [(a, b) for a in NAMES for b in NAMES if a != b])
def test_emulated_noise_and_edges_equal_the_oracle(
    source: str, target: str, images: dict[str, np.ndarray], noiseless: dict[str, np.ndarray]
) -> None:
    conversion = conversion_between(KERNELS[source], KERNELS[target])
    emulated = emulate_kernel(images[source][None], (0.7, 0.7), conversion, seed=3)[0]
    assert emulated[TISSUE].std() == pytest.approx(images[target][TISSUE].std(), rel=0.1)
    clipped = np.clip(noiseless[source], -1024, 3071)[None]  # as scanners store it
    silent = emulate_kernel(clipped, (0.7, 0.7), conversion, seed=3, source_sd_hu=np.zeros(1))[0]
    assert edge_rise_mm(silent) == pytest.approx(edge_rise_mm(noiseless[target]), rel=0.1)


@pytest.mark.parametrize(("source", "target"), [("B70f", "B30f"), ("B50f", "B30f"), ("B30f", "B70f"), ("B70f", "B50f")])
def test_noise_at_large_pixels_equals_the_oracle(source: str, target: str, large_pixels: dict[str, np.ndarray]) -> None:
    """At 1 mm a sharp kernel's noise is folded; taken for detail it would make the emulated one a third too noisy."""
    conversion = conversion_between(KERNELS[source], KERNELS[target])
    emulated = emulate_kernel(large_pixels[source][None], (0.98, 0.98), conversion, seed=3)[0]
    tissue = np.s_[72:106, 44:70]
    assert emulated[tissue].std() == pytest.approx(large_pixels[target][tissue].std(), rel=0.1)


def test_phantom_renderer_stands_for_the_oracle(
    images: dict[str, np.ndarray], noiseless: dict[str, np.ndarray]
) -> None:
    """What the phantom is rendered with has the oracle's edges, noise ratio and noise shared between kernels.

    The oracle interpolates linearly between detectors of 0.35 mm, which costs its sharpest kernel 0.09 mm of rise (none
    is left with 0.175 mm: 0.612 mm there, 0.6125 mm rendered) and a tenth of its noise; hence 15 %.
    """
    sampling = Sampling((FINE, FINE), (FINE_MM, FINE_MM), (2, 2))
    kernels = [KERNELS[name] for name in NAMES]
    silent, noisy = (
        dict(zip(NAMES, made, strict=True))
        for made in (
            render_slice(
                chest(), sampling, kernels=kernels, noise_hu=hu, reference=kernels[0], rng=np.random.default_rng(3)
            )
            for hu in (0.0, float(images["B30f"][TISSUE].std()))
        )
    )
    for name in NAMES:
        assert edge_rise_mm(silent[name]) == pytest.approx(edge_rise_mm(noiseless[name]), rel=0.15)
        assert noisy[name][TISSUE].std() == pytest.approx(images[name][TISSUE].std(), rel=0.15)
    shared = [np.corrcoef(made["B30f"][TISSUE].ravel(), made["B70f"][TISSUE].ravel())[0, 1] for made in (noisy, images)]
    assert shared[0] == pytest.approx(shared[1], abs=0.1)


def edge_rise_mm(image: np.ndarray) -> float:
    """10 to 90 % of the step at the lung's inner border, on the central row, oversampled 16 times."""
    row = image[128, 140:170].astype(float)
    fine = ndimage.zoom(row, 16, order=3, grid_mode=True, mode="nearest")
    high, low = np.median(row[:8]), np.median(row[-8:])
    share = (fine - low) / (high - low)
    first, last = (int(np.flatnonzero(share < level)[0]) for level in (0.9, 0.1))
    return (last - first) / 16 * 0.7

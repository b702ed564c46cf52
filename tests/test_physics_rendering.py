import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import fft

from dataset_converters.physics.kernels import KERNELS, half_plane_frequencies, system_mtf
from dataset_converters.physics.rendering import Sampling, render_slice

LK, MK = KERNELS["B70f"], KERNELS["B30f"]


def render(fine_hu: NDArray, pitch_mm: float, *, steps: int = 1, noise_hu: float = 0.0, seed: int = 0) -> NDArray:
    sampling = Sampling(fine_hu.shape, (pitch_mm, pitch_mm), (steps, steps))
    rng = np.random.default_rng(seed)
    return render_slice(fine_hu, sampling, kernels=[LK, MK], noise_hu=noise_hu, reference=MK, rng=rng)


def rise_10_90_mm(profile: NDArray, pitch_mm: float) -> float:
    """Distance over which an edge from 0 to 1 rises from 0.1 to 0.9 around its middle."""
    middle = int(np.argmax(profile > 0.5))
    below = np.flatnonzero(profile[:middle] < 0.1)[-1]
    above = middle + int(np.argmax(profile[middle:] > 0.9))
    low = below + (0.1 - profile[below]) / (profile[below + 1] - profile[below])
    high = above - 1 + (0.9 - profile[above - 1]) / (profile[above] - profile[above - 1])
    return float(high - low) * pitch_mm


def edge_rises(pitch_mm: float) -> list[float]:
    width = int(80 / pitch_mm)
    slab = np.full((8, width), -850.0)
    slab[:, width // 4 : 3 * width // 4] = 40.0
    images = (render(slab, pitch_mm)[:, 4, : width // 2] + 850.0) / 890.0
    return [rise_10_90_mm(image, pitch_mm) for image in images]


@settings(max_examples=20, deadline=None)
@given(st.floats(-1000.0, 3000.0), st.sampled_from([1, 2, 4]))
def test_a_homogeneous_object_keeps_its_hu(hu: float, steps: int) -> None:
    assert render(np.full((8, 16), hu), 0.7, steps=steps) == pytest.approx(hu, abs=0.01)


def test_pixels_are_samples_of_the_kernels_image() -> None:
    fine = np.random.default_rng(1).uniform(-500.0, 500.0, (24, 36))
    sampling = Sampling((24, 36), (0.6, 0.9), (3, 2))
    rng = np.random.default_rng(0)
    pixels = render_slice(fine, sampling, kernels=[LK], noise_hu=0.0, reference=MK, rng=rng)[0]
    mtf = system_mtf(LK, half_plane_frequencies((24, 36), (0.6, 0.9)))
    whole = fft.irfft2(fft.rfft2(fine) * mtf, s=(24, 36))
    assert pixels == pytest.approx(whole[::3, ::2], abs=0.01)


@pytest.mark.parametrize(("pitch_mm", "steps"), [(0.35, 1), (0.35, 2), (0.7, 1), (0.7, 4)])
def test_noise_ratio_is_physical_at_every_pixel_size(pitch_mm: float, steps: int) -> None:
    images = render(np.full((512, 512), 40.0), pitch_mm, steps=steps, noise_hu=15.0)
    assert images[1].std() == pytest.approx(15.0, rel=0.05)
    assert 5.0 < images[0].std() / images[1].std() < 6.0


def test_kernels_share_their_noise() -> None:
    lung, soft = render(np.full((256, 256), 40.0), 0.7, noise_hu=15.0)
    assert 0.6 < np.corrcoef(lung.ravel(), soft.ravel())[0, 1] < 0.85
    other = render(np.full((256, 256), 40.0), 0.7, noise_hu=15.0, seed=1)[1]
    assert abs(np.corrcoef(lung.ravel(), other.ravel())[0, 1]) < 0.05


def test_noise_of_the_lung_kernel_has_higher_frequencies() -> None:
    images = render(np.full((256, 256), 40.0), 0.7, noise_hu=15.0) - 40.0
    power = np.abs(fft.rfft2(images)) ** 2
    frequency = half_plane_frequencies((256, 256), (0.7, 0.7))
    lung, soft = (power * frequency).sum(axis=(1, 2)) / power.sum(axis=(1, 2))
    assert 0.3 < soft < 0.4
    assert 1.4 < lung / soft < 1.8


def test_edges_rise_faster_with_the_lung_kernel_whatever_the_pitch() -> None:
    lung, soft = edge_rises(0.1)
    assert 0.45 < lung < 0.75
    assert 1.0 < soft < 1.5
    assert edge_rises(0.05) == pytest.approx([lung, soft], rel=0.05)


def test_noise_follows_the_local_level() -> None:
    level = np.where(np.arange(256) < 128, 5.0, 20.0)[None, :] * np.ones((256, 1))
    sampling = Sampling((256, 256), (0.7, 0.7), (1, 1))
    image = render_slice(
        np.zeros((256, 256)), sampling, kernels=[MK], noise_hu=level, reference=MK, rng=np.random.default_rng(0)
    )[0]
    assert image[:, 128:].std() / image[:, :128].std() == pytest.approx(4.0, rel=0.1)


def test_air_is_clipped_at_minus_1024_and_so_gets_brighter() -> None:
    lung, soft = render(np.full((256, 256), -1000.0), 0.7, noise_hu=15.0)
    assert lung.min() == -1024.0
    assert lung.mean() > soft.mean() > -1000.1
    assert lung.mean() > -990.0


def test_same_seed_same_image() -> None:
    fine = np.full((32, 32), 40.0)
    first, again, other = (render(fine, 0.7, noise_hu=15.0, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)

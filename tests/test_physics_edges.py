"""Rise of the lung border and the skin: known on a rendered chest, absent where there is no border."""

from functools import lru_cache

import numpy as np
import pytest
from scipy import ndimage

from dataset_converters.physics.edge_response import edge_responses
from dataset_converters.physics.kernels import KERNELS, system_mtf
from dataset_converters.physics.rendering import Sampling, render_slice
from dataset_converters.physics.sharpness import sharpness_index

FINE, PITCH_MM, STEPS = 768, 0.175, 4
PIXEL_MM = (PITCH_MM * STEPS, PITCH_MM * STEPS)


@lru_cache(maxsize=1)
def chest() -> np.ndarray:
    """A body with a lung, each fine pixel the mean of nine samples so that the borders are smooth."""
    parts = []
    for shift_y, shift_x in np.ndindex(3, 3):
        y = (np.arange(FINE)[:, None] - FINE / 2 + shift_y / 3) * PITCH_MM
        x = (np.arange(FINE)[None, :] - FINE / 2 + shift_x / 3) * PITCH_MM
        lung, body = ((x - 26) / 16) ** 2 + (y / 26) ** 2 < 1, (x / 56) ** 2 + (y / 50) ** 2 < 1
        parts.append(np.where(lung, -850.0, np.where(body, 40.0, -1000.0)))
    return np.mean(parts, axis=0)


@lru_cache(maxsize=2)
def volume(noise_hu: float, slices: int = 6) -> dict[str, np.ndarray]:
    sampling = Sampling((FINE, FINE), (PITCH_MM, PITCH_MM), (STEPS, STEPS))
    rng = np.random.default_rng(4)
    made = [
        render_slice(
            chest(),
            sampling,
            kernels=list(KERNELS.values()),
            noise_hu=noise_hu,
            reference=KERNELS["B30f"],
            rng=rng,
        )
        for _ in range(slices if noise_hu else 1)
    ]
    stacks = np.repeat(np.stack(made, axis=1), slices // len(made), axis=1)
    return dict(zip(KERNELS, stacks, strict=True))


@lru_cache
def known_rise_mm(name: str, *, blur_mm: float = 0.0) -> float:
    """Rise of a straight edge: the integral of the line spread, from the modulation transfer and a Gaussian blur."""
    f, x = np.arange(0.0005, 3.0, 0.001), np.arange(-5.0, 5.0, 0.01)
    transfer = system_mtf(KERNELS[name], f) * np.exp(-2 * (np.pi * f * blur_mm) ** 2)
    edge = 0.5 + (np.sin(2 * np.pi * np.outer(x, f)) * transfer / (np.pi * f)).sum(axis=1) * 0.001
    first, last = (x[np.flatnonzero(edge > level)[0]] for level in (0.1, 0.9))
    return float(last - first)


@pytest.mark.parametrize("noise_hu", [0.0, 15.0])
def test_rise_is_the_known_one(noise_hu: float) -> None:
    rises = []
    for name, made in volume(noise_hu).items():
        for found in edge_responses(made, PIXEL_MM).values():
            assert found.rise_mm == pytest.approx(known_rise_mm(name), rel=0.1)
            assert 0 <= found.standard_error_mm < 0.05
            assert found.segments > 40
        rises.append(found.rise_mm)
    assert rises == sorted(rises, reverse=True)


def test_rise_is_in_mm_whatever_the_pixels_shape() -> None:
    made = volume(0.0)["B10f"]
    square, oblong = edge_responses(made, PIXEL_MM), edge_responses(made[:, ::2], (2 * PIXEL_MM[0], PIXEL_MM[1]))
    assert oblong["skin"].rise_mm == pytest.approx(square["skin"].rise_mm, rel=0.1)
    wider = edge_responses(made, (1.2 * PIXEL_MM[0], 1.2 * PIXEL_MM[1]))
    assert wider["skin"].rise_mm == pytest.approx(1.2 * square["skin"].rise_mm, rel=0.05)


def test_blur_is_seen() -> None:
    before = volume(0.0)["B30f"]
    rises = [
        edge_responses(made, PIXEL_MM)["skin"].rise_mm for made in (before, ndimage.gaussian_filter(before, (0, 1, 1)))
    ]
    wanted = known_rise_mm("B30f", blur_mm=PIXEL_MM[0]) / known_rise_mm("B30f")
    assert rises[1] / rises[0] == pytest.approx(wanted, rel=0.05)


@pytest.mark.parametrize("hu", [-1000.0, 40.0])
def test_without_a_border_there_is_no_rise(hu: float) -> None:
    for made in (np.full((6, 96, 96), hu), np.full((1, 96, 96), hu), np.full((6, 8, 8), hu)):
        for found in edge_responses(made, PIXEL_MM).values():
            assert np.isnan(found.rise_mm)
            assert found.segments == 0


def test_borders_that_slope_through_the_slices_are_left_out() -> None:
    made = volume(0.0)["B30f"]
    moving = np.stack([np.roll(plane, 2 * z, axis=1) for z, plane in enumerate(made)])
    assert edge_responses(moving, PIXEL_MM)["skin"].segments < 0.5 * edge_responses(made, PIXEL_MM)["skin"].segments


def test_little_soft_tissue_gives_a_less_certain_index() -> None:
    made = volume(15.0)["B50f"]
    whole, small = sharpness_index(made, PIXEL_MM), sharpness_index(made[:, 70:122, 16:68], PIXEL_MM)
    assert (whole.basis, small.basis) == ("soft tissue", "little soft tissue")
    assert small.standard_error > max(0.05, whole.standard_error)
    assert abs(small.index_lp_per_cm - whole.index_lp_per_cm) < 3 * small.standard_error
    assert whole.skin_edge.rise_mm == pytest.approx(known_rise_mm("B50f"), rel=0.1)
    assert np.isnan(small.skin_edge.rise_mm)

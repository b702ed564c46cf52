import numpy as np
import pytest

from dataset_converters.physics.projection import WATER_PER_MM, noise_level_map


def disc(size: int, radius: float) -> np.ndarray:
    centre = np.arange(size) - (size - 1) / 2
    return np.hypot(centre[:, None], centre[None, :]) <= radius


def test_without_tissue_the_level_is_one() -> None:
    assert (noise_level_map(np.full((16, 16), -1000.0), 5.0) == 1.0).all()


def test_tissue_has_mean_level_one_and_more_noise_in_the_middle() -> None:
    body = disc(32, 12)
    level = noise_level_map(np.where(body, 0.0, -1000.0), 8.0)
    assert level[body].mean() == pytest.approx(1.0)
    assert level[16, 16] > 1.2 * level[16, 5]


def test_lung_is_less_noisy_than_heart_of_the_same_chest() -> None:
    hu = np.where(disc(64, 28), 40.0, -1000.0)
    hu[20:44, 8:28] = -850.0
    level = noise_level_map(hu, 5.6)
    assert 0.3 < level[32, 14] / level[32, 40] < 1.0


def test_level_is_the_mean_transmission_over_all_views() -> None:
    pixel_mm, radius, away = 4.0, 15.0, 20.5
    level = noise_level_map(np.where(disc(48, radius), 0.0, -1000.0), pixel_mm, views=90)
    angle = np.linspace(0.0, np.pi, 1000)
    chord = 2.0 * np.sqrt(np.clip(radius**2 - (away * np.sin(angle)) ** 2, 0.0, None))
    outside = np.exp(WATER_PER_MM * pixel_mm * chord).mean()
    centre = np.exp(WATER_PER_MM * pixel_mm * 2.0 * radius)
    assert level[24, 24] / level[24, 3] == pytest.approx(np.sqrt(centre / outside), rel=0.05)

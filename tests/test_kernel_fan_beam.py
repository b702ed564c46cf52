"""The fan beam: values, places, edges and noise as those of the parallel beam and of the object."""

import numpy as np
import pytest

from dataset_converters.physics.fan_beam import fan_detectors, object_size, project_fan
from dataset_converters.physics.kernels import KERNELS
from dataset_converters.physics.oracle import Scanner, project, reconstruct, reconstruct_reference
from dataset_converters.physics.projection import WATER_PER_MM

FINE, FINE_MM = 192, 0.35
SILENT = {"photons": 1e12, "electronic_noise": 0.0}
PARALLEL, FAN = Scanner(views=150, **SILENT), Scanner(views=300, source_mm=570.0, **SILENT)
FLAT = np.hypot(*(np.mgrid[:96, :96] - 47.5)) < 33
BOTH = [KERNELS["B30f"], KERNELS["B70f"]]


def disc() -> np.ndarray:
    """Water of 25 mm radius with a denser insert off the centre, without symmetry."""
    y, x = (np.mgrid[:FINE, :FINE] - (FINE - 1) / 2) * FINE_MM
    insert = (x - 11) ** 2 + (y + 6) ** 2 < 5**2
    return np.where(insert, 60.0, np.where(np.hypot(x, y) < 25, 0.0, -1000.0))


@pytest.fixture(scope="module")
def images() -> dict[str, np.ndarray]:
    made = {"parallel": PARALLEL, "fan": FAN}
    return {name: reconstruct(project(disc(), FINE_MM, s, seed=1), FINE_MM, BOTH, s) for name, s in made.items()}


def test_values_are_the_objects(images: dict[str, np.ndarray]) -> None:
    for image in images["fan"]:
        assert image.shape == (96, 96)
        assert image[52:62, 35:50].mean() == pytest.approx(0.0, abs=1.0)


def test_images_equal_those_of_the_parallel_beam(images: dict[str, np.ndarray]) -> None:
    for fan, parallel in zip(images["fan"], images["parallel"], strict=True):
        assert np.sqrt(np.mean((fan - parallel)[FLAT] ** 2)) < 5.0
        assert np.mean((fan - parallel)[FLAT]) == pytest.approx(0.0, abs=0.5)
        assert rise(fan) == pytest.approx(rise(parallel), rel=0.1)


def rise(image: np.ndarray) -> float:
    """10 to 90 % of the step at the disc's right border, on a central row, in mm."""
    row = image[48, 68:94].astype(float)
    at = [float(np.interp(level, -row, np.arange(26)[::-1])) for level in (100.0, 900.0)]
    return abs(at[1] - at[0]) * 0.7


def test_noise_is_that_of_the_parallel_beam_at_equal_dose(images: dict[str, np.ndarray]) -> None:
    """A full turn measures every ray twice, so half the photons each."""
    fan, parallel = Scanner(views=300, photons=5e4, source_mm=570.0), Scanner(views=150, photons=1e5)
    sd = []
    for name, scanner in (("fan", fan), ("parallel", parallel)):
        made = reconstruct(project(disc(), FINE_MM, scanner, seed=2), FINE_MM, BOTH, scanner)
        sd.append([float(noise[FLAT].std()) for noise in made - images[name]])
    assert sd[0] == pytest.approx(sd[1], rel=0.1)
    assert 4.0 < sd[0][1] / sd[0][0] < 6.5


def test_line_integrals_are_the_chords() -> None:
    """Ray through a disc: ``2 sqrt(r^2 - D^2 sin(gamma)^2)`` times the attenuation, from every side."""
    y, x = (np.mgrid[:FINE, :FINE] - (FINE - 1) / 2) * FINE_MM
    water = np.where(np.hypot(x, y) < 25, WATER_PER_MM * FINE_MM, 0.0).astype(np.float32)
    seen = project_fan(water, FINE_MM, 300.0, views=6)
    gamma = (np.arange(seen.shape[1]) - (seen.shape[1] - 1) / 2) * FINE_MM / 300.0
    chords = 2 * WATER_PER_MM * np.sqrt(np.clip(25.0**2 - (300.0 * np.sin(gamma)) ** 2, 0.0, None))
    assert np.abs(seen - chords).max() < 0.1
    assert seen.mean(axis=0) == pytest.approx(chords, abs=0.05)


@pytest.mark.parametrize("size", [64, 255, 320, 512])
def test_detectors_tell_the_size_of_the_object(size: int) -> None:
    assert object_size(fan_detectors(size, FINE_MM, 570.0), FINE_MM, 570.0) == size


def test_source_inside_the_object_and_a_reference_for_a_fan() -> None:
    with pytest.raises(ValueError, match=r"wanted more than 33\.6 mm"):
        fan_detectors(192, 0.35, 30.0)
    with pytest.raises(ValueError, match="the only one scikit-image has"):
        reconstruct_reference(np.zeros((4, 8), np.float32), FINE_MM, KERNELS["B30f"], FAN)

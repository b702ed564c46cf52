import itertools

import numpy as np
import pytest

from dataset_converters.physics.kernels import KERNELS, half_plane_frequencies, noise_amplitude, ramp_window, system_mtf

# Measured W_k / W_B30f of paired clinical slices at these frequencies.
FREQUENCY_PER_MM = np.array([0.2, 0.3, 0.4, 0.5, 0.6])
MEASURED = {
    "B10f": [0.84, 0.66, 0.45, 0.25, 0.09],
    "B50f": [1.18, 1.63, 2.38, 3.64, 5.75],
    "B70f": [1.35, 2.16, 3.84, 7.23, 14.3],
}


@pytest.mark.parametrize("name", MEASURED)
def test_window_ratio_is_the_measured_one(name: str) -> None:
    ratio = ramp_window(KERNELS[name], FREQUENCY_PER_MM) / ramp_window(KERNELS["B30f"], FREQUENCY_PER_MM)
    assert ratio == pytest.approx(MEASURED[name], rel=0.06, abs=0.03)


@pytest.mark.parametrize("name", KERNELS)
def test_mean_is_kept_and_noise_has_none(name: str) -> None:
    zero = np.zeros(1)
    assert ramp_window(KERNELS[name], zero) == pytest.approx([1.0])
    assert system_mtf(KERNELS[name], zero) == pytest.approx([1.0])
    assert noise_amplitude(KERNELS[name], zero) == pytest.approx([0.0])


def test_soft_kernel_reaches_half_modulation_where_clinical_ones_do() -> None:
    frequency = np.linspace(0.0, 1.0, 1001)
    half = frequency[np.argmax(system_mtf(KERNELS["B30f"], frequency) < 0.5)]
    assert 0.30 < half < 0.40


def test_sharper_kernels_pass_more_at_every_high_frequency() -> None:
    frequency = np.linspace(0.3, 0.65, 20)
    curves = [system_mtf(KERNELS[name], frequency) for name in ("B10f", "B30f", "B50f", "B70f")]
    for smoother, sharper in itertools.pairwise(curves):
        assert (smoother < sharper).all()


def test_frequencies_are_in_cycles_per_mm_of_an_anisotropic_grid() -> None:
    frequency = half_plane_frequencies((4, 6), (0.5, 2.0))
    assert frequency.shape == (4, 4)
    assert frequency[0, 1] == pytest.approx(1 / (6 * 2.0))
    assert frequency[1, 0] == pytest.approx(1 / (4 * 0.5))
    assert frequency[2, 3] == pytest.approx(np.hypot(1.0, 0.25))


@pytest.mark.parametrize(("name", "peak", "mean"), [("B10f", 0.20, 0.22), ("B30f", 0.28, 0.30), ("B70f", 0.57, 0.53)])
def test_noise_power_peaks_where_it_was_measured(name: str, peak: float, mean: float) -> None:
    frequency = np.linspace(0.0, 1.2, 2401)
    power = noise_amplitude(KERNELS[name], frequency) ** 2
    assert frequency[np.argmax(power)] == pytest.approx(peak, abs=0.03)
    assert (power * frequency).sum() / power.sum() == pytest.approx(mean, abs=0.03)

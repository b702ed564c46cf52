"""What a scanner makes of one slice of an object with several kernels, sharing one quantum noise."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from dataset_converters.physics.kernels import Kernel, half_plane_frequencies, noise_amplitude, system_mtf

HU_RANGE = (-1024.0, 3071.0)


@dataclass(frozen=True)
class Sampling:
    """The fine grid an object is drawn on and the pixels that are read from it.

    Pixel ``i`` of the image is sample ``steps_yx * i`` of the fine grid: the kernel's image is *sampled* at the
    pixel pitch, as a scanner does, and never averaged over the pixel. Frequencies above the Nyquist frequency
    of large pixels therefore alias, and the noise of a sharp kernel keeps its full standard deviation at any
    pixel size.
    """

    shape_yx: tuple[int, int]
    pitch_yx_mm: tuple[float, float]
    steps_yx: tuple[int, int]


def render_slice(
    fine_hu: NDArray[np.floating],
    sampling: Sampling,
    *,
    kernels: Sequence[Kernel],
    noise_hu: float | NDArray[np.floating],
    reference: Kernel,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Images of one slice, one per kernel, in HU and clipped to -1024..3071: (kernels, Y, X).

    Parameters
    ----------
    fine_hu : array (Yf, Xf)
        The object on the fine grid.
    noise_hu : float or array (Y, X)
        Standard deviation the noise has with the ``reference`` kernel; other kernels follow from physics.
    rng : numpy.random.Generator
        Draws one white field per call, which every kernel shapes: the noises of two kernels are correlated
        exactly as far as their pass bands overlap.
    """
    object_spectrum = fft.rfft2(np.asarray(fine_hu, np.float32) + np.float32(1000.0))
    white = fft.rfft2(rng.standard_normal(sampling.shape_yx, dtype=np.float32))
    scale = 1.0 / noise_gain(reference, sampling)
    images = []
    for kernel in kernels:
        mtf, amplitude = _filters(kernel, sampling)
        clean = _sample(object_spectrum * mtf, sampling) - 1000.0
        images.append(clean + noise_hu * scale * _sample(white * amplitude, sampling))
    return np.clip(np.stack(images), *HU_RANGE).astype(np.float32)


@lru_cache(maxsize=16)
def noise_gain(kernel: Kernel, sampling: Sampling) -> float:
    """Standard deviation of white noise of standard deviation 1 after the kernel's noise filter."""
    fy = np.fft.fftfreq(sampling.shape_yx[0], sampling.pitch_yx_mm[0])[:, None]
    fx = np.fft.fftfreq(sampling.shape_yx[1], sampling.pitch_yx_mm[1])[None, :]
    return float(np.sqrt(np.mean(noise_amplitude(kernel, np.hypot(fy, fx)) ** 2)))


@lru_cache(maxsize=16)
def _filters(kernel: Kernel, sampling: Sampling) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    frequency = half_plane_frequencies(sampling.shape_yx, sampling.pitch_yx_mm)
    return system_mtf(kernel, frequency).astype(np.float32), noise_amplitude(kernel, frequency).astype(np.float32)


def _sample(spectrum: NDArray[np.complex64], sampling: Sampling) -> NDArray[np.float32]:
    """Every ``steps_yx``-th sample of the inverse transform; rows by folding the spectrum, which is exact."""
    step_y, step_x = sampling.steps_yx
    rows = sampling.shape_yx[0] // step_y
    folded = spectrum.reshape(step_y, rows, -1).sum(axis=0) / np.float32(step_y)
    return fft.irfft2(folded, s=(rows, sampling.shape_yx[1]))[:, ::step_x]

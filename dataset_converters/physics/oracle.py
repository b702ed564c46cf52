"""A slow scanner to test the fast one against: projections with quantum noise, filtered backprojection per kernel.

Parallel beam in torch. Every kernel is reconstructed from the same noisy projections, so two images of one object
share their noise exactly as two reconstructions of one acquisition do. For tests and phantoms, not for bulk data: about
a second a slice. `reconstruct_reference` does the same with scikit-image, as a second, independent program.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dataset_converters.physics.kernels import APERTURE_PER_MM, Kernel, ramp_window
from dataset_converters.physics.projection import WATER_PER_MM

HU_LOWEST = -1024.0
_FEWEST_PHOTONS = 1.0


@dataclass(frozen=True)
class Scanner:
    """A parallel-beam scanner.

    Attributes
    ----------
    views : int
        Projections over half a turn.
    photons : float
        Photons a ray without an object counts on average.
    electronic_noise : float
        Standard deviation of the detector's own noise, in photons.
    pixel_mm : float
        Pixel of the reconstructed image; a whole multiple of the object's.
    """

    views: int = 360
    photons: float = 3e5
    electronic_noise: float = 10.0
    pixel_mm: float = 0.7


def project(object_hu: NDArray[np.floating], fine_mm: float, scanner: Scanner, *, seed: int) -> NDArray[np.float32]:
    """Return noisy line integrals (views, detectors) of a square object (N, N) in HU; detectors as wide as its pixels.

    Focal spot, detector and motion blur the integrals by the Gaussian aperture of ``physics.kernels``. Counts are
    Poisson around ``photons * exp(-integral)`` plus electronic noise; fewer than one photon count as one.
    """
    clean = _through_aperture(_line_integrals(object_hu, fine_mm, scanner.views), fine_mm)
    rng = np.random.default_rng(seed)
    counts = rng.poisson(scanner.photons * np.exp(-clean)) + rng.normal(0.0, scanner.electronic_noise, clean.shape)
    return np.log(scanner.photons / np.maximum(counts, _FEWEST_PHOTONS)).astype(np.float32)


def reconstruct(
    sinogram: NDArray[np.float32], fine_mm: float, kernels: Sequence[Kernel], scanner: Scanner
) -> NDArray[np.float32]:
    """Return one image per kernel (kernels, M, M) in HU, unclipped, from the same projections.

    The filter is the ramp, sampled in space so that its mean is right (Kak and Slaney 1988, equation 3.61), times the
    kernel's window; backprojection interpolates linearly.
    """
    import torch
    from torch.nn import functional

    step = round(scanner.pixel_mm / fine_mm)
    detectors = sinogram.shape[1]
    size = detectors // step
    filtered = torch.from_numpy(np.stack([_filtered(sinogram, fine_mm, kernel) for kernel in kernels], axis=1))
    centre = (torch.arange(size, dtype=torch.float32) - (size - 1) / 2) * step
    y, x = torch.meshgrid(centre, centre, indexing="ij")
    images = torch.zeros(len(kernels), size, size)
    for view, angle in enumerate(_angles(len(sinogram))):
        position = (x * np.cos(angle) + y * np.sin(angle)) / (detectors / 2)
        grid = torch.stack([position, torch.zeros_like(position)], dim=-1)[None]
        row = filtered[view][None, :, None, :]
        images += functional.grid_sample(row, grid, mode="bilinear", padding_mode="zeros", align_corners=False)[0]
    attenuation = images.numpy() * (np.pi / len(sinogram))
    return ((attenuation / WATER_PER_MM - 1.0) * 1000.0).astype(np.float32)


def reconstruct_reference(
    sinogram: NDArray[np.float32], fine_mm: float, kernel: Kernel, scanner: Scanner
) -> NDArray[np.float32]:
    """Return what `reconstruct` does for one kernel, (M, M), by scikit-image's backprojection of our filtered rows."""
    from skimage.transform import iradon

    step = round(scanner.pixel_mm / fine_mm)
    filtered = _filtered(sinogram, fine_mm, kernel)
    degrees = -np.degrees(_angles(len(sinogram)))  # scikit-image turns the other way
    full = iradon(filtered.T, theta=degrees, filter_name=None, circle=True, output_size=sinogram.shape[1])
    image = (2.0 * full / WATER_PER_MM - 1.0) * 1000.0  # iradon halves what has not passed one of its own filters
    offset = step // 2
    return image[offset::step, offset::step].astype(np.float32)


def _line_integrals(object_hu: NDArray[np.floating], fine_mm: float, views: int) -> NDArray[np.float64]:
    import torch
    from torch.nn import functional

    attenuation = np.clip(1.0 + np.asarray(object_hu, np.float32) / 1000.0, 0.0, None) * (WATER_PER_MM * fine_mm)
    plane = torch.from_numpy(attenuation)[None, None]
    rows = []
    for angle in _angles(views):
        turn = torch.tensor([[[np.cos(angle), -np.sin(angle), 0.0], [np.sin(angle), np.cos(angle), 0.0]]])
        grid: Any = functional.affine_grid(turn.float(), [1, 1, *plane.shape[2:]], align_corners=False)
        turned = functional.grid_sample(plane, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        rows.append(turned[0, 0].sum(dim=0).numpy())
    return np.stack(rows).astype(np.float64)


def _through_aperture(integrals: NDArray[np.float64], fine_mm: float) -> NDArray[np.float64]:
    sigma_mm = 1.0 / (np.sqrt(2.0) * np.pi * APERTURE_PER_MM)
    return ndimage.gaussian_filter1d(integrals, sigma_mm / fine_mm, axis=1)


def _filtered(sinogram: NDArray[np.float32], fine_mm: float, kernel: Kernel) -> NDArray[np.float32]:
    detectors = sinogram.shape[1]
    length = 1 << int(np.ceil(np.log2(2 * detectors)))
    index = np.fft.fftfreq(length, 1.0 / length).round().astype(int)
    ramp = np.zeros(length)
    ramp[0] = 0.25
    odd = index % 2 != 0
    ramp[odd] = -1.0 / (np.pi * index[odd]) ** 2
    response = np.fft.rfft(ramp).real / fine_mm
    response *= ramp_window(kernel, np.fft.rfftfreq(length, fine_mm))
    spectrum = np.fft.rfft(sinogram, n=length, axis=1) * response
    return np.fft.irfft(spectrum, n=length, axis=1)[:, :detectors].astype(np.float32)


def _angles(views: int) -> NDArray[np.float64]:
    return np.arange(views) * np.pi / views

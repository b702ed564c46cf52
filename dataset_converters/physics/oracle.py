"""A slow scanner to test the fast one against: projections with quantum noise, filtered backprojection per kernel.

Parallel or fan beam in torch. Every kernel is reconstructed from the same noisy projections, so two images of one
object share their noise exactly as two reconstructions of one acquisition do. For tests and phantoms, not for bulk
data: seconds a slice. `reconstruct_reference` does the same with scikit-image, as a second, independent program.
The phantom dataset is rendered by ``physics.rendering``, a thousand times faster; a test holds it against this scanner.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dataset_converters.physics.fan_beam import backproject_fan, filter_fan, object_size, project_fan
from dataset_converters.physics.kernels import APERTURE_PER_MM, Kernel
from dataset_converters.physics.parallel_beam import (
    backproject_parallel,
    filter_parallel,
    parallel_angles,
    project_parallel,
)
from dataset_converters.physics.projection import WATER_PER_MM

_FEWEST_PHOTONS = 1.0


@dataclass(frozen=True)
class Scanner:
    """A scanner of one row of detectors.

    Attributes
    ----------
    views : int
        Projections over half a turn (parallel beam) or a full turn (fan).
    photons : float
        Photons a ray without an object counts on average.
    electronic_noise : float
        Standard deviation of the detector's own noise, in photons.
    pixel_mm : float
        Pixel of the reconstructed image; a whole multiple of the object's.
    source_mm : float
        From the focal spot to the centre of rotation, for an equiangular fan; 0 for a parallel beam.
    """

    views: int = 360
    photons: float = 3e5
    electronic_noise: float = 10.0
    pixel_mm: float = 0.7
    source_mm: float = 0.0


def project(object_hu: NDArray[np.floating], fine_mm: float, scanner: Scanner, *, seed: int) -> NDArray[np.float32]:
    """Return noisy line integrals (views, detectors) of a square object (N, N) in HU.

    A detector is as wide as a pixel of the object, at the centre of rotation; what a fan does not see, outside the
    circle inside the square, has to be air. Focal spot, detector and motion blur the integrals by the Gaussian
    aperture of ``physics.kernels``. Counts are Poisson around ``photons * exp(-integral)`` plus electronic noise;
    fewer than one photon count as one.
    """
    attenuation = np.clip(1.0 + np.asarray(object_hu, np.float32) / 1000.0, 0.0, None) * (WATER_PER_MM * fine_mm)
    if scanner.source_mm:
        sharp = project_fan(attenuation, fine_mm, scanner.source_mm, scanner.views)
    else:
        sharp = project_parallel(attenuation, scanner.views)
    clean = _through_aperture(sharp, fine_mm)
    rng = np.random.default_rng(seed)
    counts = rng.poisson(scanner.photons * np.exp(-clean)) + rng.normal(0.0, scanner.electronic_noise, clean.shape)
    return np.log(scanner.photons / np.maximum(counts, _FEWEST_PHOTONS)).astype(np.float32)


def reconstruct(
    sinogram: NDArray[np.float32], fine_mm: float, kernels: Sequence[Kernel], scanner: Scanner
) -> NDArray[np.float32]:
    """Return one image per kernel (kernels, M, M) in HU, unclipped, from the same projections.

    Kak and Slaney 1988, sections 3.3 (parallel beam) and 3.4.1 (fan), with the kernel's window on the ramp.
    """
    step = round(scanner.pixel_mm / fine_mm)
    if scanner.source_mm:
        geometry = {"fine_mm": fine_mm, "source_mm": scanner.source_mm}
        rows = [filter_fan(sinogram, kernel=kernel, **geometry) for kernel in kernels]
        size = object_size(sinogram.shape[1], **geometry) // step
        attenuation = backproject_fan(np.stack(rows, axis=1), size, step * fine_mm, **geometry)
    else:
        rows = [filter_parallel(sinogram, fine_mm, kernel) for kernel in kernels]
        attenuation = backproject_parallel(np.stack(rows, axis=1), sinogram.shape[1] // step, step)
    return _hounsfield(attenuation)


def reconstruct_reference(
    sinogram: NDArray[np.float32], fine_mm: float, kernel: Kernel, scanner: Scanner
) -> NDArray[np.float32]:
    """Return what `reconstruct` does for one kernel, (M, M), by scikit-image's backprojection of our filtered rows.

    Raises
    ------
    ValueError
        A fan beam, which scikit-image has not.
    """
    from skimage.transform import iradon

    if scanner.source_mm:
        raise ValueError("found a fan beam; wanted a parallel beam, the only one scikit-image has")
    step = round(scanner.pixel_mm / fine_mm)
    filtered = filter_parallel(sinogram, fine_mm, kernel)
    degrees = -np.degrees(parallel_angles(len(sinogram)))  # scikit-image turns the other way
    full = iradon(filtered.T, theta=degrees, filter_name=None, circle=True, output_size=sinogram.shape[1])
    offset = step // 2
    return _hounsfield(2.0 * full[offset::step, offset::step])  # iradon halves what has not passed its own filters


def _through_aperture(integrals: NDArray[np.float64], fine_mm: float) -> NDArray[np.float64]:
    sigma_mm = 1.0 / (np.sqrt(2.0) * np.pi * APERTURE_PER_MM)
    return ndimage.gaussian_filter1d(integrals, sigma_mm / fine_mm, axis=1)


def _hounsfield(attenuation_per_mm: NDArray[np.floating]) -> NDArray[np.float32]:
    return ((attenuation_per_mm / WATER_PER_MM - 1.0) * 1000.0).astype(np.float32)

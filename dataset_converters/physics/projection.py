"""Local noise level of a slice, from a small forward projection and back."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

WATER_PER_MM = 0.0193
"""Linear attenuation of water at about 70 keV."""


def noise_level_map(slice_hu: NDArray[np.floating], pixel_mm: float, views: int = 45) -> NDArray[np.float64]:
    """Relative standard deviation of quantum noise per pixel: ``sqrt(mean over views of exp(line integral))``.

    Parameters
    ----------
    slice_hu : array (N, N)
        Square slice in HU; 64 pixels across the field of view are enough, the map is smooth.
    pixel_mm : float
        Pixel size, equal in both directions.

    Returns
    -------
    array (N, N)
        Mean 1 over the soft tissue of the slice (above -200 HU): automatic exposure control keeps the noise of
        every slice at one level. All ones for a slice without tissue.
    """
    size = slice_hu.shape[0]
    rays = _parallel_rays(size, views)
    attenuation = WATER_PER_MM * pixel_mm * np.clip(1.0 + slice_hu.ravel() / 1000.0, 0.0, None)
    # Photon starvation would let a few shoulder rays dominate; scanners limit it by adaptive filtering.
    variance = np.exp(np.minimum(rays @ attenuation, 8.0))
    level = np.sqrt(rays.T @ variance / views).reshape(size, size)
    tissue = slice_hu > -200.0
    return level / level[tissue].mean() if tissue.any() else np.ones((size, size))


@lru_cache(maxsize=4)
def _parallel_rays(size: int, views: int) -> sparse.csr_matrix:
    """System matrix (views * detectors, size^2) of a parallel beam with linear interpolation on the detector."""
    centre = (np.arange(size) - (size - 1) / 2).astype(float)
    y, x = np.meshgrid(centre, centre, indexing="ij")
    detectors = 2 * size
    pixel = np.arange(size * size)
    rows, columns, weights = [], [], []
    for view, angle in enumerate(np.arange(views) * np.pi / views):
        position = (x * np.cos(angle) + y * np.sin(angle)).ravel() + detectors / 2
        below = np.floor(position).astype(int)
        for offset, weight in ((0, 1.0 - (position - below)), (1, position - below)):
            rows.append(view * detectors + below + offset)
            columns.append(pixel)
            weights.append(weight)
    entries = (np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns)))
    return sparse.csr_matrix(entries, shape=(views * detectors, size * size))

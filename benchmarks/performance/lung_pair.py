"""Two rough lungs and an imperfect segmentation of them: large masks that anyone can make again."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.mask_pair import Mask

SIZE_ZYX = (300, 512, 512)
SPACING_ZYX_MM = (1.0, 0.7, 0.7)
CENTRES = ((0.5, 0.5, 0.318), (0.5, 0.5, 0.682))
HALF_AXES = (0.433, 0.342, 0.156)
ISLAND_CENTRE, ISLAND_HALF_AXES = (0.1, 0.146, 0.889), (0.03, 0.027, 0.027)
"""All in fractions of the image."""


@dataclass(frozen=True)
class Roughness:
    """Smoothed noise added to the distance from the centre: standard deviation, and smoothing in voxels."""

    amplitude: float
    smoothing: float
    seed: int


OUTLINE = Roughness(amplitude=0.022, smoothing=4.0, seed=1)
ERROR = Roughness(amplitude=0.03, smoothing=3.5, seed=2)


def make_lung_pair(scale: float = 1.0) -> tuple[Mask, Mask]:
    """Return reference and prediction (z, y, x): two rough ellipsoids, and the same rougher, with an island far away.

    Parameters
    ----------
    scale : float
        Factor on ``SIZE_ZYX``; the spacing stays, so a smaller pair is a smaller body.
    """
    size = tuple(max(8, round(scale * length)) for length in SIZE_ZYX)
    outline = np.minimum(*(_radius(size, centre, HALF_AXES) for centre in CENTRES))
    outline += _noise(size, OUTLINE)
    reference = outline < 1
    outline += _noise(size, ERROR)
    prediction = outline < 1
    prediction |= _radius(size, ISLAND_CENTRE, ISLAND_HALF_AXES) < 1
    return reference, prediction


def _radius(size: tuple[int, ...], centre: tuple[float, ...], half_axes: tuple[float, ...]) -> npt.NDArray[np.float32]:
    """Return the distance from a centre in half axes, at every voxel."""
    axes = [
        ((np.arange(length, dtype=np.float32) / length - middle) / half) ** 2
        for length, middle, half in zip(size, centre, half_axes, strict=True)
    ]
    radius: npt.NDArray[np.float32] = np.sqrt(axes[0][:, None, None] + axes[1][:, None] + axes[2])
    return radius


def _noise(size: tuple[int, ...], roughness: Roughness) -> npt.NDArray[np.float32]:
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(roughness.seed).standard_normal(size, dtype=np.float32)
    noise = gaussian_filter(noise, roughness.smoothing, mode="wrap", truncate=3.0)
    return (roughness.amplitude / float(noise.std())) * noise

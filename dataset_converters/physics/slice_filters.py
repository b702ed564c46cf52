"""Radial filters of slices, with mirrored borders and no padding."""

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from dataset_converters.physics.conversion import Conversion


def filter_slice(plane: NDArray[np.float32], factors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a slice (Y, X) with its cosine coefficients multiplied by ``factors`` (Y, X).

    The discrete cosine transform diagonalises filters that are symmetric about a pixel when the image is mirrored at
    its border (Martucci 1994, IEEE Trans Signal Process 42:1038), so nothing wraps round and nothing is padded.
    """
    coefficients = fft.dctn(plane, norm="ortho")
    coefficients *= factors
    return fft.idctn(coefficients, norm="ortho", overwrite_x=True)


def noise_slice(factors: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return Gaussian noise (Y, X) whose power spectrum is ``factors`` squared; white noise has white coefficients."""
    coefficients = rng.standard_normal(factors.shape, dtype=np.float32)
    coefficients *= factors
    return fft.idctn(coefficients, norm="ortho", overwrite_x=True)


def cosine_frequencies(
    shape_yx: tuple[int, int], pixel_yx_mm: tuple[float, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the frequencies along y (Y, 1) and x (1, X), cycles/mm, of the coefficients of a slice."""
    fy = np.arange(shape_yx[0]) / (2.0 * shape_yx[0] * pixel_yx_mm[0])
    fx = np.arange(shape_yx[1]) / (2.0 * shape_yx[1] * pixel_yx_mm[1])
    return fy[:, None], fx[None, :]


def gain_factors(
    conversion: Conversion, shape_yx: tuple[int, int], pixel_yx_mm: tuple[float, float]
) -> NDArray[np.float32]:
    """Return the gain of a conversion for every coefficient of a slice, (Y, X) float32."""
    radius = np.hypot(*cosine_frequencies(shape_yx, pixel_yx_mm))
    return np.interp(radius, conversion.frequency_per_mm, conversion.gain).astype(np.float32)


def noise_power(
    conversion: Conversion,
    power: NDArray[np.float64],
    shape_yx: tuple[int, int],
    pixel_yx_mm: tuple[float, float],
) -> NDArray[np.float64]:
    """Return a noise power (F,) of a conversion for every coefficient of a slice, (Y, X).

    A scanner samples the kernel's image at the pixel pitch, so power above the Nyquist frequency folds back; the
    nearest replicas are added unless the table was measured on sampled images.
    """
    fy, fx = cosine_frequencies(shape_yx, pixel_yx_mm)
    orders = (0,) if conversion.folded else (-1, 0, 1)
    folded = np.zeros(shape_yx)
    for order_y in orders:
        for order_x in orders:
            radius = np.hypot(fy + order_y / pixel_yx_mm[0], fx + order_x / pixel_yx_mm[1])
            folded += np.interp(radius, conversion.frequency_per_mm, power, right=0.0)
    return folded

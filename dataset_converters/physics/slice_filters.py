"""Radial filters of slices, with mirrored borders and no padding."""

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from dataset_converters.physics.conversion import NEGLIGIBLE_NOISE, Conversion
from dataset_converters.physics.noise_measure import detail_response


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
    """Return the factor of a conversion on every coefficient of a slice, (Y, X) float32; 1 at frequency 0.

    Large pixels sample a sharp kernel too coarsely: part of what a coefficient holds was folded down from above the
    Nyquist frequency, and the gain must not take it for detail. The factor is ``gain * sqrt(P / P_folded)``, with P the
    source's noise power, so that what passes has the noise power ``gain^2 P`` at any pixel size. A table that was
    measured on sampled images holds this already.
    """
    radius = np.hypot(*cosine_frequencies(shape_yx, pixel_yx_mm))
    factors = np.interp(radius, conversion.frequency_per_mm, conversion.gain)
    if not conversion.folded:
        own = np.interp(radius, conversion.frequency_per_mm, conversion.source_noise, right=0.0)
        sampled = noise_power(conversion, conversion.source_noise, shape_yx, pixel_yx_mm)
        share = np.divide(own, sampled, out=np.ones(shape_yx), where=sampled > 0)
        share[0, 0] = 1.0  # no noise there to tell by
        factors *= np.sqrt(share)
    return factors.astype(np.float32)


def added_amplitude(
    conversion: Conversion, shape_yx: tuple[int, int], pixel_yx_mm: tuple[float, float]
) -> NDArray[np.float32] | None:
    """Return the amplitude of the noise to add to every coefficient, (Y, X), where the source's finest detail has SD 1.

    Its power is what the target has at these pixels, with all that is folded down, less what the gain lets pass. None
    if that is less than a fiftieth of the target's noise power: then nothing need be measured or added.
    """
    radius = np.hypot(*cosine_frequencies(shape_yx, pixel_yx_mm))
    passed = conversion.gain**2 * conversion.source_noise
    target = noise_power(conversion, passed + conversion.added_noise, shape_yx, pixel_yx_mm)
    added = np.maximum(target - np.interp(radius, conversion.frequency_per_mm, passed, right=0.0), 0.0)
    if added.sum() <= NEGLIGIBLE_NOISE * target.sum():
        return None
    source = noise_power(conversion, conversion.source_noise, shape_yx, pixel_yx_mm)
    unit_sd = np.sqrt(np.mean(source * detail_response(shape_yx) ** 2))
    return (np.sqrt(added) / unit_sd).astype(np.float32)


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

"""A CT volume as another reconstruction kernel would have shown it: emulated, not reconstructed."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dataset_converters.physics.conversion import Conversion
from dataset_converters.physics.noise_measure import noise_sd, soft_tissue
from dataset_converters.physics.projection import noise_level_map
from dataset_converters.physics.slice_filters import added_amplitude, filter_slice, gain_factors, noise_slice

LOWEST_HU, HIGHEST_HU = -1024, 3071
_MAP_PIXELS = 64
_NEIGHBOURS = 9


def emulate_kernel(
    volume_hu: NDArray[np.number],
    pixel_yx_mm: tuple[float, float],
    conversion: Conversion,
    *,
    seed: int,
    source_sd_hu: NDArray[np.floating] | None = None,
) -> NDArray[np.int16]:
    """Return the volume (Z, Y, X) as int16 HU, slice by slice in the plane, clipped to -1024..3071 as scanners do.

    Every slice is filtered by the conversion's gain; if the target kernel passes noise that the source removed,
    noise of the right spectrum is added, scaled to the noise measured in the slice's soft tissue and to the local
    noise level that a small forward projection predicts. Values below -1024 (outside the scanned circle) stay.

    Parameters
    ----------
    volume_hu : array (Z, Y, X)
        HU, int16 or float.
    pixel_yx_mm : tuple of float
        Pixel spacing along y and x.
    seed : int
        The noise of slice ``z`` is that of ``(seed, z)``: it does not depend on what else is emulated.
    source_sd_hu : array (Z,), optional
        Noise of each slice as `slice_noise` gives it; measured if not given and needed.

    Notes
    -----
    The texture of added noise is one of many possible ones; only its statistics are physical. Not modelled:
    iterative and learned reconstruction, filtering along z, streaks.
    """
    shape_yx = (volume_hu.shape[1], volume_hu.shape[2])
    gain = gain_factors(conversion, shape_yx, pixel_yx_mm)
    result = np.empty(volume_hu.shape, np.int16)
    added: Iterator[NDArray[np.float32]] | None = None
    amplitude = added_amplitude(conversion, shape_yx, pixel_yx_mm)
    if amplitude is not None:
        sd_hu = slice_noise(volume_hu, pixel_yx_mm) if source_sd_hu is None else np.asarray(source_sd_hu)
        added = _added_noise(volume_hu, pixel_yx_mm, amplitude, sd_hu, seed)
    for index, stored in enumerate(volume_hu):
        plane = stored.astype(np.float32)
        outside = plane < LOWEST_HU
        filtered = filter_slice(np.maximum(plane, np.float32(LOWEST_HU)), gain)
        if added is not None:
            filtered += next(added)
        shown = np.clip(np.rint(filtered), LOWEST_HU, HIGHEST_HU)
        result[index] = np.where(outside, plane, shown)
    return result


def slice_noise(
    volume_hu: NDArray[np.number], pixel_yx_mm: tuple[float, float], *, every: int = 1
) -> NDArray[np.float64]:
    """Return the noise of each slice (Z,) in HU: that of its soft tissue, smoothed by a median of nine slices.

    Divided by the predicted local level, so that tissue deep in the body does not stand for all. Slices with
    little soft tissue take their neighbours' value; NaN everywhere if no slice has enough.
    """
    measured = np.full(len(volume_hu), np.nan)
    for index in range(0, len(volume_hu), every):
        plane = np.asarray(volume_hu[index], np.float32)
        tissue = soft_tissue(plane[None], pixel_yx_mm)[0]
        measured[index] = noise_sd(plane, tissue, level=local_level(plane, pixel_yx_mm))
    known = np.flatnonzero(np.isfinite(measured))
    if not known.size:
        return measured
    smooth = ndimage.median_filter(measured[known], size=min(_NEIGHBOURS, known.size), mode="nearest")
    return np.interp(np.arange(len(measured)), known, smooth)


def local_level(plane_hu: NDArray[np.number], pixel_yx_mm: tuple[float, float]) -> NDArray[np.float32]:
    """Return the relative noise level (Y, X) of a slice, 1 on average over its soft tissue."""
    side_mm = max(size * mm for size, mm in zip(plane_hu.shape, pixel_yx_mm, strict=True))
    coarse_mm = side_mm / _MAP_PIXELS
    small = np.full((_MAP_PIXELS, _MAP_PIXELS), -1000.0)
    steps = [max(1, round(coarse_mm / mm)) for mm in pixel_yx_mm]
    blocks = _block_means(plane_hu, (steps[0], steps[1]))
    rows, columns = (min(_MAP_PIXELS, size) for size in blocks.shape)
    small[:rows, :columns] = blocks[:rows, :columns]
    level = noise_level_map(small, coarse_mm)[:rows, :columns]
    zoom = [size / part for size, part in zip(plane_hu.shape, level.shape, strict=True)]
    return ndimage.zoom(level.astype(np.float32), zoom, order=1, grid_mode=True, mode="nearest")


def _added_noise(
    volume_hu: NDArray[np.number],
    pixel_yx_mm: tuple[float, float],
    amplitude: NDArray[np.float32],
    sd_hu: NDArray[np.floating],
    seed: int,
) -> Iterator[NDArray[np.float32]]:
    for index, plane in enumerate(volume_hu):
        noise = noise_slice(amplitude, np.random.default_rng((seed, index)))
        yield noise * np.float32(sd_hu[index]) * local_level(plane, pixel_yx_mm)


def _block_means(plane: NDArray[np.number], steps_yx: tuple[int, int]) -> NDArray[np.float64]:
    rows, columns = (size // step for size, step in zip(plane.shape, steps_yx, strict=True))
    cut = plane[: rows * steps_yx[0], : columns * steps_yx[1]].astype(np.float32)
    return cut.reshape(rows, steps_yx[0], columns, steps_yx[1]).mean(axis=(1, 3)).astype(np.float64)

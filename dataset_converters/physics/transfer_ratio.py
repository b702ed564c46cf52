"""The transfer ratio of two kernels, estimated from two reconstructions of one acquisition."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, signal

TILE = 64
STEP_PER_MM = 0.01
COHERENCE = 0.9
"""Band in which the two images share their detail: coherence above this."""
_EDGE_HU = 150.0


@dataclass(frozen=True)
class TransferRatio:
    """Spectra of a pair over radial frequency.

    Attributes
    ----------
    frequency_per_mm : numpy.ndarray
        (F,) centres of rings.
    ratio : numpy.ndarray
        (F,) target over source, cross power over the source's power.
    coherence : numpy.ndarray
        (F,) magnitude squared, 0 to 1.
    source_power, target_power : numpy.ndarray
        (F,) power in HU^2 mm^2 in soft tissue (noise) or over the whole slice (all), as asked.
    tiles : int
        How many tiles were averaged.
    """

    frequency_per_mm: NDArray[np.float64]
    ratio: NDArray[np.float64]
    coherence: NDArray[np.float64]
    source_power: NDArray[np.float64]
    target_power: NDArray[np.float64]
    tiles: int


def transfer_ratio(
    source_hu: NDArray[np.number],
    target_hu: NDArray[np.number],
    pixel_yx_mm: tuple[float, float],
    *,
    where: NDArray[np.bool_] | None = None,
) -> TransferRatio:
    """Estimate ``T(f) = <conj(S) R> / <|S|^2>`` over overlapping windowed tiles of 64 x 64 pixels.

    Parameters
    ----------
    source_hu, target_hu : array (Z, Y, X)
        The two reconstructions on one grid.
    where : bool array (Z, Y, X), optional
        Only tiles that lie wholly inside are used (soft tissue, to measure noise); default: tiles without clipped air.
    """
    window = np.outer(*2 * [signal.windows.hann(TILE, sym=False)]).astype(np.float32)
    cross = np.zeros((TILE, TILE // 2 + 1), complex)
    power = np.zeros((2, TILE, TILE // 2 + 1))
    tiles = 0
    for z in range(len(source_hu)):
        for rows, columns in _tile_places(source_hu[z], None if where is None else where[z]):
            pair = [_detrended(volume[z, rows, columns]) * window for volume in (source_hu, target_hu)]
            s, r = fft.rfft2(pair[0]), fft.rfft2(pair[1])
            cross += np.conj(s) * r
            power += np.abs(s) ** 2, np.abs(r) ** 2
            tiles += 1
    rings, centres = _rings(pixel_yx_mm)
    norm = pixel_yx_mm[0] * pixel_yx_mm[1] / float((window**2).sum()) / max(tiles, 1)
    c, s, r = (np.bincount(rings.ravel(), weights=part.ravel()) for part in (cross.real, *power))
    counts = np.maximum(np.bincount(rings.ravel()), 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return TransferRatio(centres, c / s, c**2 / (s * r), s / counts * norm, r / counts * norm, tiles)


def _tile_places(plane: NDArray[np.number], where: NDArray[np.bool_] | None) -> list[tuple[slice, slice]]:
    inside = plane > -1000 if where is None else where
    places = []
    for y in range(0, plane.shape[0] - TILE + 1, TILE // 2):
        for x in range(0, plane.shape[1] - TILE + 1, TILE // 2):
            rows, columns = slice(y, y + TILE), slice(x, x + TILE)
            share = inside[rows, columns].mean()
            if share > (0.98 if where is None else 0.999):
                places.append((rows, columns))
    return places


def _detrended(tile: NDArray[np.number]) -> NDArray[np.float32]:
    values = tile.astype(np.float32)
    return values - values.mean()


def _rings(pixel_yx_mm: tuple[float, float]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    fy, fx = np.fft.fftfreq(TILE, pixel_yx_mm[0])[:, None], np.fft.rfftfreq(TILE, pixel_yx_mm[1])[None, :]
    step = 1.0 / (TILE * min(pixel_yx_mm))
    rings = np.rint(np.hypot(fy, fx) / step).astype(np.intp)
    return rings, np.arange(rings.max() + 1) * step

"""How steeply the lung border and the skin rise in a CT: an edge response without a phantom."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from dataset_converters.physics.edge_segments import (
    BIN_MM,
    BORDERS,
    CENTRES_MM,
    REACH_MM,
    Border,
    Segments,
    find_segments,
)

RISE_OF_SIGMA = 2.563
"""Distance from 10 to 90 % of a Gaussian's integral, in standard deviations."""
_AIR_HU: dict[Border, tuple[float, float]] = {"lung": (-970.0, -600.0), "skin": (-1100.0, -900.0)}
_TISSUE_HU = (-200.0, 200.0)
_WIDTHS_MM = np.geomspace(0.12, 2.5, 60)
_SHIFTS_MM = np.arange(-1.2, 1.21, 0.1)
_MOST_SLICES = 40
_FEWEST_SEGMENTS, _FEWEST_SLICES = 20, 4
BLOCKS = 10
"""Blocks of neighbouring slices that are resampled: slices near each other are no independent measurements."""
_RESAMPLES = 100


@dataclass(frozen=True)
class EdgeResponse:
    """Rise of one kind of border.

    Attributes
    ----------
    rise_mm : float
        From 10 to 90 % of the step: median over segments; NaN if there are too few.
    standard_error_mm : float
        By resampling blocks of slices; it holds what differs from place to place, not the blur that all share.
    segments : int
        Stretches of about 10 mm that were used.
    """

    rise_mm: float
    standard_error_mm: float
    segments: int


def edge_responses(
    volume_hu: NDArray[np.number], pixel_yx_mm: tuple[float, float], *, every: int = 1
) -> dict[Border, EdgeResponse]:
    """Return the 10-90 % rise at the lung border and at the skin of a volume (Z, Y, X) in HU.

    Pixels along the border's normal are gathered by their distance to it, which samples the edge more finely than the
    pixels do (ISO 12233; for patients Sanders, Hurwitz and Samei 2016, Med Phys 43:4854), and the error function that
    fits them best gives the rise. Used are segments between air and soft tissue, the better-fitting half of them.

    The rise is that of the image, not of the kernel: motion, the thickness of the pleura, clothes and slices that are
    thick against the border's slope put a floor under it. On a rendered phantom it is within 10 % of the known one.

    Parameters
    ----------
    every : int
        Use each n-th slice, and at most 40 of the volume; their neighbours are looked at too.
    """
    chosen = np.arange(1, len(volume_hu) - 1, every)
    chosen = chosen[:: max(1, -(-len(chosen) // _MOST_SLICES))]
    fits: dict[Border, list[NDArray[np.float64]]] = {name: [] for name in BORDERS}
    for z in chosen:
        for name, segments in find_segments(volume_hu[z - 1 : z + 2], pixel_yx_mm).items():
            fitted = fit_segments(segments, name)
            if len(fitted):
                fits[name].append(fitted)
    return {name: _response(parts) for name, parts in fits.items()}


def fit_segments(segments: Segments, border: Border) -> NDArray[np.float64]:
    """Return rise (mm) and misfit (share of the step) of the segments between air and soft tissue: (S, 2)."""
    if not segments.count:
        return np.empty((0, 2))
    values, squares, pixels = _binned(segments)
    templates = special.ndtr((CENTRES_MM - _SHIFTS_MM[:, None]) / _WIDTHS_MM[:, None, None])
    templates = templates.reshape(-1, len(CENTRES_MM))
    total, level = pixels.sum(axis=1), values.sum(axis=1)
    mean = pixels @ templates.T / total[:, None]
    spread = np.maximum(pixels @ (templates**2).T - mean**2 * total[:, None], 1e-6)
    agreement = values @ templates.T - mean * level[:, None]
    explained = agreement**2 / spread
    best, row = explained.argmax(axis=1), np.arange(segments.count)
    step = agreement[row, best] / spread[row, best]
    air = level / total - step * mean[row, best]
    unexplained = squares.sum(axis=1) - level**2 / total - explained[row, best]
    misfit = np.sqrt(np.maximum(unexplained, 0.0) / total) / np.abs(step)
    width, shift = np.divmod(best, len(_SHIFTS_MM))
    fine = _between(explained.reshape(segments.count, len(_WIDTHS_MM), -1)[row, :, shift], width)
    rise_mm = RISE_OF_SIGMA * np.exp(np.interp(fine, np.arange(len(_WIDTHS_MM)), np.log(_WIDTHS_MM)))
    low, high = _AIR_HU[border]
    fitting = (low < air) & (air < high) & (_TISSUE_HU[0] < air + step) & (air + step < _TISSUE_HU[1])
    fitting &= (shift > 0) & (shift < len(_SHIFTS_MM) - 1)
    return np.stack([rise_mm, misfit], axis=1)[fitting]


def _binned(segments: Segments) -> NDArray[np.float64]:
    """Return sums of values, sums of their squares, and numbers of pixels, by segment and bin: (3, S, B)."""
    bins = np.clip(((segments.distance_mm + REACH_MM) / BIN_MM).astype(int), 0, len(CENTRES_MM) - 1)
    index, size = segments.segment * len(CENTRES_MM) + bins, segments.count * len(CENTRES_MM)
    hu = segments.hu.astype(np.float64)
    weights = np.stack([hu, hu**2, np.ones_like(hu)])
    sums = np.array([np.bincount(index, weights=part, minlength=size) for part in weights], np.float64)
    return sums.reshape(3, segments.count, len(CENTRES_MM))


def _between(heights: NDArray[np.float64], peak: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return where between its samples the parabola through a row's peak and neighbours is highest."""
    row, middle = np.arange(len(peak)), np.clip(peak, 1, heights.shape[1] - 2)
    left, top, right = (heights[row, middle + offset] for offset in (-1, 0, 1))
    bend = np.maximum(2.0 * top - left - right, 1e-9)
    return np.where(middle == peak, peak + np.clip(0.5 * (right - left) / bend, -0.5, 0.5), peak)


def _response(parts: list[NDArray[np.float64]]) -> EdgeResponse:
    if len(parts) < _FEWEST_SLICES or sum(map(len, parts)) < _FEWEST_SEGMENTS:
        return EdgeResponse(float("nan"), float("nan"), sum(map(len, parts)))
    limit = np.median(np.concatenate(parts)[:, 1])
    rises = [part[part[:, 1] <= limit, 0] for part in parts]
    split = np.array_split(np.arange(len(rises)), min(len(rises), BLOCKS))
    blocks = [np.concatenate([rises[index] for index in block]) for block in split]
    choices = np.random.default_rng(0).integers(0, len(blocks), (_RESAMPLES, len(blocks)))
    resampled = [np.median(np.concatenate([blocks[index] for index in choice])) for choice in choices]
    together = np.concatenate(rises)
    return EdgeResponse(float(np.median(together)), float(np.std(resampled)), len(together))

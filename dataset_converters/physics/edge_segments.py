"""Short stretches of the lung border and the skin of a slice, each as an edge profile finer than the pixels."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Border = Literal["lung", "skin"]
BORDERS: tuple[Border, ...] = ("lung", "skin")
BIN_MM, REACH_MM = 0.1, 5.0
CENTRES_MM = np.arange(-REACH_MM + BIN_MM / 2, REACH_MM, BIN_MM)
"""Distance from the edge, towards tissue, of the bins of a profile."""
_LEVEL_HU = -480.0
_SMOOTHING_MM = 1.0
_GENTLEST_HU_PER_MM = 80.0
_LARGEST_SHIFT_MM = 0.3
_CELL_MM = 6.0
_FEWEST_POINTS = 5
_LARGEST_MISFIT_MM = 0.25
_SHARPEST_BEND_PER_MM = 0.03
_LUNG_MM2 = 1000.0


@dataclass(frozen=True)
class Segments:
    """Edge profiles before they are aligned.

    Attributes
    ----------
    distance_mm : numpy.ndarray
        (N,) of every pixel near an edge, from the edge of the smoothed slice, towards tissue.
    hu : numpy.ndarray
        (N,) its value.
    segment : numpy.ndarray
        (N,) which segment it belongs to, 0 to ``count - 1``.
    count : int
    """

    distance_mm: NDArray[np.float32]
    hu: NDArray[np.float32]
    segment: NDArray[np.intp]
    count: int


def find_segments(three_hu: NDArray[np.number], pixel_yx_mm: tuple[float, float]) -> dict[Border, Segments]:
    """Return the segments of the middle one of three neighbouring slices (3, Y, X), by border.

    An edge counts where the border moves by less than 0.3 mm from slice to slice, so that partial volume does not
    blur it, and where a parabola describes it. Distances are to that parabola, fitted to the sub-pixel crossings of
    -480 HU in the slice smoothed by a Gaussian, which does not move a straight edge. The lung border is that of any
    air in the body larger than 10 square cm.
    """
    sigma = [_SMOOTHING_MM / mm for mm in pixel_yx_mm]
    below, smooth, above = (ndimage.gaussian_filter(np.asarray(p, np.float32), sigma) for p in three_hu)
    gy, gx = np.gradient(smooth, *pixel_yx_mm)
    steep = np.hypot(gy, gx) + np.float32(1e-3)
    offset = (smooth - _LEVEL_HU) / steep
    near = (np.abs(offset) < 0.6 * max(pixel_yx_mm)) & (steep > _GENTLEST_HU_PER_MM)
    near &= np.abs(above - below) / (2.0 * steep) < _LARGEST_SHIFT_MM
    maps = (near, offset, gy / steep, gx / steep)
    plane = np.asarray(three_hu[1], np.float32)
    sides = _beside(smooth < _LEVEL_HU, pixel_yx_mm)
    seeds = {name: _spread(near & side, pixel_yx_mm) for name, side in sides.items()}
    return {name: _windows(plane, maps, pixels, pixel_yx_mm) for name, pixels in seeds.items()}


def _beside(air: NDArray[np.bool_], pixel_yx_mm: tuple[float, float]) -> dict[Border, NDArray[np.bool_]]:
    """Return the pixels within two of large air spaces in the body, and of the air outside it."""
    labels, count = ndimage.label(air)
    outside = np.zeros(count + 1, bool)
    outside[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = True
    area_mm2 = np.bincount(labels.ravel(), minlength=count + 1) * (pixel_yx_mm[0] * pixel_yx_mm[1])
    chosen: dict[Border, NDArray[np.bool_]] = {"lung": ~outside & (area_mm2 > _LUNG_MM2), "skin": outside}
    for numbers in chosen.values():
        numbers[0] = False
    return {name: ndimage.binary_dilation(numbers[labels], iterations=2) for name, numbers in chosen.items()}


def _spread(where: NDArray[np.bool_], pixel_yx_mm: tuple[float, float]) -> NDArray[np.intp]:
    """Return (S, 2) pixels, one of every cell of 6 mm, none within reach of the border of the slice."""
    reach = [int(np.ceil(1.5 * REACH_MM / mm)) for mm in pixel_yx_mm]
    found = np.argwhere(where)
    inside = ((found >= reach) & (found < np.subtract(where.shape, reach))).all(axis=1)
    found = found[inside]
    cells = (found * pixel_yx_mm / _CELL_MM).astype(int)
    return found[np.unique(cells, axis=0, return_index=True)[1]]


def _windows(
    plane: NDArray[np.float32],
    maps: tuple[NDArray[np.generic], ...],
    seeds: NDArray[np.intp],
    pixel_yx_mm: tuple[float, float],
) -> Segments:
    reach = [int(np.ceil(1.5 * REACH_MM / mm)) for mm in pixel_yx_mm]
    dy, dx = np.meshgrid(*(np.arange(-r, r + 1) for r in reach), indexing="ij")
    y, x = seeds[:, :1] + dy.ravel(), seeds[:, 1:] + dx.ravel()
    near, offset, ny, nx = (part[y, x] for part in maps)
    middle = dy.size // 2
    my, mx = ny[:, middle, None], nx[:, middle, None]
    dy_mm, dx_mm = dy.ravel() * pixel_yx_mm[0], dx.ravel() * pixel_yx_mm[1]
    across, along = dx_mm * mx + dy_mm * my, dy_mm * mx - dx_mm * my
    within = np.abs(along) < REACH_MM
    points = near & within & (np.abs(across) < 0.6 * REACH_MM)
    fitted, good = _parabola(along, across - offset * (ny * my + nx * mx), points)
    slope = fitted[:, 1:2] + 2.0 * fitted[:, 2:] * along
    distance = across - fitted[:, :1] - along * (fitted[:, 1:2] + along * fitted[:, 2:])
    distance /= np.sqrt(1.0 + slope**2)
    used = within & (np.abs(distance) < REACH_MM) & good[:, None]
    number = np.broadcast_to((np.cumsum(good) - 1)[:, None], used.shape)
    hu = plane[y, x]
    return Segments(distance[used].astype(np.float32), hu[used], number[used], int(good.sum()))


def _parabola(
    along: NDArray[np.floating], across: NDArray[np.floating], points: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Fit ``across = a + b along + c along^2`` to every row's points; (S, 3), and which rows it describes."""
    powers = np.stack([np.ones_like(along), along, along**2], axis=-1) * points[..., None]
    normal = np.einsum("spi,spj->sij", powers, powers) + 1e-6 * np.eye(3)
    fitted = np.linalg.solve(normal, np.einsum("spi,sp->si", powers, across * points)[..., None])[..., 0]
    misfit = (across - np.einsum("spi,si->sp", powers, fitted)) * points
    count = points.sum(axis=1)
    rms = np.sqrt((misfit**2).sum(axis=1) / np.maximum(count - 3, 1))
    reached = (along * points).max(axis=1, initial=0.0) - (along * points).min(axis=1, initial=0.0) > REACH_MM
    bend = np.abs(fitted[:, 2]) < _SHARPEST_BEND_PER_MM
    return fitted, (count >= _FEWEST_POINTS) & (rms < _LARGEST_MISFIT_MM) & reached & bend

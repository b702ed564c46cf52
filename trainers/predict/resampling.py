"""Resample slices in the plane as nnU-Net does, with less work: one matrix per axis.

nnU-Net calls ``skimage.transform.resize`` (mode ``edge``), which is ``scipy.ndimage.zoom`` with ``grid_mode``: output
pixel k lies at ``(k + 0.5) * n_in / n_out - 0.5`` of the input. Splines of any order are linear in the image and
separable, so two matrix products give scipy's values to 1e-14. Where scipy resamples a volume in three dimensions
whose slices stay where they are, the spline along the slices is the identity.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import zoom
from scipy.sparse import csr_matrix
from torch.nn.functional import interpolate

NEGLIGIBLE = 1e-14


def resample_image(
    planes: npt.NDArray[np.float32], size_yx: tuple[int, ...], *, order: int, each_clipped: bool
) -> npt.NDArray[np.float32]:
    """Return planes (z, y, x) at another size in the plane, by splines, with what overshoots clipped.

    Parameters
    ----------
    order : int
        Of the spline, 1 to 5.
    each_clipped : bool
        Clip each plane to its own range, as nnU-Net does where it resamples slice by slice; else to the volume's.
    """
    rows, columns = (_spline_matrix(n, m, order) for n, m in zip(planes.shape[1:], size_yx, strict=True))
    resampled = np.empty((len(planes), *size_yx), np.float32)
    whole = None if each_clipped else (planes.min(), planes.max())
    for plane, result in zip(planes, resampled, strict=True):
        low, high = (plane.min(), plane.max()) if whole is None else whole
        values = rows @ (columns @ plane.T.astype(np.float64)).T
        np.clip(values, low, high, out=result, casting="unsafe")
    return resampled


def resample_scores(scores: torch.Tensor, size_yx: tuple[int, ...]) -> torch.Tensor:
    """Return scores (classes, z, y, x) at another size in the plane, linearly, in half precision.

    nnU-Net stores scores so. torch's bilinear interpolation has the same places and edges as scipy, in single
    precision where scipy has double.
    """
    return interpolate(scores.float(), size=size_yx, mode="bilinear", align_corners=False).half()


@lru_cache(maxsize=16)
def _spline_matrix(n_in: int, n_out: int, order: int) -> csr_matrix:
    """Return the matrix (n_out, n_in) that takes samples to the spline's values; rows decay fast from their middle."""
    factor = 1 / (n_in / n_out)  # as skimage computes it
    columns = [zoom(unit, factor, order=order, mode="nearest", grid_mode=True) for unit in np.eye(n_in)]
    matrix = np.stack(columns, axis=1)
    return csr_matrix(np.where(np.abs(matrix) > NEGLIGIBLE, matrix, 0))

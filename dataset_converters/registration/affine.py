"""Affine alignment of two chests: boxes of their lungs first, then gradient descent on the images."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from dataset_converters.registration.chest_region import Mask
from dataset_converters.registration.frame import Frame
from dataset_converters.registration.sampling import centres, sample

SPACING_MM = 8.0
"""Resolution of the alignment."""
_ITERATIONS = 60
_STEP = 0.02
_SCALE_LIMITS = (0.6, 1.6)


@dataclass(frozen=True)
class Affine:
    """A point x of the fixed image, mm, lies at ``matrix @ x + offset_mm`` in the moving image."""

    matrix: NDArray[np.float64]
    offset_mm: NDArray[np.float64]

    def inverse(self) -> "Affine":
        """Return the affine that leads back."""
        back = np.linalg.inv(self.matrix).astype(np.float64)
        return Affine(back, -back @ self.offset_mm)

    def apply(self, points_mm: torch.Tensor) -> torch.Tensor:
        """Return where points (D, *points) lie in the other image, mm."""
        matrix, offset = (torch.from_numpy(part).to(points_mm) for part in (self.matrix, self.offset_mm))
        return torch.einsum("ij,j...->i...", matrix, points_mm) + _column(offset, points_mm)


def start_from_boxes(moving: Mask, fixed: Mask, moving_frame: Frame, fixed_frame: Frame) -> Affine:
    """Return the shift and the scale of each axis that give two masks the same centre and standard deviation.

    Scales are kept within 0.6 to 1.6. On an axis on which one mask is cut off by the image's end its length is unknown
    and 1 is taken.
    """
    boxes = [_box(mask, frame) for mask, frame in ((moving, moving_frame), (fixed, fixed_frame))]
    scale = np.clip(boxes[0].length_mm / boxes[1].length_mm, *_SCALE_LIMITS)
    scale[boxes[0].cut | boxes[1].cut] = 1.0
    return Affine(np.diag(scale), boxes[0].centre_mm - scale * boxes[1].centre_mm)


def align(
    moving: NDArray[np.float32],
    fixed: NDArray[np.float32],
    moving_frame: Frame,
    fixed_frame: Frame,
    *,
    start: Affine,
    device: str = "cpu",
) -> Affine:
    """Return the affine transform of least mean squared difference, by Adam from a start.

    Parameters
    ----------
    moving, fixed : arrays (Z, Y, X) or (Y, X)
        Intensities of 0 to 1 on their frames; beyond the moving image its outermost voxels count.
    """
    dimension = fixed.ndim
    points = centres(fixed_frame, device=device)
    middle = np.array(fixed_frame.extent_mm) / 2
    radius = float(max(middle))
    around = (points - _column(torch.from_numpy(middle).to(points), points)) / radius
    target, image = (torch.from_numpy(array).to(device)[None] for array in (fixed, moving))
    begun = start.apply(points)
    change = torch.zeros(dimension, dimension + 1, device=device, requires_grad=True)
    optimiser = torch.optim.Adam([change], lr=_STEP)
    for iteration in range(_ITERATIONS):
        optimiser.param_groups[0]["lr"] = _STEP * (1.0 - iteration / _ITERATIONS)
        added = torch.einsum("ij,j...->i...", change[:, :dimension], around) + _column(change[:, dimension], around)
        moved = sample(image, begun + radius * added, moving_frame.extent_mm, pad="border")
        loss = (moved - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    found = change.detach().cpu().double().numpy()
    turned = found[:, :dimension]
    return Affine(start.matrix + turned, start.offset_mm + radius * found[:, dimension] - turned @ middle)


@dataclass(frozen=True)
class _Box:
    centre_mm: NDArray[np.float64]
    length_mm: NDArray[np.float64]
    cut: NDArray[np.bool_]


def _box(mask: Mask, frame: Frame) -> _Box:
    """Return centre and standard deviations of a mask: less moved by a stray voxel than its outermost ones."""
    places, spacing = np.nonzero(mask), np.array(frame.spacing_mm)
    centre = np.array([place.mean() for place in places])
    length = np.array([place.std() for place in places])
    cut = np.array([place.min() == 0 or place.max() == n - 1 for place, n in zip(places, mask.shape, strict=True)])
    return _Box((centre + 0.5) * spacing, np.maximum(length, 0.5) * spacing, cut)


def _column(values: torch.Tensor, points_mm: torch.Tensor) -> torch.Tensor:
    return values.reshape(-1, *[1] * (points_mm.ndim - 1))

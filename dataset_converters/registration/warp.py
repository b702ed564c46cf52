"""How one image lies on another, and images and label maps moved with it, there and back."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from dataset_converters.registration.affine import Affine
from dataset_converters.registration.deformation import Deformation, Field
from dataset_converters.registration.frame import Frame
from dataset_converters.registration.sampling import sample

OUTSIDE_HU = -1024.0
"""Beyond the field of view of the image that is moved."""
_SLAB_VOXELS = 2_000_000

Sampling = Literal["linear", "nearest"]


@dataclass(frozen=True)
class Warp:
    """The transform between a case (moving image) and a template (fixed image).

    A point x of the template shows what the case has at ``affine(x + forward(x))``; a point y of the case goes to
    ``z + inverse(z)`` of the template, ``z = affine⁻¹(y)``. Both displacements lie on ``working``, a coarser frame of
    the template's box, and are interpolated linearly; beyond it the nearest value counts. All lengths in mm from the
    outer corner of an array (`frame.Frame`): neither origin nor direction is known here.

    Attributes
    ----------
    case, template, working : Frame
        Grids of the two images, and of the displacements.
    affine : Affine
        Template to case.
    deformation : Deformation
        Displacements in mm, float32.
    backend : str
        What found it.
    """

    case: Frame
    template: Frame
    working: Frame
    affine: Affine
    deformation: Deformation
    backend: str

    def warp_image(self, image_hu: NDArray[np.generic]) -> NDArray[np.float32]:
        """Return an image of the case on the template's grid: linear, `OUTSIDE_HU` beyond its field of view, float32.

        Memory beside image and result is bounded: slabs of about two million voxels.
        """
        self._check(image_hu, self.case, "case")
        result = np.empty(self.template.shape, np.float32)
        for slab, points in self._to_case():
            result[slab] = _linear(image_hu, points, self.case)
        return result

    def warp_labels(self, labels: NDArray[np.integer], *, sampling: Sampling = "linear") -> NDArray[np.integer]:
        """Return a label map of the case on the template's grid, 0 beyond its field of view, dtype kept.

        Parameters
        ----------
        sampling : str
            ``linear``: the label of largest linear weight, the smaller of equal ones; ``nearest``: the nearest
            voxel's.
        """
        self._check(labels, self.case, "case")
        return _moved_labels(labels, self.case, self.template, self._to_case(), sampling)

    def unwarp_labels(self, labels: NDArray[np.integer], *, sampling: Sampling = "linear") -> NDArray[np.integer]:
        """Return a label map of the template's grid on the case's, 0 beyond the template's field of view."""
        self._check(labels, self.template, "template")
        return _moved_labels(labels, self.template, self.case, self._to_template(), sampling)

    def _check(self, array: NDArray[np.generic], frame: Frame, name: str) -> None:
        if array.shape != frame.shape:
            raise ValueError(f"found an array of shape {array.shape}; wanted the {name}'s {frame.shape}")

    def _to_case(self) -> Iterator[tuple[slice, torch.Tensor]]:
        field = torch.from_numpy(self.deformation.forward)
        for slab, points in _slabs(self.template):
            yield slab, self.affine.apply(points + sample(field, points, self.working.extent_mm, pad="border"))

    def _to_template(self) -> Iterator[tuple[slice, torch.Tensor]]:
        field, back = torch.from_numpy(self.deformation.inverse), self.affine.inverse()
        for slab, points in _slabs(self.case):
            placed = back.apply(points)
            yield slab, placed + sample(field, placed, self.working.extent_mm, pad="border")


def inverse_error_mm(deformation: Deformation, working: Frame) -> Field:
    """Return how far from its start a point lies after ``inverse(forward(x))``, mm, where both stay in the box."""
    points = torch.cat([part for _, part in _slabs(working)], dim=1)
    forward, inverse = torch.from_numpy(deformation.forward), torch.from_numpy(deformation.inverse)
    there = points + forward
    error = (there + sample(inverse, there, working.extent_mm, pad="border") - points).square().sum(0).sqrt()
    found: Field = error[_inside(there, working)].numpy()
    return found


def _slabs(frame: Frame) -> Iterator[tuple[slice, torch.Tensor]]:
    """Yield ranges of the first axis with the centres of their voxels, (D, *part) mm."""
    axes = [
        (torch.arange(count, dtype=torch.float32) + 0.5) * step
        for count, step in zip(frame.shape, frame.spacing_mm, strict=True)
    ]
    thick = max(1, _SLAB_VOXELS * frame.shape[0] // int(np.prod(frame.shape)))
    for start in range(0, frame.shape[0], thick):
        part = slice(start, min(start + thick, frame.shape[0]))
        yield part, torch.stack(torch.meshgrid(axes[0][part], *axes[1:], indexing="ij"))


def _inside(points_mm: torch.Tensor, frame: Frame) -> torch.Tensor:
    ends = torch.tensor(frame.extent_mm, dtype=torch.float32).reshape(-1, *[1] * (points_mm.ndim - 1))
    return ((points_mm >= 0) & (points_mm <= ends)).all(dim=0)


def _part(
    array: NDArray[np.generic], points_mm: torch.Tensor, frame: Frame
) -> tuple[torch.Tensor, torch.Tensor, Frame]:
    """Return the range of the first axis that points need, as float32, with the points relative to it."""
    step, count = frame.spacing_mm[0], frame.shape[0]
    low = min(max(int(points_mm[0].min() // step) - 2, 0), count - 1)
    high = max(min(int(points_mm[0].max() // step) + 3, count), low + 1)
    points = points_mm.clone()
    points[0] -= low * step
    voxels = torch.from_numpy(np.ascontiguousarray(array[low:high], np.float32))
    return voxels, points, Frame((high - low, *frame.shape[1:]), frame.spacing_mm)


def _linear(image_hu: NDArray[np.generic], points_mm: torch.Tensor, frame: Frame) -> NDArray[np.float32]:
    voxels, points, part = _part(image_hu, points_mm, frame)
    values = sample(voxels[None], points, part.extent_mm, pad="border")[0]
    values[~_inside(points_mm, frame)] = OUTSIDE_HU
    moved: NDArray[np.float32] = values.numpy()
    return moved


def _moved_labels(
    labels: NDArray[np.integer],
    source: Frame,
    target: Frame,
    places: Iterator[tuple[slice, torch.Tensor]],
    sampling: Sampling,
) -> NDArray[np.integer]:
    if sampling not in ("linear", "nearest"):
        raise ValueError(f"found sampling {sampling!r}; wanted linear or nearest")
    result = np.zeros(target.shape, labels.dtype)
    for slab, points in places:
        voxels, at, part = _part(labels, points, source)
        moved = _nearest(voxels, at, part) if sampling == "nearest" else _largest(voxels, at, part)
        moved[~_inside(points, source)] = 0
        result[slab] = moved.numpy().astype(labels.dtype)
    return result


def _nearest(voxels: torch.Tensor, points_mm: torch.Tensor, frame: Frame) -> torch.Tensor:
    return sample(voxels[None], points_mm, frame.extent_mm, mode="nearest", pad="border")[0]


def _largest(voxels: torch.Tensor, points_mm: torch.Tensor, frame: Frame) -> torch.Tensor:
    values = torch.bincount(voxels.long().flatten()).nonzero()[:, 0]  # rising: the smaller of two equal labels stays
    result = torch.full(points_mm.shape[1:], float(values[0]))
    if len(values) == 1:
        return result
    most = torch.zeros_like(result)
    for value in values:
        share = sample((voxels == value).float()[None], points_mm, frame.extent_mm, pad="border")[0]
        larger = share > most + 1e-6
        result[larger], most[larger] = float(value), share[larger]
    return result

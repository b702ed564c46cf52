"""Values of an image between its voxels, in torch, at points in millimetres."""

from collections.abc import Sequence

import torch
from torch.nn import functional

from dataset_converters.registration.frame import Frame, Matrix


def centres(frame: Frame, *, device: str = "cpu") -> torch.Tensor:
    """Return the centre of every voxel in mm, (D, *shape) float32, coordinates in the order of the array's axes."""
    axes = [
        (torch.arange(count, dtype=torch.float32, device=device) + 0.5) * step
        for count, step in zip(frame.shape, frame.spacing_mm, strict=True)
    ]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))


def sample(
    images: torch.Tensor, points_mm: torch.Tensor, extent_mm: Sequence[float], *, mode: str = "bilinear", pad: str
) -> torch.Tensor:
    """Return images (C, *shape) that fill a box of ``extent_mm``, at points (D, *points): (C, *points).

    Parameters
    ----------
    mode : str
        ``bilinear`` (in 3-D trilinear) or ``nearest``.
    pad : str
        Beyond the box: ``border`` repeats the outermost voxel, ``zeros`` gives 0.
    """
    scale = 2.0 / torch.tensor(extent_mm, dtype=torch.float32, device=points_mm.device)
    place = points_mm.movedim(0, -1) * scale - 1.0
    return functional.grid_sample(images[None], place.flip(-1)[None], mode=mode, padding_mode=pad, align_corners=False)[
        0
    ]


def along_axes(field: torch.Tensor, matrices: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return a field (C, *shape) each of whose spatial axes has been multiplied by a matrix (more, count)."""
    for axis, matrix in enumerate(matrices, start=1):
        field = torch.tensordot(field, matrix, dims=([axis], [1])).movedim(-1, axis)
    return field


def as_tensors(matrices: Sequence[Matrix], device: str) -> list[torch.Tensor]:
    """Return matrices as tensors on a device."""
    return [torch.from_numpy(matrix).to(device) for matrix in matrices]

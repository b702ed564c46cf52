"""The velocity field that brings one image onto another, by gradient descent from coarse to fine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from dataset_converters.registration.frame import Frame, Matrix, coarser, interpolating, shrink, spline
from dataset_converters.registration.sampling import along_axes, as_tensors, centres, sample
from dataset_converters.registration.velocity import exponential

_STEP_MM = 1.5
_LAST_STEP = 0.2
_SQUARINGS = 5


@dataclass(frozen=True)
class Level:
    """One resolution of the descent.

    Attributes
    ----------
    coarseness : float
        Spacing of the images, relative to the working frame; the field is integrated at twice, its knots lie at twice.
    iterations : int
        Steps of the optimiser.
    """

    coarseness: float
    iterations: int


LEVELS = (Level(4.0, 40), Level(2.0, 40), Level(1.0, 15))
STIFFNESS = 0.05
"""Weight of the squared gradient of the velocity (dimensionless) against the squared difference of the images."""


@dataclass(frozen=True)
class Velocity:
    """A velocity field and what it cost.

    Attributes
    ----------
    coefficients_mm : tensor (D, *knots)
        Of cubic B-splines whose cells tile the working frame's box.
    difference : float
        Mean squared difference of the images at the last level.
    roughness : float
        Mean squared gradient of the velocity (sum over its components and the axes), dimensionless.
    """

    coefficients_mm: torch.Tensor
    difference: float
    roughness: float

    def on(self, frame: Frame) -> torch.Tensor:
        """Return the velocity in mm on a frame of the same box."""
        return along_axes(self.coefficients_mm, _between(spline, self.coefficients_mm.shape[1:], frame, self._device))

    @property
    def _device(self) -> str:
        return str(self.coefficients_mm.device)


def descend(
    moving: NDArray[np.float32],
    fixed: NDArray[np.float32],
    frame: Frame,
    *,
    weight: NDArray[np.float32],
    levels: Sequence[Level] = LEVELS,
    stiffness: float = STIFFNESS,
    device: str = "cpu",
) -> Velocity:
    """Return the velocity v of least ``mean(weight * |moving(exp(v)) - fixed|²) + stiffness * mean(|grad v|²)``.

    Adam on the coefficients of cubic B-splines, level by level; nothing is random.

    Parameters
    ----------
    moving, fixed : arrays (C, *shape)
        Channels of 0 to 1 on one frame.
    weight : array (*shape)
        What a voxel of the fixed image counts.
    """
    velocity = None
    for level in levels:
        spacing_mm = level.coarseness * min(frame.spacing_mm)
        at = coarser(frame, spacing_mm)
        images = [_shrunk(channels, at, device) for channels in (moving, fixed, weight[None])]
        knots = coarser(frame, 2.0 * spacing_mm)
        start = _start(velocity, frame, knots, device)
        velocity = _descend_level(images, start, (at, knots), level.iterations, stiffness)
    if velocity is None:
        raise ValueError("found no level; wanted at least one")
    return velocity


def _shrunk(channels: NDArray[np.float32], frame: Frame, device: str) -> torch.Tensor:
    return torch.from_numpy(np.stack([shrink(channel, frame) for channel in channels])).to(device)


def _start(velocity: Velocity | None, frame: Frame, knots: Frame, device: str) -> torch.Tensor:
    if velocity is None:
        return torch.zeros(len(frame.shape), *knots.shape, device=device)
    coarse = velocity.coefficients_mm
    return along_axes(coarse, _between(interpolating, coarse.shape[1:], knots, device))


def _descend_level(
    images: Sequence[torch.Tensor],
    start: torch.Tensor,
    frames: tuple[Frame, Frame],
    iterations: int,
    stiffness: float,
) -> Velocity:
    moving, fixed, weight = images
    at, flow = frames
    device = str(start.device)
    points, flow_points = centres(at, device=device), centres(flow, device=device)
    splines, finer = _between(spline, start.shape[1:], flow, device), _between(interpolating, flow.shape, at, device)
    share = weight / weight.mean().clamp_min(1e-6)
    coefficients = start.clone().requires_grad_()
    optimiser = torch.optim.Adam([coefficients], lr=_STEP_MM)
    for iteration in range(iterations):
        optimiser.param_groups[0]["lr"] = _STEP_MM * (1.0 - (1.0 - _LAST_STEP) * iteration / iterations)
        velocity = along_axes(coefficients, splines)
        shift = exponential(velocity, flow_points, flow.extent_mm, squarings=_SQUARINGS)
        moved = sample(moving, points + along_axes(shift, finer), at.extent_mm, pad="border")
        difference = (share * (moved - fixed).square()).mean()
        roughness = _squared_gradient(velocity, flow.spacing_mm)
        optimiser.zero_grad()
        (difference + stiffness * roughness).backward()
        optimiser.step()
    return Velocity(coefficients.detach(), float(difference.detach()), float(roughness.detach()))


def _squared_gradient(velocity: torch.Tensor, spacing_mm: Sequence[float]) -> torch.Tensor:
    """Return the mean squared slope of a field (D, *shape), summed over components and axes."""
    total = velocity.new_zeros(())
    for axis, step in enumerate(spacing_mm, start=1):
        if velocity.shape[axis] > 1:
            total = total + len(velocity) * (velocity.diff(dim=axis) / step).square().mean()
    return total


def _between(make: Callable[[int, int], Matrix], shape: Sequence[int], frame: Frame, device: str) -> list[torch.Tensor]:
    return as_tensors([make(count, more) for count, more in zip(shape, frame.shape, strict=True)], device)

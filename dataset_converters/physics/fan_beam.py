"""Projection, filter and backprojection of an equiangular fan over a full turn, in torch.

Kak and Slaney 1988, Principles of Computerized Tomographic Imaging, section 3.4.1. Angles are counted at the source;
the step of the fan is a pixel of the object at the centre of rotation. Windows act on cycles/mm at that centre:
a point nearer to the source is drawn larger on the detector, so over a full turn resolution falls a little from the
centre outwards, as on scanners.
"""

import numpy as np
from numpy.typing import NDArray

from dataset_converters.physics.kernels import Kernel, ramp_window
from dataset_converters.physics.parallel_beam import padded_length, ramp_samples


def fan_detectors(size: int, fine_mm: float, source_mm: float) -> int:
    """Return how many detectors see the circle inside an object of ``size`` pixels a side.

    Raises
    ------
    ValueError
        The source lies inside that circle.
    """
    radius_mm = size * fine_mm / 2
    if not source_mm > radius_mm:
        raise ValueError(f"found a source {source_mm:g} mm from the centre; wanted more than {radius_mm:g} mm")
    return int(np.ceil(2 * np.arcsin(radius_mm / source_mm) * source_mm / fine_mm))


def object_size(detectors: int, fine_mm: float, source_mm: float) -> int:
    """Return the pixels a side of the object that `fan_detectors` gave this number for."""
    return int(np.floor(2 * source_mm / fine_mm * np.sin(detectors * fine_mm / source_mm / 2) + 1e-9))


def project_fan(attenuation: NDArray[np.float32], fine_mm: float, source_mm: float, views: int) -> NDArray[np.float64]:
    """Return line integrals (views, detectors) of a square object (N, N) given in attenuation a pixel."""
    import torch
    from torch.nn import functional

    plane, size = torch.from_numpy(attenuation)[None, None], len(attenuation)
    fan = torch.from_numpy(_fan_angles(fan_detectors(size, fine_mm, source_mm), fine_mm / source_mm)).float()
    steps = (torch.arange(size, dtype=torch.float32) - (size - 1) / 2) * fine_mm
    along = source_mm * torch.cos(fan)[:, None] + steps[None, :]  # of the ray, from the source
    across, ahead = along * torch.sin(fan)[:, None], along * torch.cos(fan)[:, None] - source_mm
    rows = []
    for angle in _views(views):
        x, y = across * np.cos(angle) - ahead * np.sin(angle), across * np.sin(angle) + ahead * np.cos(angle)
        grid = torch.stack([x, y], dim=-1)[None] / (size * fine_mm / 2)
        seen = functional.grid_sample(plane, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        rows.append(seen[0, 0].sum(dim=1).numpy())
    return np.stack(rows).astype(np.float64)


def filter_fan(sinogram: NDArray[np.float32], fine_mm: float, source_mm: float, kernel: Kernel) -> NDArray[np.float32]:
    """Return the rows after their weights, ``D cos(gamma)``, and ``(gamma / sin(gamma))^2 / 2`` times the ramp."""
    detectors, step = sinogram.shape[1], fine_mm / source_mm
    length = padded_length(detectors)
    angle = np.fft.fftfreq(length, 1.0 / length) * step
    ramp = np.fft.rfft(ramp_samples(length, step)).real * ramp_window(kernel, np.fft.rfftfreq(length, fine_mm))
    response = np.fft.rfft(0.5 / np.sinc(angle / np.pi) ** 2 * np.fft.irfft(ramp, n=length)).real
    weighted = sinogram * (source_mm * np.cos(_fan_angles(detectors, step)))
    spectrum = np.fft.rfft(weighted, n=length, axis=1) * (step * response)
    return np.fft.irfft(spectrum, n=length, axis=1)[:, :detectors].astype(np.float32)


def backproject_fan(
    filtered: NDArray[np.float32], size: int, pixel_mm: float, *, fine_mm: float, source_mm: float
) -> NDArray[np.float32]:
    """Return attenuation per mm (kernels, size, size) from rows (views, kernels, detectors), weighted by ``1 / L^2``.

    ``L`` is the distance from source to pixel; rows are interpolated linearly.
    """
    import torch
    from torch.nn import functional

    rows, half_fan = torch.from_numpy(filtered), filtered.shape[2] * fine_mm / source_mm / 2
    centre = (torch.arange(size, dtype=torch.float32) - (size - 1) / 2) * pixel_mm
    y, x = torch.meshgrid(centre, centre, indexing="ij")
    images = torch.zeros(filtered.shape[1], size, size)
    for view, angle in enumerate(_views(len(filtered))):
        across = x * np.cos(angle) + y * np.sin(angle)
        ahead = source_mm - x * np.sin(angle) + y * np.cos(angle)
        position = torch.atan2(across, ahead) / half_fan
        grid = torch.stack([position, torch.zeros_like(position)], dim=-1)[None]
        row = rows[view][None, :, None, :]
        seen = functional.grid_sample(row, grid, mode="bilinear", padding_mode="zeros", align_corners=False)[0]
        images += seen / (across**2 + ahead**2)
    return np.asarray(images.numpy() * (2 * np.pi / len(filtered)), np.float32)


def _fan_angles(detectors: int, step: float) -> NDArray[np.float64]:
    return np.asarray((np.arange(detectors) - (detectors - 1) / 2) * step, np.float64)


def _views(views: int) -> NDArray[np.float64]:
    return np.arange(views) * 2 * np.pi / views

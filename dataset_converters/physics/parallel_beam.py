"""Projection, filter and backprojection of a parallel beam over half a turn, in torch."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset_converters.physics.kernels import Kernel, ramp_window


def project_parallel(attenuation: NDArray[np.float32], views: int) -> NDArray[np.float64]:
    """Return line integrals (views, N) of a square object (N, N) given in attenuation a pixel; N detectors."""
    import torch
    from torch.nn import functional

    plane = torch.from_numpy(attenuation)[None, None]
    rows = []
    for angle in parallel_angles(views):
        turn = torch.tensor([[[np.cos(angle), -np.sin(angle), 0.0], [np.sin(angle), np.cos(angle), 0.0]]])
        grid: Any = functional.affine_grid(turn.float(), [1, 1, *plane.shape[2:]], align_corners=False)
        turned = functional.grid_sample(plane, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        rows.append(turned[0, 0].sum(dim=0).numpy())
    return np.stack(rows).astype(np.float64)


def filter_parallel(sinogram: NDArray[np.float32], fine_mm: float, kernel: Kernel) -> NDArray[np.float32]:
    """Return the rows (views, detectors) after ramp and window (Kak and Slaney 1988, equation 3.61)."""
    detectors = sinogram.shape[1]
    length = padded_length(detectors)
    response = fine_mm * np.fft.rfft(ramp_samples(length, fine_mm)).real
    response *= ramp_window(kernel, np.fft.rfftfreq(length, fine_mm))
    spectrum = np.fft.rfft(sinogram, n=length, axis=1) * response
    return np.fft.irfft(spectrum, n=length, axis=1)[:, :detectors].astype(np.float32)


def backproject_parallel(filtered: NDArray[np.float32], size: int, step: int) -> NDArray[np.float32]:
    """Return attenuation per mm (kernels, size, size) from rows (views, kernels, detectors).

    ``step`` is the width of a pixel in detectors; rows are interpolated linearly.
    """
    import torch
    from torch.nn import functional

    rows, detectors = torch.from_numpy(filtered), filtered.shape[2]
    centre = (torch.arange(size, dtype=torch.float32) - (size - 1) / 2) * step
    y, x = torch.meshgrid(centre, centre, indexing="ij")
    images = torch.zeros(filtered.shape[1], size, size)
    for view, angle in enumerate(parallel_angles(len(filtered))):
        position = (x * np.cos(angle) + y * np.sin(angle)) / (detectors / 2)
        grid = torch.stack([position, torch.zeros_like(position)], dim=-1)[None]
        row = rows[view][None, :, None, :]
        images += functional.grid_sample(row, grid, mode="bilinear", padding_mode="zeros", align_corners=False)[0]
    return images.numpy() * np.float32(np.pi / len(filtered))


def parallel_angles(views: int) -> NDArray[np.float64]:
    """Return the angles of the views over half a turn."""
    return np.arange(views) * np.pi / views


def padded_length(detectors: int) -> int:
    """Return a length of transform at which a filtered row does not wrap round."""
    return 1 << int(np.ceil(np.log2(2 * detectors)))


def ramp_samples(length: int, pitch: float) -> NDArray[np.float64]:
    """Return the ramp sampled in space, in the order of a transform, so that its mean is right (equation 3.61)."""
    index = np.fft.fftfreq(length, 1.0 / length).round().astype(int)
    ramp = np.zeros(length)
    ramp[0] = 0.25
    odd = index % 2 != 0
    ramp[odd] = -1.0 / (np.pi * index[odd]) ** 2
    return ramp / pitch**2

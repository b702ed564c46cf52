"""Stationary velocity field in torch, the default: an inverse of its own, 2-D and 3-D, CPU or GPU.

AtlasNet (Vakalopoulou et al. 2018, MICCAI) registered with a discrete Markov random field over B-splines and a sum of
similarities; no public implementation of it is known. Here the deformation is ``exp(v)`` (Ashburner 2007, NeuroImage
38:95), found by gradient descent on squared differences: it cannot fold where it is resolved, and ``exp(-v)`` leads
back.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from dataset_converters.registration.deformation import Deformation
from dataset_converters.registration.frame import Frame
from dataset_converters.registration.sampling import centres
from dataset_converters.registration.velocity import exponential
from dataset_converters.registration.velocity_descent import descend

_SQUARINGS = 7


def deform(
    moving: NDArray[np.float32],
    fixed: NDArray[np.float32],
    frame: Frame,
    *,
    weight: NDArray[np.float32],
    seed: int = 0,
    device: str = "cpu",
) -> Deformation:
    """Return ``exp(v)`` and ``exp(-v)`` on the frame; see `velocity_descent.descend`.

    Parameters
    ----------
    seed : int
        Not used: nothing is random.
    """
    del seed
    velocity_mm = descend(moving, fixed, frame, weight=weight, device=device).on(frame)
    points = centres(frame, device=device)
    with torch.no_grad():
        both = [exponential(sign * velocity_mm, points, frame.extent_mm, squarings=_SQUARINGS) for sign in (1.0, -1.0)]
    forward, inverse = (field.cpu().numpy() for field in both)
    return Deformation(forward, inverse)

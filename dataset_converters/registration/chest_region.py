"""Where body and lungs are in a CT, from the image alone: boxes good enough to start a registration."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

AIR_HU = -400.0
"""Between aerated lung and soft tissue."""
_SMALLEST_LUNG = {3: 2.0e5, 2: 2.0e3}
"""Smallest region of air that is taken for lung: 0.2 l in 3-D, mm³; 20 cm² in 2-D, mm²."""

Mask = NDArray[np.bool_]


def find_body(image_hu: NDArray[np.floating]) -> Mask:
    """Return the largest region above `AIR_HU` with what it encloses, all False if there is none."""
    regions, count = ndimage.label(image_hu > AIR_HU)
    if not count:
        return np.zeros(image_hu.shape, bool)
    largest = np.argmax(np.bincount(regions.ravel())[1:]) + 1
    body = regions == largest
    planes = body if body.ndim == 3 else body[None]  # lungs cut open by the first or last slice count as enclosed
    filled = np.stack([ndimage.binary_fill_holes(plane) for plane in planes])
    return filled if body.ndim == 3 else filled[0]


def find_lungs(image_hu: NDArray[np.floating], voxel: float) -> Mask:
    """Return the air inside the body in regions the size of a lung, all False if there is none.

    Airways belong to it, dense disease does not: this places a box, it is no segmentation. A lung that the edge of
    the field of view cuts open at the side is outside air here, and missed.

    Parameters
    ----------
    image_hu : array (Z, Y, X) or (Y, X)
        HU at a coarse resolution (3 to 8 mm).
    voxel : float
        Size of a voxel, mm³ or mm².
    """
    regions, _ = ndimage.label((image_hu < AIR_HU) & find_body(image_hu))
    sizes = np.bincount(regions.ravel()) * voxel
    sizes[0] = 0.0
    found: Mask = np.isin(regions, np.flatnonzero(sizes >= _SMALLEST_LUNG[image_hu.ndim]))
    return found

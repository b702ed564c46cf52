"""A lung mask as layers: right and left in two colours where the study tells them apart."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from analysis.figure_parts.picture_grid import Layer
from analysis.mask_pair import Mask

RIGHT, LEFT = "right_lung", "left_lung"
RIGHT_COLOUR, LEFT_COLOUR = "#56B4E9", "#E69F00"


def lung_layers(masks: Mapping[str, Mask], lung: str) -> tuple[Layer, ...]:
    """Return the layers of a slice's lung mask (y, x).

    What belongs to the lung but to neither side (disease of a study that has no sides of it) takes the colour of the
    nearest side, in voxels. Without sides the lung is one layer.
    """
    whole = masks[lung]
    sides = [masks[name] & whole for name in (RIGHT, LEFT) if name in masks]
    if len(sides) < 2 or not any(side.any() for side in sides):
        return (Layer(whole, RIGHT_COLOUR, "Lung"),)
    right, left = _with_the_rest(whole, sides[0], sides[1])
    return Layer(right, RIGHT_COLOUR, "Right lung"), Layer(left, LEFT_COLOUR, "Left lung", line="--")


def _with_the_rest(whole: Mask, right: Mask, left: Mask) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    side = np.where(right, 1, np.where(left, 2, 0))
    nearest = ndimage.distance_transform_edt(side == 0, return_distances=False, return_indices=True)
    side = np.where(whole, side[tuple(nearest)], 0)
    return side == 1, side == 2

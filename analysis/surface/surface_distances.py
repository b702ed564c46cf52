"""The distances between two surfaces, element by element: what every surface metric is computed from."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Values: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SurfaceDistances:
    """Distance from every surface element of each mask to the nearest element of the other mask.

    A surface element lies on a corner where voxels of the mask and of the background meet. Both arrays of a direction
    are sorted by distance, elements at the same distance by area. If one mask is empty its arrays are empty and all
    distances of the other are inf; if both are empty so are all four arrays.

    Attributes
    ----------
    reference_to_prediction_mm, prediction_to_reference_mm : float64 array (elements,)
        Distance to the nearest element of the other surface.
    reference_areas_mm2, prediction_areas_mm2 : float64 array (elements,)
        Area of each element; in 2-D the length of each contour element in mm.
    """

    reference_to_prediction_mm: Values
    prediction_to_reference_mm: Values
    reference_areas_mm2: Values
    prediction_areas_mm2: Values

    @property
    def both_empty(self) -> bool:
        """Whether neither mask has a surface."""
        return not self.reference_areas_mm2.size and not self.prediction_areas_mm2.size

    @property
    def one_empty(self) -> bool:
        """Whether exactly one mask has no surface."""
        return bool(self.reference_areas_mm2.size) != bool(self.prediction_areas_mm2.size)

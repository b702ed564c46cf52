"""The grids of one patient: the image, the fine grid it is rendered from, the control grid of smooth shapes."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataset_converters.phantom.fields import Axes
from dataset_converters.phantom.traits import Traits
from dataset_converters.physics.rendering import Sampling

FIELD_OF_VIEW_MM = 360.0
CHEST_HEIGHT_MM = 310.0
COARSEST_RENDER_MM = 0.8
"""Resolves 0.62 cycles/mm in every direction, nearly all that the lung kernel passes."""
CONTROL_PIXELS = 128


@dataclass(frozen=True)
class PatientGrid:
    """Grids of one patient; all share planes and the centre of the field of view.

    Attributes
    ----------
    image : Axes
        Pixel centres of the image.
    fine : Axes
        The grid the object is drawn on, at most 0.8 mm apart; every ``sampling.steps_yx``-th sample is a pixel.
    control : Axes
        The grid on which smooth shapes are evaluated.
    spacing_zyx_mm : tuple
        Spacing of the image.
    """

    image: Axes
    fine: Axes
    control: Axes
    spacing_zyx_mm: tuple[float, float, float]
    sampling: Sampling


def make_grid(traits: Traits, size_zyx: tuple[int, int, int], *, control_pixels: int = CONTROL_PIXELS) -> PatientGrid:
    """Grids of the image of ``size_zyx`` voxels that shows the whole chest of this patient.

    The field of view is about 360 x 360 x 310 mm and follows the size of the patient, as in practice.
    """
    view_mm, height_mm = FIELD_OF_VIEW_MM * max(traits.width, 0.97 * traits.depth), CHEST_HEIGHT_MM * traits.height
    planes, rows, columns = size_zyx
    pitch = (view_mm / rows, view_mm / columns)
    steps = (math.ceil(pitch[0] / COARSEST_RENDER_MM), math.ceil(pitch[1] / COARSEST_RENDER_MM))
    z = (np.arange(planes) + 0.5) * height_mm / planes
    y, x = _centres(rows, view_mm), _centres(columns, view_mm)
    fine_y, fine_x = (_subdivide(axis, step) for axis, step in zip((y, x), steps, strict=True))
    control = _centres(control_pixels, view_mm)
    return PatientGrid(
        image=Axes(z, y, x),
        fine=Axes(z, fine_y, fine_x),
        control=Axes(z, control, control),
        spacing_zyx_mm=(height_mm / planes, *pitch),
        sampling=Sampling((len(fine_y), len(fine_x)), (pitch[0] / steps[0], pitch[1] / steps[1]), steps),
    )


def _centres(count: int, view_mm: float) -> NDArray[np.float64]:
    return (np.arange(count) + 0.5) * view_mm / count - view_mm / 2.0


def _subdivide(centres: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    pitch = (centres[1] - centres[0]) / steps
    return centres[0] + pitch * np.arange(len(centres) * steps)

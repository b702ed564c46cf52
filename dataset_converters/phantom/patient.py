"""One simulated patient: the true labels, and the images of every kernel asked for."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dataset_converters.phantom.anatomy import shape_anatomy
from dataset_converters.phantom.chest_wall import paint_chest_wall, prepare_chest_wall
from dataset_converters.phantom.fields import Array, Axes, refine
from dataset_converters.phantom.grid import PatientGrid, make_grid
from dataset_converters.phantom.lung_tissue import paint_lungs, prepare_lung_tissue
from dataset_converters.phantom.traits import draw_traits
from dataset_converters.physics.kernels import KERNELS
from dataset_converters.physics.projection import noise_level_map
from dataset_converters.physics.rendering import render_slice

VARIANT_KERNELS = {"LK": "B70f", "MK": "B30f", "SK": "B50f", "BK": "B10f"}
PAIR = ("LK", "MK")
_NOISE_PIXELS = 64


@dataclass(frozen=True)
class PatientKey:
    """What determines a patient completely."""

    seed: int
    number: int
    size_zyx: tuple[int, int, int]
    diseases: tuple[str, ...]
    variants: tuple[str, ...] = PAIR


@dataclass(frozen=True)
class Patient:
    """A rendered patient.

    Attributes
    ----------
    images : mapping
        Variant to HU, int16 (Z, Y, X).
    labels : array
        True labels, uint8 (Z, Y, X).
    spacing_zyx_mm : tuple
        Voxel size.
    """

    images: dict[str, NDArray[np.int16]]
    labels: NDArray[np.uint8]
    spacing_zyx_mm: tuple[float, float, float]


@lru_cache(maxsize=1)
def make_patient(key: PatientKey) -> Patient:
    """Draw and render one patient; the last one is remembered, since images and readers ask for the same."""
    traits = draw_traits(key.seed, key.number, key.diseases)
    grid = make_grid(traits, key.size_zyx)
    anatomy = shape_anatomy(traits, grid.control)
    wall = prepare_chest_wall(traits, anatomy, grid.control, grid.fine)
    lungs = prepare_lung_tissue(traits, anatomy, grid.control, grid.fine)
    images = np.empty((len(key.variants), *key.size_zyx), np.int16)
    labels = np.empty(key.size_zyx, np.uint8)
    kernels = [KERNELS[VARIANT_KERNELS[name]] for name in key.variants]
    rng = traits.rng(6)
    for k in range(key.size_zyx[0]):
        hu = paint_chest_wall(wall, k)
        labels[k] = _at_pixels(paint_lungs(lungs, k, hu), grid)
        noise_hu = traits.noise_hu * _noise_level(hu, grid)
        rendered = render_slice(
            hu, grid.sampling, kernels=kernels, noise_hu=noise_hu, reference=KERNELS["B30f"], rng=rng
        )
        images[:, k] = np.rint(rendered)
    return Patient(dict(zip(key.variants, images, strict=True)), labels, grid.spacing_zyx_mm)


def _at_pixels(fine: NDArray[np.uint8], grid: PatientGrid) -> NDArray[np.uint8]:
    return fine[:: grid.sampling.steps_yx[0], :: grid.sampling.steps_yx[1]]


def _noise_level(hu: Array, grid: PatientGrid) -> Array:
    view_mm = grid.image.x_mm[-1] - grid.image.x_mm[0] + grid.spacing_zyx_mm[2]
    centres = (np.arange(_NOISE_PIXELS) + 0.5) * view_mm / _NOISE_PIXELS - view_mm / 2.0
    rows, columns = np.searchsorted(grid.fine.y_mm[:-1], centres), np.searchsorted(grid.fine.x_mm[:-1], centres)
    level = noise_level_map(hu[np.ix_(rows, columns)], view_mm / _NOISE_PIXELS)
    plane = np.zeros(1)
    coarse, image = Axes(plane, centres, centres), Axes(plane, grid.image.y_mm, grid.image.x_mm)
    return refine(level[None], coarse, image).plane(0)

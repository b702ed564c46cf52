"""Vessels and airways of one patient, from trachea and hila to the lung periphery."""

import numpy as np
from numpy.typing import NDArray

from dataset_converters.phantom.anatomy import Anatomy
from dataset_converters.phantom.fields import Axes
from dataset_converters.phantom.traits import Traits
from dataset_converters.phantom.trees import Tubes, draw_tubes, grow_tree, join, subdivide

VESSEL, AIRWAY_WALL, LUMEN = 1, 2, 4

_CARINA_SHARE, _HILUM_SHARE = 0.64, 0.54
_VESSEL_TARGETS, _AIRWAY_TARGETS = 230, 32


def draw_bronchovascular_tree(traits: Traits, anatomy: Anatomy, control: Axes, fine: Axes) -> NDArray[np.uint8]:
    """Bit mask on ``fine``, (Z, Y, X): ``VESSEL``, ``AIRWAY_WALL`` and ``LUMEN``."""
    rng = traits.rng(2)
    mask = np.zeros(fine.shape, np.uint8)
    for side in (-1, 1):
        candidates = _lung_points(anatomy, control, side)
        hilum = _hilum(traits, side)
        artery = grow_tree(hilum, _pick(rng, candidates, _VESSEL_TARGETS), leaf_radius_mm=0.8, largest_mm=6.5)
        bronchi = grow_tree(hilum, _pick(rng, candidates, _AIRWAY_TARGETS), leaf_radius_mm=1.0, largest_mm=4.5)
        draw_tubes(mask, fine, subdivide(artery, rng, bend=0.12), bit=VESSEL)
        draw_tubes(mask, fine, bronchi, bit=AIRWAY_WALL, wall_mm=0.8)
        draw_tubes(mask, fine, bronchi, bit=LUMEN)
    central = _central_airway(traits)
    draw_tubes(mask, fine, central, bit=AIRWAY_WALL, wall_mm=1.5)
    draw_tubes(mask, fine, central, bit=LUMEN)
    return mask


def _height(traits: Traits, share: float) -> float:
    return (0.08 + 0.86 * share) * 310.0 * traits.height


def _hilum(traits: Traits, side: int) -> NDArray[np.float64]:
    return np.array([_height(traits, _HILUM_SHARE), 14.0 * traits.depth, side * 34.0 * traits.width])


def _lung_points(anatomy: Anatomy, control: Axes, side: int) -> NDArray[np.float64]:
    inside = (anatomy.lung_mm > 4.0) & (np.sign(control.x_mm) == side)
    z, y, x = np.nonzero(inside)
    return np.stack([control.z_mm[z], control.y_mm[y], control.x_mm[x]], axis=1)


def _pick(rng: np.random.Generator, points: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    chosen = points[rng.integers(len(points), size=count)]
    return chosen + rng.uniform(-2.0, 2.0, chosen.shape)


def _central_airway(traits: Traits) -> Tubes:
    top = np.array([_height(traits, 1.1), 22.0 * traits.depth, 0.0])
    carina = np.array([_height(traits, _CARINA_SHARE), 16.0 * traits.depth, 0.0])
    trachea = Tubes(top[None], carina[None], np.array([8.5 * traits.width]))
    mains = [Tubes(carina[None], _hilum(traits, side)[None], np.array([6.0 * traits.width])) for side in (-1, 1)]
    return join(trachea, *mains)

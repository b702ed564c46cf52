"""Hounsfield units of everything around the lungs: wall, ribs, spine, mediastinum, abdomen."""

from dataclasses import dataclass

import numpy as np

from dataset_converters.phantom.anatomy import AORTA_RADIUS_MM, SPINE_Y_MM, Anatomy
from dataset_converters.phantom.fields import Array, Axes, Field, random_field, refine
from dataset_converters.phantom.traits import Traits

AIR_HU, FAT_HU, MUSCLE_HU, BLOOD_HU, LIVER_HU = -1000.0, -105.0, 48.0, 42.0, 58.0
_CARTILAGE_HU, _STERNUM_HU = 110.0, 180.0
_RIB_DISTANCE_MM, _RIB_SLOPE = 24.0, 0.7


@dataclass(frozen=True)
class ChestWall:
    """Levels on the fine grid that the soft tissue and bone of one patient are painted from."""

    traits: Traits
    fine: Axes
    body: Field
    cavity: Field
    heart: Field
    above_diaphragm_mm: Field
    fat: Field


def prepare_chest_wall(traits: Traits, anatomy: Anatomy, control: Axes, fine: Axes) -> ChestWall:
    """Everything that ``paint_chest_wall`` needs, computed once per patient."""
    body = np.broadcast_to(anatomy.body, control.shape)
    return ChestWall(
        traits,
        fine,
        body=refine(body, control, fine),
        cavity=refine(anatomy.cavity, control, fine),
        heart=refine(anatomy.heart, control, fine),
        above_diaphragm_mm=refine(anatomy.above_diaphragm_mm, control, fine),
        fat=random_field(traits.rng(4), fine, (30.0, 16.0, 16.0)),
    )


def paint_chest_wall(wall: ChestWall, k: int) -> Array:
    """Plane ``k`` of the object without lungs, in HU: (Y, X) on the fine grid."""
    body, cavity, fat = wall.body.plane(k), wall.cavity.plane(k), wall.fat.plane(k)
    y = np.asarray(wall.fine.y_mm, np.float32)[:, None] / np.float32(wall.traits.depth)
    x = np.asarray(wall.fine.x_mm, np.float32)[None, :] / np.float32(wall.traits.width)
    hu = np.full(body.shape, AIR_HU, np.float32)
    hu[body < 1.0] = FAT_HU
    hu[(body < 0.9 + 0.02 * fat) & (fat < 1.3)] = MUSCLE_HU
    inside = cavity < 1.02
    hu[inside] = np.where(fat[inside] > 0.4, FAT_HU, MUSCLE_HU - 8.0)
    _paint_abdomen(hu, inside & (wall.above_diaphragm_mm.plane(k) < -2.0), x, fat)
    heart = wall.heart.plane(k)
    hu[inside & (heart < 1.05)] = FAT_HU + 10.0
    hu[inside & (heart < 1.0 - 0.01 * fat)] = BLOOD_HU
    _paint_ribs(hu, cavity, y, x, z_mm=float(wall.fine.z_mm[k]))
    _paint_spine(hu, y, x, phase=float(wall.fine.z_mm[k] / 27.0) % 1.0)
    hu[np.hypot(y - 42.0, x - 17.0) < AORTA_RADIUS_MM] = BLOOD_HU
    return hu


def _paint_abdomen(hu: Array, below: np.ndarray, x: Array, fat: Array) -> None:
    right = below & (x < 25.0 + 8.0 * fat)
    left = below & ~right
    hu[left] = np.where(fat[left] > 0.2, FAT_HU, MUSCLE_HU)
    hu[right] = LIVER_HU


def _paint_ribs(hu: Array, cavity: Array, y: Array, x: Array, *, z_mm: float) -> None:
    rows, columns = np.nonzero(np.abs(cavity - 1.08) < 0.05)
    wall, y_wall, x_wall = cavity[rows, columns], y[rows, 0], x[0, columns]
    # A rib falls from back to front, so one plane cuts several ribs at different places along the wall.
    phase = np.abs(((z_mm - _RIB_SLOPE * y_wall - 0.12 * np.abs(x_wall)) / _RIB_DISTANCE_MM) % 1.0 - 0.5)
    distance = np.hypot((wall - 1.075) / 0.045, phase / 0.22)
    bone = np.where(distance < 0.72, 220.0, 550.0)
    bone[(y_wall < -68.0) & (np.abs(x_wall) < 75.0)] = _CARTILAGE_HU
    painted = np.where(distance < 1.0, bone, hu[rows, columns])
    painted[(np.abs(x_wall) < 16.0) & (y_wall < -60.0)] = _STERNUM_HU
    hu[rows, columns] = painted


def _paint_spine(hu: Array, y: Array, x: Array, *, phase: float) -> None:
    rows = slice(*np.searchsorted(y[:, 0], [SPINE_Y_MM - 15.0, SPINE_Y_MM + 45.0]))
    columns = slice(*np.searchsorted(x[0], [-31.0, 31.0]))
    hu, y, x = hu[rows, columns], y[rows] - SPINE_Y_MM, x[:, columns]
    is_disc = phase < 0.2
    body = np.hypot(x / 17.0, y / 14.5)
    arch = np.hypot(x / 14.0, (y - 21.0) / 11.0)
    process = (np.abs(x) < 3.5) & (y > 28.0) & (y < 44.0)
    transverse = (np.abs(y - 20.0) < 4.5) & (np.abs(x) < 30.0) & (0.3 < phase < 0.8)
    hu[body < 1.0] = 90.0 if is_disc else 480.0
    hu[body < 0.88] = 80.0 if is_disc else 190.0
    hu[((arch < 1.0) | process | transverse) & (body >= 1.0)] = 420.0
    hu[np.hypot(x / 8.5, (y - 21.5) / 7.5) < 1.0] = 25.0

"""Shapes of body, thoracic cavity, lungs, heart and diaphragm as level functions."""

from dataclasses import dataclass

import numpy as np

from dataset_converters.phantom.fields import Array, Axes, random_field, smooth_minimum
from dataset_converters.phantom.traits import Traits

SPINE_Y_MM = 66.0
AORTA_RADIUS_MM = 12.0


@dataclass(frozen=True)
class Anatomy:
    """Level functions on the control grid, (Z, Y, X) or broadcastable to it.

    Attributes
    ----------
    body : array
        1 at the skin, 0 in the centre.
    cavity : array
        1 at the inside of the chest wall, 0 in the centre.
    heart : array
        1 at the pericardium, below 1 inside.
    lung_mm : array
        About the distance to the lung surface in mm, positive inside either lung; right lung is ``x < 0``.
    costal_mm : array
        About the distance to chest wall or diaphragm in mm, positive inside.
    above_diaphragm_mm : array
        Height above the diaphragm, negative in the abdomen.
    apex : array
        Height as a share of the lung: 0 at the lowest recess, 1 at the apex; (Z, 1, 1).
    """

    body: Array
    cavity: Array
    heart: Array
    lung_mm: Array
    costal_mm: Array
    above_diaphragm_mm: Array
    apex: Array


def shape_anatomy(traits: Traits, axes: Axes) -> Anatomy:
    """The chest of one patient on the planes, rows and columns of ``axes``."""
    rng = traits.rng(1)
    wobble = random_field(rng, axes, (70.0, 60.0, 60.0)).volume()
    z, y, x = axes.open()
    x, y = x / np.float32(traits.width), y / np.float32(traits.depth)
    height_mm = 310.0 * traits.height
    apex = (z / height_mm - 0.08) / 0.86
    cavity = _cavity(apex, y, x) + 0.012 * wobble
    heart = _heart(apex, y, x, size=rng.uniform(0.9, 1.12)) + 0.04 * wobble
    above = z - _diaphragm_height(y, x, height_mm, dome_mm=rng.uniform(45.0, 65.0)) - 3.0 * wobble
    wall_mm = (1.0 - cavity) * _half_depth(apex)
    mediastinum = _mediastinum_half_width(apex, y, x)
    spine = np.hypot(x, y - SPINE_Y_MM) - 21.0 - 2.0 * np.clip(x / 20.0, 0.0, 1.0)
    lung = smooth_minimum([wall_mm - 2.0, above, np.abs(x) - mediastinum, (heart - 1.06) * 45.0, spine], 3.0)
    return Anatomy(
        body=_superellipse(y / 118.0, x / 165.0, 2.5),
        cavity=cavity,
        heart=heart,
        lung_mm=lung,
        costal_mm=np.minimum(wall_mm, above),
        above_diaphragm_mm=above,
        apex=apex,
    )


def lung_planes(traits: Traits, axes: Axes) -> tuple[int, int]:
    """First and last plane that shows lung."""
    shown = np.flatnonzero((shape_anatomy(traits, axes).lung_mm > 0.0).any(axis=(1, 2)))
    return int(shown[0]), int(shown[-1])


def _superellipse(y: Array, x: Array, power: float) -> Array:
    return (np.abs(y) ** power + np.abs(x) ** power) ** np.float32(1.0 / power)


def _half_depth(apex: Array) -> Array:
    return 88.0 * np.sqrt(np.clip(1.0 - np.clip(apex, 0.0, 1.0) ** 4, 0.02, None))


def _cavity(apex: Array, y: Array, x: Array) -> Array:
    half_width = 134.0 * np.clip(1.0 - np.clip(apex, 0.0, 1.0) ** 3, 0.03, None) ** 0.5
    return _superellipse((y - 2.0 - 14.0 * np.clip(apex, 0.0, 1.0) ** 2) / _half_depth(apex), x / half_width, 2.3)


def _heart(apex: Array, y: Array, x: Array, *, size: float) -> Array:
    forward, side, up = (y + 26.0) / 46.0, (x - 18.0) / 60.0, (apex - 0.26) / 0.25
    return np.sqrt((forward + 0.35 * side) ** 2 + side**2 + up**2) / np.float32(size)


def _diaphragm_height(y: Array, x: Array, height_mm: float, *, dome_mm: float) -> Array:
    dome = 1.0 - ((np.abs(x) - 62.0) / 72.0) ** 2 - ((y + 12.0) / 92.0) ** 2
    right = 1.0 - 0.22 * (x > 0.0)
    return 0.08 * height_mm + dome_mm * np.clip(dome, -0.2, None) * right


def _mediastinum_half_width(apex: Array, y: Array, x: Array) -> Array:
    middle = 20.0 * np.exp(-(((y - 12.0) / 38.0) ** 2))
    upper = 8.0 * np.exp(-(((apex - 0.75) / 0.2) ** 2))
    aorta = 8.0 * np.exp(-(((y - 40.0) / 16.0) ** 2)) * (x > 0.0)
    return 6.0 + middle + upper * (y > -60.0) + aorta

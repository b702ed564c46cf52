"""Where the diseases of one patient are: level functions whose positive part is the disease."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataset_converters.phantom.anatomy import Anatomy
from dataset_converters.phantom.fields import Array, Axes, random_field
from dataset_converters.phantom.traits import Traits

_NOWHERE = -1.0
_ALL_OR_NONE = 1.0e3  # finite: levels are interpolated, and infinity times zero is not zero


@dataclass(frozen=True)
class DiseaseMap:
    """Level functions on the control grid, (Z, Y, X), positive inside.

    Attributes
    ----------
    interstitial : array
        All interstitial disease together.
    patterns : mapping
        Pattern name to its level; inside ``interstitial`` the first positive one holds, in the order given,
        and ground glass where none is.
    effusion, tumour : array
        These replace lung and interstitial disease.
    """

    interstitial: Array
    patterns: Mapping[str, Array]
    effusion: Array
    tumour: Array


def place_diseases(traits: Traits, anatomy: Anatomy, control: Axes) -> DiseaseMap:
    """Disease of one patient: subpleural, basal and dorsal as far as the traits say, with smooth random borders.

    Interstitial disease takes exactly ``traits.extent`` of the voxels of the lung (without effusion and tumour)
    on the control grid.
    """
    rng = traits.rng(3)
    effusion = _effusion(traits, anatomy, control, rng)
    tumour = _tumour(traits, anatomy, control, rng)
    lung = (anatomy.lung_mm > 0.0) & (effusion <= 0.0) & (tumour <= 0.0)
    severity = _severity(traits, anatomy, control, rng)
    interstitial = severity - _quantile(severity, lung, 1.0 - traits.extent)
    remaining = lung & (interstitial > 0.0)
    patterns: dict[str, Array] = {}
    left = 1.0
    for name in [n for n in ("honeycombing", "reticulation", "consolidation", "ground_glass") if n in traits.mixture]:
        score = _preference(name, anatomy, control, rng)
        share = min(traits.mixture[name] / left, 1.0) if left > 1e-6 else 0.0
        patterns[name] = score - _quantile(score, remaining, 1.0 - share)
        remaining &= patterns[name] <= 0.0
        left -= traits.mixture[name]
    return DiseaseMap(interstitial, patterns, effusion, tumour)


def _quantile(values: Array, where: NDArray[np.bool_], share: float) -> np.float32:
    inside = values[where]
    if not inside.size or share >= 1.0:
        return np.float32(_ALL_OR_NONE)
    return np.float32(-_ALL_OR_NONE if share <= 0.0 else np.quantile(inside, share))


def _severity(traits: Traits, anatomy: Anatomy, control: Axes, rng: np.random.Generator) -> Array:
    coarse = random_field(rng, control, (45.0, 35.0, 35.0)).volume()
    medium = random_field(rng, control, (22.0, 15.0, 15.0)).volume()
    _, y, _ = control.open()
    near_pleura = np.exp(-np.clip(anatomy.costal_mm, 0.0, None) / 14.0)
    return (
        2.0 * traits.subpleural * near_pleura
        - 1.6 * traits.basal * anatomy.apex
        + traits.dorsal * y / 80.0
        + 0.8 * coarse
        + 0.4 * medium
    )


def _preference(name: str, anatomy: Anatomy, control: Axes, rng: np.random.Generator) -> Array:
    subpleural, basal = {
        "honeycombing": (-0.14, -2.0),
        "reticulation": (-0.05, -0.5),
        "consolidation": (0.0, -0.3),
        "ground_glass": (0.0, 0.0),
    }[name]
    variation = random_field(rng, control, (30.0, 24.0, 24.0)).volume()
    return subpleural * anatomy.costal_mm + basal * anatomy.apex + variation


def _effusion(traits: Traits, anatomy: Anatomy, control: Axes, rng: np.random.Generator) -> Array:
    surface = 4.0 * random_field(rng, control, (60.0, 50.0, 50.0)).volume()
    if traits.effusion_depth <= 0.0:
        return np.full_like(surface, _NOWHERE)
    _, y, x = control.open()
    # Supine: fluid lies at the back, deeper towards the base, and climbs a little along the chest wall.
    depth_mm = 150.0 * traits.effusion_depth * (1.0 - anatomy.apex / 0.7)
    climb = 0.4 * np.clip(25.0 - anatomy.costal_mm, 0.0, None)
    level = y - (80.0 * traits.depth - depth_mm) + climb + surface
    inside = np.sign(x) == traits.effusion_side
    return np.where(inside, np.minimum(level, anatomy.lung_mm), _NOWHERE).astype(np.float32)


def _tumour(traits: Traits, anatomy: Anatomy, control: Axes, rng: np.random.Generator) -> Array:
    lobulation = random_field(rng, control, (9.0, 9.0, 9.0)).volume()
    if traits.tumour_radius_mm <= 0.0:
        return np.full_like(lobulation, _NOWHERE)
    deep = anatomy.lung_mm > 0.6 * traits.tumour_radius_mm
    candidates = np.argwhere(deep & (anatomy.apex > 0.15))
    k, j, i = candidates[rng.integers(len(candidates))]
    z, y, x = control.open()
    distance = np.sqrt(
        (z - control.z_mm[k]) ** 2 + (y - control.y_mm[j]) ** 2 + (x - control.x_mm[i]) ** 2, dtype=np.float32
    )
    grown = traits.tumour_radius_mm * (1.0 + 0.15 * lobulation) - distance
    return np.minimum(grown, anatomy.lung_mm).astype(np.float32)

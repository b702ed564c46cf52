"""Hounsfield units and labels of the lungs: parenchyma, vessels, airways and disease patterns."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from dataset_converters.phantom.anatomy import Anatomy
from dataset_converters.phantom.bronchi import AIRWAY_WALL, LUMEN, VESSEL, draw_bronchovascular_tree
from dataset_converters.phantom.disease import place_diseases
from dataset_converters.phantom.fields import Array, Axes, Field, random_field, refine
from dataset_converters.phantom.traits import Traits

LABELS: Mapping[str, int] = MappingProxyType(
    {
        "background": 0,
        "right_lung": 1,
        "left_lung": 2,
        "airways": 3,
        "vessels": 4,
        "ground_glass": 5,
        "reticulation": 6,
        "consolidation": 7,
        "honeycombing": 8,
        "effusion": 9,
        "tumour": 10,
    }
)

_LUMEN_HU, _WALL_HU, _VESSEL_HU, _EFFUSION_HU, _TUMOUR_HU = -985.0, -20.0, 45.0, 9.0, 38.0
_HONEYCOMB_CELL_MM = 8.5


@dataclass(frozen=True)
class LungTissue:
    """What the lungs of one patient are painted from, on the fine grid."""

    traits: Traits
    fine: Axes
    lung_mm: Field
    tubes: NDArray[np.uint8]
    interstitial: Field
    patterns: Mapping[str, Field]
    effusion: Field
    tumour: Field
    texture: Field
    mesh: tuple[Field, Field]


def prepare_lung_tissue(traits: Traits, anatomy: Anatomy, control: Axes, fine: Axes) -> LungTissue:
    """Everything that ``paint_lungs`` needs, computed once per patient."""
    disease = place_diseases(traits, anatomy, control)
    rng = traits.rng(5)
    return LungTissue(
        traits,
        fine,
        lung_mm=refine(anatomy.lung_mm, control, fine),
        tubes=draw_bronchovascular_tree(traits, anatomy, control, fine),
        interstitial=refine(disease.interstitial, control, fine),
        patterns={name: refine(level, control, fine) for name, level in disease.patterns.items()},
        effusion=refine(disease.effusion, control, fine),
        tumour=refine(disease.tumour, control, fine),
        texture=random_field(rng, fine, (6.0, 4.0, 4.0)),
        mesh=(random_field(rng, fine, (8.0, 5.0, 5.0)), random_field(rng, fine, (8.0, 5.0, 5.0))),
    )


def paint_lungs(tissue: LungTissue, k: int, hu: Array) -> NDArray[np.uint8]:
    """Paint the lungs of plane ``k`` into ``hu`` (fine grid) and give the labels, (Y, X).

    Disease wins over lung, vessels and airways inside it; tumour and effusion win over interstitial disease.
    """
    labels = np.zeros(hu.shape, np.uint8)
    lung = tissue.lung_mm.plane(k) > 0.0
    if lung.any():
        labels[lung] = LABELS["right_lung"]
        labels[lung & (tissue.fine.x_mm > 0.0)] = LABELS["left_lung"]
        _paint_parenchyma(tissue, k, hu, lung)
        _paint_interstitial(tissue, k, hu, labels, lung)
    _paint_tubes(tissue, k, hu, labels, lung)
    if tissue.traits.effusion_depth > 0.0:
        _paint_solid(hu, labels, lung & (tissue.effusion.plane(k) > 0.0), hu_inside=_EFFUSION_HU, name="effusion")
    if tissue.traits.tumour_radius_mm > 0.0:
        _paint_solid(hu, labels, lung & (tissue.tumour.plane(k) > 0.0), hu_inside=_TUMOUR_HU, name="tumour")
    return labels


def _paint_parenchyma(tissue: LungTissue, k: int, hu: Array, lung: NDArray[np.bool_]) -> None:
    gravity = 0.25 * np.asarray(tissue.fine.y_mm, np.float32)[:, None]
    hu[lung] = (tissue.traits.lung_hu + gravity + 14.0 * tissue.texture.plane(k))[lung]


def _paint_interstitial(
    tissue: LungTissue, k: int, hu: Array, labels: NDArray[np.uint8], lung: NDArray[np.bool_]
) -> None:
    level = tissue.interstitial.plane(k)
    remaining = lung & (level > 0.0)
    if not remaining.any():
        return
    texture = tissue.texture.plane(k)
    meshed = {"reticulation", "honeycombing"} & set(tissue.patterns)
    mesh = (tissue.mesh[0].plane(k), tissue.mesh[1].plane(k)) if meshed else (texture, texture)
    for name, field in tissue.patterns.items():
        inside = remaining & (field.plane(k) > 0.0)
        edge = np.clip(level[inside] / 0.25, 0.0, 1.0)
        value = _pattern_hu(tissue, name, inside, texture, mesh)
        hu[inside] = value if name != "ground_glass" else hu[inside] + (0.45 + 0.55 * edge) * (value - hu[inside])
        labels[inside] = LABELS[name]
        remaining &= ~inside


def _pattern_hu(
    tissue: LungTissue, name: str, inside: NDArray[np.bool_], texture: Array, mesh: tuple[Array, Array]
) -> Array:
    fine, first, second = texture[inside], mesh[0][inside], mesh[1][inside]
    if name == "ground_glass":
        return tissue.traits.ground_glass_hu + 45.0 * fine
    if name == "consolidation":
        return tissue.traits.consolidation_hu + 12.0 * fine
    if name == "reticulation":
        lines = (np.abs(first) < 0.12) | (np.abs(second) < 0.12)
        return np.where(lines, -150.0, tissue.traits.lung_hu + 50.0 + 30.0 * fine).astype(np.float32)
    rows, columns = np.nonzero(inside)
    u = tissue.fine.x_mm[columns] + 2.6 * first
    v = tissue.fine.y_mm[rows] + 2.6 * second
    wave = 4.0 * np.pi / (np.sqrt(3.0) * _HONEYCOMB_CELL_MM)
    cell = sum(np.cos(wave * (np.cos(a) * u + np.sin(a) * v)) for a in (0.0, 2 * np.pi / 3, 4 * np.pi / 3))
    return np.where(cell > -0.72, -940.0, -90.0 + 40.0 * fine).astype(np.float32)


def _paint_tubes(tissue: LungTissue, k: int, hu: Array, labels: NDArray[np.uint8], lung: NDArray[np.bool_]) -> None:
    tubes = tissue.tubes[k]
    healthy = labels < LABELS["ground_glass"]
    vessel, lumen = (tubes & VESSEL > 0) & lung, tubes & LUMEN > 0
    wall = (tubes & AIRWAY_WALL > 0) & ~lumen
    hu[wall] = np.maximum(hu[wall], _WALL_HU)
    hu[vessel] = np.maximum(hu[vessel], _VESSEL_HU)
    hu[lumen & ~vessel] = _LUMEN_HU
    labels[vessel & healthy] = LABELS["vessels"]
    labels[lumen & ~vessel & healthy] = LABELS["airways"]


def _paint_solid(
    hu: Array, labels: NDArray[np.uint8], inside: NDArray[np.bool_], *, hu_inside: float, name: str
) -> None:
    hu[inside] = hu_inside
    labels[inside] = LABELS[name]

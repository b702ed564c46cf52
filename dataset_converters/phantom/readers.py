"""Human readers of a simulated patient: their outlines of disease differ from the truth and from each other."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dataset_converters.phantom.fields import Array, Axes, random_field
from dataset_converters.phantom.lung_tissue import LABELS
from dataset_converters.phantom.traits import INTERSTITIAL, Traits

_FIRST, _LAST = LABELS[INTERSTITIAL[0]], LABELS[INTERSTITIAL[-1]]
_LARGEST_AMPLITUDE_MM = 60.0
_MISSED_BELOW_ML = 4.0


@dataclass(frozen=True)
class Skill:
    """How close a reader stays to the truth: mean and scatter (over patients) of the Dice coefficient with it."""

    dice: float
    scatter: float


READING = Skill(dice=0.815, scatter=0.04)
"""A reader of the test patients: two of them agree with a Dice coefficient near 0.7."""
TRAINING = Skill(dice=0.90, scatter=0.03)
"""The reader of the training patients: the same kind of disagreement, milder, as after a second look."""
REPEATING = Skill(dice=0.86, scatter=0.03)
"""A reader who outlines the same patient again: how close the second outline stays to the first."""


def read_disease(
    labels: NDArray[np.uint8],
    spacing_zyx_mm: tuple[float, float, float],
    traits: Traits,
    *,
    reader: int,
    skill: Skill,
    repeat: int = 0,
) -> NDArray[np.uint8]:
    """Label map of one reader: anatomy, effusion and tumour as in truth, interstitial disease as this reader saw it.

    The outline of all interstitial disease together is moved by a smooth random distance (scales of 35 and
    12 mm) plus a personal bias towards larger or smaller outlines; some components below 4 ml are missed, some
    healthy subpleural spots are added. The size of the movement is then set so that the Dice coefficient with
    the truth is the reader's for this patient, at any voxel size and extent. Pattern names follow the nearest
    true pattern. Truth without interstitial disease comes back unchanged.

    Parameters
    ----------
    labels : uint8 array (Z, Y, X)
        True labels.
    reader : int
        Number of the reader (from 1): sets bias and everything random, with the traits' seed.
    repeat : int
        0: the first reading; 1, 2...: another one by the same reader. Give the first reading as ``labels`` then.
    """
    truth = (labels >= _FIRST) & (labels <= _LAST)
    if not truth.any():
        return labels.copy()
    box = ndimage.find_objects((labels > 0).astype(np.uint8))[0]
    inner = labels[box]
    allowed = (inner > 0) & (inner <= _LAST) & (inner != LABELS["airways"])
    spacing = spacing_zyx_mm
    stream = (100 + reader, repeat) if repeat else (100 + reader,)
    rng = np.random.default_rng([traits.seed, traits.number, *stream])
    bias = np.random.default_rng([traits.seed, 999, reader]).normal(0.0, 0.35)
    seen = _miss_and_add(truth[box], allowed, spacing, rng)
    distance, nearest = _signed_distance_mm(truth[box], seen, spacing)
    shift = bias + _outline_shift(inner.shape, spacing, rng)
    target = float(np.clip(rng.normal(skill.dice, skill.scatter), 0.6, 0.97))
    drawn = _move_outline(truth[box], allowed, distance, shift, target=target)
    result = labels.copy()
    is_left = (np.arange(labels.shape[2]) * 2 + 1 > labels.shape[2])[box[2]]
    result[box] = _relabel(inner, drawn, nearest, is_left)
    return result


def _miss_and_add(
    truth: NDArray[np.bool_],
    allowed: NDArray[np.bool_],
    spacing_mm: tuple[float, float, float],
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    seen = truth.copy()
    voxel_ml = float(np.prod(spacing_mm)) / 1000.0
    components, _ = ndimage.label(truth)
    volumes_ml = np.bincount(components.ravel()) * voxel_ml
    missed = (volumes_ml < _MISSED_BELOW_ML) & (rng.random(len(volumes_ml)) < 0.3)
    missed[0] = False
    seen &= ~missed[components]
    for centre in _spots(allowed & ~truth, rng):
        seen |= _ball(truth.shape, centre, rng.uniform(4.0, 9.0), spacing_mm) & allowed
    return seen


def _spots(healthy: NDArray[np.bool_], rng: np.random.Generator) -> Iterator[NDArray[np.int_]]:
    shell = np.flatnonzero(healthy & ~ndimage.binary_erosion(healthy, iterations=3))
    for index in rng.permutation(len(shell))[: rng.poisson(2.0)]:
        yield np.array(np.unravel_index(shell[index], healthy.shape))


def _ball(
    shape: tuple[int, ...], centre: NDArray[np.int_], radius_mm: float, spacing_mm: tuple[float, float, float]
) -> NDArray[np.bool_]:
    squares = [((np.arange(n) - c) * s) ** 2 for n, c, s in zip(shape, centre, spacing_mm, strict=True)]
    return squares[0][:, None, None] + squares[1][None, :, None] + squares[2][None, None, :] <= radius_mm**2


def _signed_distance_mm(
    truth: NDArray[np.bool_], seen: NDArray[np.bool_], spacing_mm: tuple[float, float, float]
) -> tuple[Array, tuple[NDArray[np.int_], ...]]:
    """Distance to the outline of ``seen`` (positive outside) and, per voxel, the index of the nearest true disease."""
    nearest = ndimage.distance_transform_edt(~truth, spacing_mm, return_distances=False, return_indices=True)
    outside = ndimage.distance_transform_edt(~seen, spacing_mm) if seen.any() else np.full(seen.shape, 1e3)
    inside = ndimage.distance_transform_edt(seen, spacing_mm)
    return (outside - inside).astype(np.float32), tuple(nearest)


def _outline_shift(shape: tuple[int, ...], spacing_mm: tuple[float, float, float], rng: np.random.Generator) -> Array:
    z, y, x = (np.arange(n) * np.float64(s) for n, s in zip(shape, spacing_mm, strict=True))
    axes = Axes(z, y - y.mean(), x - x.mean())
    wide = random_field(rng, axes, (35.0, 35.0, 35.0)).volume()
    return 0.8 * wide + 0.6 * random_field(rng, axes, (14.0, 12.0, 12.0)).volume()


def _move_outline(
    truth: NDArray[np.bool_],
    allowed: NDArray[np.bool_],
    distance_mm: Array,
    shift: Array,
    *,
    target: float,
) -> NDArray[np.bool_]:
    """Outline moved outwards by ``amplitude * shift`` mm, with the amplitude at which Dice with truth is ``target``."""
    truth, distance_mm, shift = truth[allowed], distance_mm[allowed], shift[allowed]
    low, high = 0.0, _LARGEST_AMPLITUDE_MM
    for _ in range(14):
        middle = (low + high) / 2.0
        if _dice(truth, distance_mm < middle * shift) > target:
            low = middle
        else:
            high = middle
    drawn = np.zeros(allowed.shape, bool)
    drawn[allowed] = distance_mm < low * shift
    return drawn


def _dice(reference: NDArray[np.bool_], prediction: NDArray[np.bool_]) -> float:
    return 2.0 * np.count_nonzero(reference & prediction) / max(np.count_nonzero(reference) + prediction.sum(), 1)


def _relabel(
    inner: NDArray[np.uint8],
    drawn: NDArray[np.bool_],
    nearest: tuple[NDArray[np.int_], ...],
    is_left: NDArray[np.bool_],
) -> NDArray[np.uint8]:
    """Disease where ``drawn``; what is no longer disease becomes the lung of its side (``is_left``: (X,))."""
    result = inner.copy()
    dropped = (inner >= _FIRST) & (inner <= _LAST) & ~drawn
    result[dropped] = np.where(is_left, LABELS["left_lung"], LABELS["right_lung"])[np.nonzero(dropped)[2]]
    result[drawn] = inner[nearest][drawn]
    return result

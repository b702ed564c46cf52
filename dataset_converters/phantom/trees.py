"""Branching tubes: vessels and airways grown towards points in the lung, and drawn as capsules."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataset_converters.phantom.fields import Axes


@dataclass(frozen=True)
class Tubes:
    """Straight pieces of tube: ends (N, 3) in mm as z, y, x and radii (N,)."""

    start_mm: NDArray[np.float64]
    end_mm: NDArray[np.float64]
    radius_mm: NDArray[np.float64]


def grow_tree(
    root_mm: NDArray[np.float64], targets_mm: NDArray[np.float64], *, leaf_radius_mm: float, largest_mm: float
) -> Tubes:
    """Tree from ``root_mm`` (3,) that reaches every target (N, 3), nearest to the root first.

    Each target joins the closest point of the tree, with a penalty on detours. Radii follow Murray's law: the
    cube of a parent's radius is the sum of its children's cubes (Murray 1926, PNAS 12:207).
    """
    order = np.argsort(np.linalg.norm(targets_mm - root_mm, axis=1))
    nodes = np.vstack([root_mm, targets_mm[order]])
    parent = np.zeros(len(nodes), int)
    path_mm = np.zeros(len(nodes))
    for new in range(1, len(nodes)):
        distance = np.linalg.norm(nodes[:new] - nodes[new], axis=1)
        parent[new] = np.argmin(distance + 0.35 * path_mm[:new])
        path_mm[new] = path_mm[parent[new]] + distance[parent[new]]
    cubes = np.zeros(len(nodes))
    for new in range(len(nodes) - 1, 0, -1):
        cubes[new] = max(cubes[new], leaf_radius_mm**3)
        cubes[parent[new]] += cubes[new]
    radius = np.minimum(np.cbrt(cubes[1:]), largest_mm)
    return Tubes(nodes[parent[1:]], nodes[1:], radius)


def join(*tubes: Tubes) -> Tubes:
    """All pieces as one."""
    return Tubes(
        np.concatenate([t.start_mm for t in tubes]),
        np.concatenate([t.end_mm for t in tubes]),
        np.concatenate([t.radius_mm for t in tubes]),
    )


def draw_tubes(mask: NDArray[np.uint8], axes: Axes, tubes: Tubes, *, bit: int, wall_mm: float = 0.0) -> None:
    """Set ``bit`` in ``mask`` (Z, Y, X on ``axes``) wherever a voxel centre lies in a tube widened by ``wall_mm``."""
    for start, end, radius in zip(tubes.start_mm, tubes.end_mm, tubes.radius_mm + wall_mm, strict=True):
        planes, rows, columns = (
            _span(axis, a, b, radius) for axis, a, b in zip((axes.z_mm, axes.y_mm, axes.x_mm), start, end, strict=True)
        )
        z, y, x = axes.z_mm[planes, None, None], axes.y_mm[None, rows, None], axes.x_mm[None, None, columns]
        along = end - start
        share = (z - start[0]) * along[0] + (y - start[1]) * along[1] + (x - start[2]) * along[2]
        share = np.clip(share / max(float(along @ along), 1e-9), 0.0, 1.0)
        offset = [c - (s + share * a) for c, s, a in zip((z, y, x), start, along, strict=True)]
        inside = offset[0] ** 2 + offset[1] ** 2 + offset[2] ** 2 <= radius**2
        mask[planes, rows, columns] |= inside.astype(np.uint8) * np.uint8(bit)


def subdivide(tubes: Tubes, rng: np.random.Generator, *, bend: float) -> Tubes:
    """Every piece cut in two at a midpoint moved by up to ``bend`` of its length: trees look less straight."""
    length = np.linalg.norm(tubes.end_mm - tubes.start_mm, axis=1, keepdims=True)
    middle = (tubes.start_mm + tubes.end_mm) / 2.0 + bend * length * rng.uniform(-1.0, 1.0, tubes.start_mm.shape)
    return join(Tubes(tubes.start_mm, middle, tubes.radius_mm), Tubes(middle, tubes.end_mm, tubes.radius_mm))


def _span(axis: NDArray[np.float64], a: float, b: float, radius: float) -> slice:
    low, high = min(a, b) - radius, max(a, b) + radius
    return slice(int(np.searchsorted(axis, low)), int(np.searchsorted(axis, high, side="right")))

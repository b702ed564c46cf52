"""The area of a surface element, by which of the voxels around its corner belong to the mask.

The triangles per neighbour code are the facts of the lookup table of DeepMind's surface-distance (Copyright 2018 Google
Inc., Apache-2.0, ``lookup_tables.py``), which was made with marching cubes; the contour lengths are those of marching
squares. Stored here without signs, since an area does not depend on the side a triangle faces.
"""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from analysis.surface.surface_distances import Values

_NORMALS = {
    "a": (0.125, 0.125, 0.125), "b": (0.25, 0.25, 0.25), "c": (0.375, 0.375, 0.375),
    "z": (0.5, 0.0, 0.0), "y": (0.0, 0.5, 0.0), "x": (0.0, 0.0, 0.5),
    "Z": (0.0, 0.25, 0.25), "Y": (0.25, 0.0, 0.25), "X": (0.25, 0.25, 0.0),
}  # fmt: skip
"""Kinds of triangle: the normal, as long as the triangle is large, of a cube with sides 1."""
_TRIANGLES = (
    "- a a XX a YY aa zba a aa YY zba XX zba zba zz a ZZ aa yba aa xba aaa abba aa ZZa YYa acZY aXX cZaX zaba zab "
    "a aa ZZ yab aa aYY ZZa cZaY aa aaa xba bbaa aXX zbaa ZcaX zba XX yba yab yy XXa cYaX ayba yba aXX ybaa cXaY yba "
    "XXXX XXa aXX XX a aa aa aXX ZZ xba ZZa cZaX aa aaa aYY zbaa yba bbaa YcZa zba YY xba aYY YcXa xba xx aabx abx YYa "
    "xbaa YYYY aYY YcXa xba aYY YY aa aaa aZZ yaba ZZa xbaa ZZZZ ZZa aaa aaaa xbaa aaa ybaa aaa ZZa aa zba baba cZaY "
    "yba cXZa abx aZZ ZZ zbaa aaa YYa aa XXa aa aa a"
)
"""The triangles of neighbour codes 0 to 127; code 255 - n has those of code n."""


@lru_cache(maxsize=64)
def element_areas(spacing_mm: tuple[float, ...]) -> Values:
    """Return the area in mm2 (3-D) or the length in mm (2-D) of a surface element for each neighbour code.

    Parameters
    ----------
    spacing_mm : tuple of float
        Voxel spacing, three or two numbers in the order of the array axes.

    Returns
    -------
    float64 array (256,) or (16,)
        0 for the first and last code, where no surface passes. A code has one bit for each voxel around the corner,
        the first voxel (lowest index on every axis) in the highest bit. Read-only.
    """
    areas = _areas_3d(spacing_mm) if len(spacing_mm) == 3 else _lengths_2d(spacing_mm)
    areas.setflags(write=False)
    return areas


def _areas_3d(spacing_mm: Sequence[float]) -> Values:
    z, y, x = spacing_mm
    # The order of multiplications and np.linalg.norm are surface-distance's: the same rounding, to the last bit.
    sizes = {
        kind: float(np.linalg.norm([normal[0] * y * x, normal[1] * z * x, normal[2] * z * y]))
        for kind, normal in _NORMALS.items()
    }
    half = [sum(sizes[kind] for kind in kinds.strip("-")) for kinds in _TRIANGLES.split()]
    return np.array(half + half[::-1], dtype=np.float64)


def _lengths_2d(spacing_mm: Sequence[float]) -> Values:
    y, x = spacing_mm
    corner = 0.5 * math.sqrt(y**2 + x**2)
    half = [0.0, corner, corner, x, corner, y, 2 * corner, corner]
    return np.array(half + half[::-1], dtype=np.float64)

"""LOLA11 headers: 30 of the 55 say that slices run upward although they run downward; read right, written as given.

Source: github.com/tomdoel/lola11-corrected-headers: its headers have third direction -1 for these cases, and give the
numbers of slices. AnatomicalOrientation RPI in an original header is reported to mean that z must be negative; that of
case 09 is wrong too.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from dataset_converters.atomic import write_bytes
from dataset_converters.errors import ConversionError
from dataset_converters.privacy.shown_name import shown_name
from dataset_converters.records import CtImage
from dataset_converters.volumes.grid import Grid, grid_of
from dataset_converters.volumes.grid_repair import find_turn, is_left_handed, reverse_slices
from dataset_converters.volumes.image_file import read_voxels

REVERSED = frozenset(
    (1, 4, 6, 8, 11, 12, 13, 14, 15, 16, 17, 18, 19, 22, 23, 24, 25, 26, 28, 33, 34, 36, 39, 40, 41, 42, 43, 47, 49, 55)
)
"""Cases whose slices run downward."""

# fmt: off
SLICES = (
    464, 464, 422, 264, 358, 322, 971, 601, 451, 428, 390, 459, 642, 286, 338, 301, 524, 411, 354, 295, 440, 424, 330,
    323, 327, 312, 753, 693, 418, 411, 343, 253, 414, 279, 168, 787, 234, 318, 497, 512, 565, 278, 503, 519, 251, 239,
    534, 433, 478, 257, 773, 588, 339, 298, 312,
)
# fmt: on
"""Number of slices of cases 1 to 55."""

LUNG_VALUES = {1: 20, 2: 10}
"""Label to value of a submission: 1 right lung 20, 2 left lung 10 (not confirmed; lobes: 10, 11, 20, 21, 22)."""

_KEPT = (
    "ObjectType",
    "NDims",
    "BinaryData",
    "TransformMatrix",
    "Offset",
    "CenterOfRotation",
    "AnatomicalOrientation",
    "ElementSize",
    "ElementSpacing",
    "DimSize",
)
_PLAIN = re.compile(r"[A-Za-z0-9 .+-]+")
_LONGEST_HEADER = 2**16


def read_lola_image(path: Path, number: int, *, case: str, corrected: bool = True) -> CtImage:
    """Read one image in HU with its slices where they belong.

    Parameters
    ----------
    number : int
        Of the case, 1 to 55.
    corrected : bool
        Whether a wrong header is corrected; headers that have third direction -1 already are honoured either way.

    Raises
    ------
    ConversionError
        A damaged file, another number of slices than published, values that are no whole numbers of 16 bits.
    """
    voxels, grid = read_voxels(path, dataset="lola11", case=case)
    if voxels.shape[0] != SLICES[number - 1]:
        raise _fault(path, case, f"{voxels.shape[0]} slices", f"{SLICES[number - 1]} as published")
    if voxels.dtype.kind not in "iu" or voxels.min() < -(2**15) or voxels.max() >= 2**15:
        raise _fault(path, case, "voxels of another kind", "whole HU of 16 bits")
    grid = corrected_grid(grid, number) if corrected else grid
    if is_left_handed(grid):
        grid, voxels = reverse_slices(grid), voxels[::-1]
    image = sitk.GetImageFromArray(np.ascontiguousarray(voxels, np.int16))
    image.SetSpacing(grid.spacing_mm.tolist())
    image.SetOrigin(grid.affine_lps[:3, 3].tolist())
    image.SetDirection(grid.direction.ravel().tolist())
    return CtImage(image, {})


def corrected_grid(grid: Grid, number: int) -> Grid:
    """Return where the stored voxels lie: for a case in `REVERSED` the third direction turned to -1, offset kept.

    A grid that is left-handed already, as the corrected headers have it, stays.
    """
    if number not in REVERSED or is_left_handed(grid):
        return grid
    affine = grid.affine_lps.copy()
    affine[:3, 2] *= -1
    return Grid(grid.size_xyz, affine)


def write_submission(
    labels: sitk.Image,
    original: Path,
    out: Path,
    number: int,
    *,
    values: Mapping[int, int] = LUNG_VALUES,
    corrected: bool = True,
) -> None:
    """Write a prediction as the challenge wants it: in the voxel order of the original file and with its header.

    Only the header's geometry is repeated, word by word, also where it is wrong.

    Parameters
    ----------
    labels : SimpleITK.Image
        Label map on the grid of the converted image.
    original : Path
        The published ``.mhd`` or ``.mha`` of the case.
    out : Path
        ``.mha``, or ``.mhd`` (voxels go to ``.raw`` beside it).
    values : mapping
        Label to the challenge's value; 0 stays 0.
    corrected : bool
        As the image was read.

    Raises
    ------
    ConversionError
        Labels on another grid than the image's or with other values, or a header that cannot be repeated.
    """
    case = f"lola11_{number:02d}"
    stored_voxels, stored = read_voxels(original, dataset="lola11", case=case)
    stored = corrected_grid(stored, number) if corrected else stored
    turn = find_turn(grid_of(labels), stored)
    voxels = sitk.GetArrayFromImage(labels)
    if turn is None or turn.start != (0, 0, 0) or turn.apply(voxels).shape != stored_voxels.shape:
        raise _fault(original, case, f"labels on {grid_of(labels)}", f"the voxels of {stored}")
    table = {0: 0, **values}
    unknown = sorted(set(np.unique(voxels).tolist()) - table.keys())
    if unknown:
        raise _fault(original, case, f"label values {unknown[:8]}", f"values {sorted(table)}")
    coded = np.zeros(voxels.shape, np.uint8)
    for label, value in table.items():
        coded[voxels == label] = value
    content = np.ascontiguousarray(turn.apply(coded)).tobytes()
    if out.suffix.lower() == ".mha":
        write_bytes(out, _header(original, case, "LOCAL") + content)
    else:
        write_bytes(out.with_suffix(".raw"), content)
        write_bytes(out, _header(original, case, out.with_suffix(".raw").name))


def _header(original: Path, case: str, data_file: str) -> bytes:
    """Return the geometry lines of a header as they stand, for uncompressed bytes."""
    with original.open("rb") as stream:
        text = stream.read(_LONGEST_HEADER).decode("latin-1")
    lines = []
    for line in text.split("\n"):
        name, equals, value = (part.strip() for part in line.partition("="))
        if name == "ElementDataFile" or not equals:
            break
        if name in _KEPT:
            if not _PLAIN.fullmatch(value):
                raise _fault(original, case, f"a header whose {name} is another", "words and numbers")
            lines.append(f"{name} = {value}")
    written = {line.partition(" =")[0] for line in lines}
    if not {"NDims", "ElementSpacing", "DimSize"} <= written:
        raise _fault(original, case, "a header without its geometry", "NDims, DimSize and ElementSpacing")
    lines += ["BinaryDataByteOrderMSB = False", "CompressedData = False", "ElementType = MET_UCHAR"]
    return "\n".join([*lines, f"ElementDataFile = {data_file}", ""]).encode("latin-1")


def _fault(path: Path, case: str, found: str, wanted: str) -> ConversionError:
    return ConversionError(
        "lola11", case, found=f"{shown_name(path)}: {found}", wanted=wanted, action="download the case again"
    )

"""A reader's mask or label map from a file, on the grid of the image it belongs to."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from dataset_converters.errors import ConversionError
from dataset_converters.privacy.shown_name import shown_name
from dataset_converters.records import IGNORED
from dataset_converters.volumes.grid import Grid, grid_difference, grid_of
from dataset_converters.volumes.grid_repair import find_turn, repair_grid
from dataset_converters.volumes.image_file import read_voxels

_SHOWN_VALUES = 8


def read_mask(
    file: Path,
    grid: sitk.Image,
    *,
    dataset: str,
    case: str,
    resampled: bool = False,
    foreground: Sequence[int] = (1,),
) -> sitk.Image:
    """Read a mask as uint8 on the grid: 1 where the file has a foreground value, 0 where it has 0.

    See `read_labels` for files in another axis order or on another grid.

    Raises
    ------
    ConversionError
        The file is damaged, lies on another grid, or holds other values (NaN included).
    """
    values = {int(value): 1 for value in foreground}
    return read_labels(file, grid, values=values, dataset=dataset, case=case, resampled=resampled)


def read_labels(
    file: Path, grid: sitk.Image, *, values: Mapping[int, int], dataset: str, case: str, resampled: bool = False
) -> sitk.Image:
    """Read a label map as uint8 on the grid.

    The same voxels stored in another axis order or direction are turned, which is exact. Whole numbers stored as
    floats count as such.

    Parameters
    ----------
    file : Path
        NIfTI, MetaImage or NRRD.
    grid : SimpleITK.Image
        The image the labels belong to.
    values : mapping
        Value in the file to label (0 to 254, or `IGNORED`); 0 becomes 0 unless it is listed.
    resampled : bool
        Take the nearest voxel in millimetres where the file lies on another grid; voxels of the grid outside the
        file's field of view become `IGNORED`.

    Raises
    ------
    ConversionError
        The file is damaged, lies on another grid (or, resampled, nowhere on it), or holds values that are not listed.
    """
    voxels, stored = read_voxels(file, dataset=dataset, case=case)
    try:
        stored, _ = repair_grid(stored)
    except ValueError as fault:
        raise ConversionError(
            dataset,
            case,
            found=f"{shown_name(file)}: {fault}",
            wanted="orthonormal axes",
            action="export the mask on the grid of the image",
        ) from None
    labels = _labels(voxels, {0: 0, **values}, shown_name(file), (dataset, case))
    target = grid_of(grid)
    turned = _turned(labels, stored, target)
    if turned is None and not resampled:
        difference = grid_difference(target, stored) or (str(stored), str(target))
        raise ConversionError(
            dataset,
            case,
            found=f"{shown_name(file)} on another grid: {difference[0]}",
            wanted=difference[1],
            action="export the mask on the grid of the image, or ask for it to be resampled",
        )
    image = _resampled(labels, stored, grid) if turned is None else sitk.GetImageFromArray(turned)
    image.CopyInformation(grid)
    if turned is None and not (sitk.GetArrayViewFromImage(image) != IGNORED).any():
        raise ConversionError(
            dataset,
            case,
            found=f"{shown_name(file)} away from the image: {stored}",
            wanted=f"a mask of {target}",
            action="give the mask of this image",
        )
    return image


def _labels(voxels: np.ndarray, values: Mapping[int, int], name: str, where: tuple[str, str]) -> np.ndarray:
    """Return the label of every voxel, uint8."""
    labels = np.zeros(voxels.shape, np.uint8)
    unknown: dict[float, int] = {}
    for plane, labelled in zip(voxels, labels, strict=True):
        for value, count in _counts(plane):
            if value not in values:
                unknown[value] = unknown.get(value, 0) + count
            elif values[int(value)]:
                labelled[plane == value] = values[int(value)]
    if unknown:
        shown = ", ".join(f"{value:g} ({count} voxels)" for value, count in list(unknown.items())[:_SHOWN_VALUES])
        more = f" and {len(unknown) - _SHOWN_VALUES} more values" if len(unknown) > _SHOWN_VALUES else ""
        raise ConversionError(
            *where,
            found=f"{name} with values {shown}{more}",
            wanted=f"values {', '.join(map(str, sorted(values)))} only",
            action="say what the other values mean, or export the mask again",
        )
    return labels


def _counts(plane: np.ndarray) -> list[tuple[float, int]]:
    """Return every value and how often it is there."""
    if plane.dtype.kind in "iu" and plane.dtype.itemsize <= 2:  # counting is much faster than sorting
        low = int(plane.min())
        counts = np.bincount(plane.ravel().astype(np.int32) - low)
        return [(float(low + step), int(counts[step])) for step in np.flatnonzero(counts)]
    values, counts = np.unique(plane, return_counts=True)
    return [(float(value), int(count)) for value, count in zip(values, counts, strict=True)]


def _turned(labels: np.ndarray, stored: Grid, target: Grid) -> np.ndarray | None:
    """Return the labels in the target's axis order if they are the target's very voxels."""
    turn = find_turn(stored, target)
    if turn is None or turn.start != (0, 0, 0):
        return None
    turned = turn.apply(labels)
    return np.ascontiguousarray(turned) if turned.shape == target.size_xyz[::-1] else None


def _resampled(labels: np.ndarray, stored: Grid, grid: sitk.Image) -> sitk.Image:
    source = sitk.GetImageFromArray(labels)
    source.SetSpacing(stored.spacing_mm.tolist())
    source.SetOrigin(stored.affine_lps[:3, 3].tolist())
    source.SetDirection(stored.direction.ravel().tolist())
    return sitk.Resample(source, grid, sitk.Transform(), sitk.sitkNearestNeighbor, IGNORED, sitk.sitkUInt8)

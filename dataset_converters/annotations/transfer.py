"""An annotation drawn on one reconstruction, brought to the grid of another reconstruction of the same acquisition.

Hoang-Thi et al. 2021 (Diagn Interv Imaging 102:691-695, section 2.1) project annotations of lung-kernel images on the
mediastinal-kernel images: copied where slice thickness and field of view are the same, else "the metadata were used to
perform the required rescaling and cropping, so that the two acquired lung volumes could correspond". Where we differ:
only the labels are rescaled, never the images, so that every network sees voxels as the scanner made them; what the
annotated series does not cover is marked `IGNORED` instead of being cropped away from the image.
"""

from typing import Literal

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from dataset_converters.annotations.slice_shapes import shape_labels
from dataset_converters.records import IGNORED
from dataset_converters.volumes.grid import grid_difference, grid_of

Labels = NDArray[np.uint8]

_INDEX_DECIMALS = 6  # of a voxel: positions on a border between two voxels stay there despite rounding


def transfer_labels(
    labels: sitk.Image, grid: sitk.Image, *, method: Literal["nearest", "shape"] = "nearest"
) -> sitk.Image:
    """Return the label map on another grid, by positions in patient space, `IGNORED` where the labels' grid ends.

    A voxel is covered if its centre lies in a voxel of the labels' grid, half a voxel round the outermost centres
    included. Equal grids: the labels are copied.

    Parameters
    ----------
    labels : SimpleITK.Image
        uint8 label map; `IGNORED` voxels stay ignored.
    grid : SimpleITK.Image
        Any image on the wanted grid.
    method : str
        ``nearest``: the label of the voxel the centre lies in (on a border: the one of higher index).
        ``shape``: shape-based interpolation between slices, see `shape_labels`; only for parallel slices.

    Raises
    ------
    ValueError
        The labels are not 3-D uint8, the method is unknown, or the slices are not parallel (``shape``).
    """
    if labels.GetDimension() != 3 or labels.GetPixelID() != sitk.sitkUInt8:
        raise ValueError(f"found {labels.GetDimension()}-D {labels.GetPixelIDTypeAsString()}; wanted 3-D uint8")
    if method not in ("nearest", "shape"):
        raise ValueError(f"found method {method!r}; wanted 'nearest' or 'shape'")
    source = sitk.GetArrayFromImage(labels)
    if grid_difference(grid_of(labels), grid_of(grid)) is None:
        return _on(source, grid)
    to_index = np.linalg.inv(grid_of(labels).affine_lps) @ grid_of(grid).affine_lps
    result = np.empty(grid.GetSize()[::-1], np.uint8)
    if method == "shape" and np.abs(to_index[2, :2]).max() * max(grid.GetSize()[:2]) > 10**-_INDEX_DECIMALS:
        raise ValueError("found slices that are not parallel; wanted parallel ones for 'shape'; use 'nearest'")
    for z, plane in enumerate(result):
        place = _places(to_index, plane.shape, z)
        covered = _covered(place, source.shape)
        if not covered.any():
            plane[:] = IGNORED
            continue
        plane[:] = _nearest(source, place) if method == "nearest" else _by_shape(source, place)
        plane[~covered] = IGNORED
    return _on(result, grid)


def _on(array: Labels, grid: sitk.Image) -> sitk.Image:
    image = sitk.GetImageFromArray(array)
    image.CopyInformation(grid)
    return image


def _places(to_index: NDArray[np.float64], shape_yx: tuple[int, ...], z: int) -> NDArray[np.float64]:
    """Index (x, y, z) in the source of every voxel of a slice, shape (3, y, x)."""
    y, x = np.meshgrid(np.arange(shape_yx[0]), np.arange(shape_yx[1]), indexing="ij")
    columns = (to_index[:3, axis, None, None] for axis in range(4))
    along_x, along_y, along_z, start = columns
    place: NDArray[np.float64] = np.round(along_x * x + along_y * y + along_z * z + start, _INDEX_DECIMALS)
    return place


def _covered(place: NDArray[np.float64], shape_zyx: tuple[int, ...]) -> NDArray[np.bool_]:
    last = np.array(shape_zyx[::-1])[:, None, None] - 0.5
    return np.logical_and.reduce((place >= -0.5) & (place <= last), axis=0)


def _nearest(source: Labels, place: NDArray[np.float64]) -> Labels:
    x, y, z = (
        np.clip(np.floor(axis + 0.5).astype(np.intp), 0, size - 1)
        for axis, size in zip(place, source.shape[::-1], strict=True)
    )
    return source[z, y, x]


def _by_shape(source: Labels, place: NDArray[np.float64]) -> Labels:
    """One slice by shape; by the nearest voxel where a voxel it would be made of was left open."""
    z = float(np.clip(place[2, 0, 0], 0, len(source) - 1))
    below = int(np.floor(z))
    above = min(below + 1, len(source) - 1)
    nearest = _nearest(source, place)
    flat = [np.where(source[k] == IGNORED, 0, source[k]).astype(np.uint8) for k in (below, above)]
    plane = shape_labels(flat[0], flat[1], z - below, place[:2])
    opened = nearest == IGNORED
    for k in (below, above) if z > below else (below,):
        opened |= _nearest(source[k : k + 1], np.stack([*place[:2], np.zeros_like(place[2])])) == IGNORED
    plane[opened] = nearest[opened]
    return plane

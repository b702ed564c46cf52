"""One label map from the masks of several structures."""

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk

from dataset_converters.records import IGNORED
from dataset_converters.volumes.grid import grid_difference, grid_of


def combine_parts(parts: Sequence[tuple[int, sitk.Image]], grid: sitk.Image) -> sitk.Image:
    """Label map (uint8) of masks on one grid; later parts win where they overlap.

    Parameters
    ----------
    parts : sequence of (int, SimpleITK.Image)
        Label and mask; a mask voxel counts unless it is 0, and one that is `IGNORED` stays so, unless a later part
        claims it.
    grid : SimpleITK.Image
        Any image on the grid of all masks.

    Raises
    ------
    ValueError
        A mask lies on another grid, or a label is not 0 to 255.
    """
    labels = np.zeros(grid.GetSize()[::-1], np.uint8)
    for label, mask in parts:
        difference = grid_difference(grid_of(grid), grid_of(mask))
        if difference is not None:
            raise ValueError(f"mask of label {label} on another grid: found {difference[0]}; wanted {difference[1]}")
        if not 0 <= label <= IGNORED:
            raise ValueError(f"label {label}; wanted 0 to {IGNORED}")
        voxels = sitk.GetArrayViewFromImage(mask)
        labels[voxels != 0] = label
        labels[voxels == IGNORED] = IGNORED
    image = sitk.GetImageFromArray(labels)
    image.CopyInformation(grid)
    return image

"""A reader's mask from a NIfTI file, on the grid of the image it belongs to."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from dataset_converters.errors import ConversionError
from dataset_converters.grid import grid_difference, grid_of
from dataset_converters.nifti import UnreadableNiftiError, read_nifti


def read_mask(file: Path, grid: sitk.Image, *, dataset: str, case: str) -> sitk.Image:
    """Read a mask of 0 and 1 (any number type) as uint8 on the grid.

    Raises
    ------
    ConversionError
        The file is damaged, lies on another grid, or holds other values (NaN included).
    """
    try:
        volume = read_nifti(file)
    except (UnreadableNiftiError, OSError) as error:
        found, wanted = getattr(error, "found", type(error).__name__), getattr(error, "wanted", "a readable file")
        raise ConversionError(
            dataset, case, found=f"{file.name}: {found}", wanted=wanted, action="copy or export the mask again"
        ) from None
    difference = grid_difference(grid_of(grid), volume.grid)
    if difference is not None:
        raise ConversionError(
            dataset,
            case,
            found=f"{file.name} on another grid: {difference[0]}",
            wanted=difference[1],
            action="export the mask on the grid of the CT series",
        )
    values = np.unique(volume.voxels_zyx)
    if not np.isin(values, (0, 1)).all():
        shown = ", ".join(f"{value:g}" for value in values[:8])
        raise ConversionError(
            dataset, case, found=f"{file.name} with values {shown}", wanted="0 and 1", action="export a binary mask"
        )
    image = sitk.GetImageFromArray(volume.voxels_zyx.astype(np.uint8))
    image.CopyInformation(grid)
    return image

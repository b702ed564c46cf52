"""Images that are NIfTI files already: listed where they lie, if they hold exactly what would be written."""

import os
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from dataset_converters.volumes.grid import grid_difference, grid_of
from dataset_converters.volumes.nifti import UnreadableNiftiError, read_nifti


def linkable_file(source: Path | None, image: sitk.Image) -> tuple[str, str] | None:
    """Return the absolute path and the SHA-256 of the file that nnU-Net may read in place of a copy, None without one.

    The file is read to its last byte and compared: same voxels, same grid. nnU-Net reads the path itself, so nothing is
    put beside the user's data: a symbolic link would break just as the path when the data move, and a hard link would
    let whoever cleans up the dataset's folder believe that the file is theirs.
    """
    path = os.path.abspath(source) if source is not None else ""
    if not _is_plain(path):
        return None
    try:
        volume = read_nifti(Path(path))
    except (OSError, UnreadableNiftiError):
        return None
    if grid_difference(grid_of(image), volume.grid) or volume.doubts:
        return None
    same = np.array_equal(volume.voxels_zyx, sitk.GetArrayViewFromImage(image))
    return (path, volume.sha256) if same else None


def _is_plain(path: str) -> bool:
    """Say whether a path survives ``dataset.json`` and nnU-Net, which expands ``$`` in it and goes by the ending."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return path.endswith(".nii.gz") and "$" not in path

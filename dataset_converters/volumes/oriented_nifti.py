"""A NIfTI file whose header says, without contradiction, where the volume lies in the patient."""

from pathlib import Path

import numpy as np

from dataset_converters.volumes.grid import DISPLACEMENT_TOLERANCE, Grid, largest_displacement_mm
from dataset_converters.volumes.nifti import read_nifti
from dataset_converters.volumes.stored_voxels import StoredVolume, UnreadableFileError

FORMS_TOLERANCE = 0.5
"""Largest distance of a voxel between the header's descriptions of the grid, as a part of the smallest spacing."""


def read_oriented_nifti(path: Path) -> StoredVolume:
    """Read a ``.nii`` or ``.nii.gz`` file; the sform describes the grid, else the qform.

    A 4-D file with one volume is that volume.

    Raises
    ------
    UnreadableFileError
        Damaged, not one 3-D volume of one number per voxel, neither sform nor qform, or two of sform, qform and
        pixdim put a voxel more than `FORMS_TOLERANCE` of the smallest spacing apart.
    """
    try:
        volume = read_nifti(path, dropping_axes=True)
    except OSError as error:
        raise UnreadableFileError(
            found=f"a file that cannot be opened ({type(error).__name__})", wanted="a readable file"
        ) from None
    if volume.unit not in ("mm", "unknown"):
        raise UnreadableFileError(found=f"lengths in {volume.unit}", wanted="millimetres")
    if not volume.forms:
        raise UnreadableFileError(
            found="a header with neither sform nor qform", wanted="where the volume lies in the patient"
        )
    apart = _voxels_apart(volume.forms)
    if not apart <= FORMS_TOLERANCE:
        raise UnreadableFileError(
            found=f"sform, qform and pixdim that put voxels up to {apart:.3g} spacings apart",
            wanted=f"one geometry in the header (to {FORMS_TOLERANCE:g} of the smallest spacing)",
        )
    note = f"sform used; qform or pixdim {apart:.2g} voxels away" if apart > DISPLACEMENT_TOLERANCE else ""
    plain = path.name.endswith(".nii.gz") and not volume.scaled and not volume.doubts and volume.dimensions == 3
    return StoredVolume(volume.grid, volume.voxels_zyx, note, plain)


def _voxels_apart(forms: tuple[Grid, ...]) -> float:
    """Return the largest distance of a voxel between two descriptions in smallest spacings; NaN if one is no grid."""
    first = forms[0]
    with np.errstate(all="ignore"):
        return max(
            (float(largest_displacement_mm(first, form) / first.spacing_mm.min()) for form in forms[1:]), default=0.0
        )

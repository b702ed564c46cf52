"""One CT volume from a NIfTI, MetaImage or NRRD file, in Hounsfield units on right-handed orthonormal axes.

The readers are our own: ITK fills what a truncated file lacks with zeros and reports success. What a file does not say
(orientation, units) is refused, not assumed.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from dataset_converters.errors import ConversionError
from dataset_converters.privacy.shown_name import shown_name
from dataset_converters.records import CtImage
from dataset_converters.volumes.grid import ORTHONORMAL_TOLERANCE, Grid
from dataset_converters.volumes.grid_repair import is_left_handed, repair_grid, reverse_slices
from dataset_converters.volumes.meta_image import read_meta_image
from dataset_converters.volumes.nrrd_file import read_nrrd
from dataset_converters.volumes.oriented_nifti import read_oriented_nifti
from dataset_converters.volumes.stored_voxels import StoredVolume, UnreadableFileError

ENDINGS = (".nii.gz", ".nii", ".mha", ".mhd", ".nrrd", ".nhdr")

_READERS = {
    ".nii.gz": read_oriented_nifti,
    ".nii": read_oriented_nifti,
    ".mha": read_meta_image,
    ".mhd": read_meta_image,
    ".nrrd": read_nrrd,
    ".nhdr": read_nrrd,
}
_LARGEST_WHOLE = 2**24


def read_image(
    path: Path,
    *,
    dataset: str,
    case: str,
    facts: Mapping[str, str] = {},
) -> CtImage:
    """Read a CT volume as stored: HU as int16 where whole and fitting, else float32.

    Left-handed storage is turned right-handed by reversing the slice axis, which is exact. Axes up to
    `grid_repair.REPAIR_TOLERANCE` from orthonormal are replaced by the nearest orthonormal ones, told by the fact
    ``geometry_repair``.

    Raises
    ------
    ConversionError
        Damaged or of another kind, not one 3-D volume of one number per voxel, no patient orientation, axes beyond
        repair, NaN or values that no CT has.
    """
    stored = _read(path, dataset, case)
    grid, note = _repaired(stored, path, dataset, case)
    voxels = stored.voxels_zyx
    turned = is_left_handed(grid)
    if turned:
        grid, voxels = reverse_slices(grid), voxels[::-1]
    try:
        hounsfield = _hounsfield(voxels)
    except ValueError as error:
        raise _refusal(path, dataset, case, str(error), "a finite HU value in every voxel") from None
    return CtImage(
        _image(hounsfield, grid),
        {**facts, **({"geometry_repair": note} if note else {})},
        source=path if stored.plain and not turned and not note else None,
    )


def read_voxels(path: Path, *, dataset: str, case: str) -> tuple[np.ndarray, Grid]:
    """Read a volume of any numbers (z, y, x) and its grid as stored: any handedness, axes not repaired.

    Raises
    ------
    ConversionError
        Damaged or of another kind, not one 3-D volume of one number per voxel, no patient orientation.
    """
    stored = _read(path, dataset, case)
    return stored.voxels_zyx, stored.grid


def _read(path: Path, dataset: str, case: str) -> StoredVolume:
    ending = next((ending for ending in ENDINGS if path.name.lower().endswith(ending)), None)
    if ending is None:
        raise _refusal(path, dataset, case, "a file of another kind", f"a file that ends in {', '.join(ENDINGS)}")
    try:
        return _READERS[ending](path)
    except UnreadableFileError as error:
        raise _refusal(path, dataset, case, error.found, error.wanted) from None


def _repaired(stored: StoredVolume, path: Path, dataset: str, case: str) -> tuple[Grid, str]:
    try:
        grid, error = repair_grid(stored.grid)
    except ValueError as fault:
        raise _refusal(path, dataset, case, str(fault), "orthonormal axes") from None
    notes = [f"axes {error:.1e} from orthonormal"] if error > ORTHONORMAL_TOLERANCE else []
    return grid, "; ".join([*notes, *([stored.note] if stored.note else [])])


def _refusal(path: Path, dataset: str, case: str, found: str, wanted: str) -> ConversionError:
    return ConversionError(
        dataset,
        case,
        found=f"{shown_name(path)}: {found}",
        wanted=wanted,
        action="copy the file again, or export it again from its source",
    )


def _hounsfield(voxels: np.ndarray) -> np.ndarray:
    """Return the values as int16 if none is lost, else float32."""
    bounds = np.iinfo(np.int16)
    low, high = voxels.min(), voxels.max()
    if not (np.isfinite(low) and np.isfinite(high)):  # min and max carry NaN along
        raise ValueError("NaN or infinite values")
    if abs(float(low)) > _LARGEST_WHOLE or abs(float(high)) > _LARGEST_WHOLE:
        raise ValueError(f"values from {float(low):.4g} to {float(high):.4g}")
    fits = bounds.min <= low and high <= bounds.max
    if fits and (voxels.dtype.kind in "iu" or all(np.array_equal(plane, np.rint(plane)) for plane in voxels)):
        return voxels.astype(np.int16, copy=False)
    return voxels.astype(np.float32, copy=False)


def _image(voxels_zyx: np.ndarray, grid: Grid) -> sitk.Image:
    image = sitk.GetImageFromArray(np.ascontiguousarray(voxels_zyx))
    image.SetSpacing(grid.spacing_mm.tolist())
    image.SetOrigin(grid.affine_lps[:3, 3].tolist())
    image.SetDirection(grid.direction.ravel().tolist())
    return image

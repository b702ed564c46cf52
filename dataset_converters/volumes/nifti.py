"""NIfTI files written whole and read strictly.

ITK cannot be used for either: on a full disk it leaves a truncated ``.nii.gz`` and reports success, and on reading it
fills what is missing with zeros and turns NaN into 0 HU.
"""

import gzip
import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from dataset_converters.atomic import replacing
from dataset_converters.volumes.grid import Grid, grid_of
from dataset_converters.volumes.stored_voxels import Packing, UnreadableFileError, check_announced, unpack

ENDINGS = (".nii.gz", ".nii")
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_HEADER_BYTES = 348
_LARGEST_OFFSET = 2**26
_COMPRESSION_LEVEL = 3


class UnreadableNiftiError(UnreadableFileError):
    """A NIfTI file is truncated, damaged or not a 3-D volume; ``found`` and ``wanted`` say how."""


def label_counts(voxels: np.ndarray) -> np.ndarray:
    """Return how many voxels of a uint8 volume have each value, shape (256,), slice by slice to spare memory."""
    counts = np.zeros(256, dtype=np.int64)
    for plane in voxels:
        counts += np.bincount(plane.ravel(), minlength=256)
    return counts


@dataclass(frozen=True)
class Volume:
    """One NIfTI file as stored.

    Attributes
    ----------
    grid : Grid
        From the sform, else the qform.
    voxels_zyx : numpy.ndarray
        (z, y, x), rescaled where the header asks for it; NaN and infinities are kept.
    sha256 : str
        Of the file as it lies on the disk.
    doubts : tuple of str
        Header entries that contradict each other, so that two programs may see two grids.
    forms : tuple of Grid
        Every description of the grid in the header: the sform, the qform, the sform with the spacing of pixdim. Empty
        if neither form has a code: the orientation is then a guess.
    scaled : bool
        Whether the header's scale was applied.
    unit : str
        Of the header's lengths: ``mm``, ``meter``, ``micron``, ``unknown``.
    dimensions : int
        Of the file: 4 where a trailing axis of length 1 was dropped.
    """

    grid: Grid
    voxels_zyx: np.ndarray
    sha256: str
    doubts: tuple[str, ...] = ()
    forms: tuple[Grid, ...] = ()
    scaled: bool = False
    unit: str = "unknown"
    dimensions: int = 3


def write_nifti(path: Path, image: sitk.Image) -> str:
    """Write a 3-D image as ``.nii.gz``, whole or not at all; return the SHA-256 of the file.

    Equal images give equal bytes: the gzip header holds neither time nor name. sform and qform are both set,
    float32 as the format wants.

    Raises
    ------
    DiskFullError
        If there is no room; nothing is left behind.
    """
    affine_ras = _LPS_TO_RAS @ grid_of(image).affine_lps
    file = nib.Nifti1Image(sitk.GetArrayViewFromImage(image).T, affine_ras)
    file.header.set_xyzt_units("mm")
    file.set_qform(affine_ras, code=1)
    file.set_sform(affine_ras, code=1)
    with replacing(path) as temporary:
        with (
            open(temporary, "wb") as raw,
            gzip.GzipFile("", "wb", compresslevel=_COMPRESSION_LEVEL, fileobj=raw, mtime=0) as stream,
        ):
            file.to_stream(stream)
        return sha256_of(temporary)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal text."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_nifti(path: Path, *, dropping_axes: bool = False) -> Volume:
    """Read a ``.nii`` or ``.nii.gz`` file to its last byte, checksum included.

    Parameters
    ----------
    dropping_axes : bool
        Read a 4-D file with one volume as that volume.

    Raises
    ------
    UnreadableNiftiError
        If the file is truncated, fails its checksum, holds less or more than its header says, or is not 3-D.
    FileNotFoundError
        If there is no such file.
    """
    if path.exists() and not path.is_file():  # a pipe or device need not end
        raise UnreadableNiftiError(found="no regular file", wanted="a NIfTI file")
    stored = path.read_bytes()
    try:
        return _volume(stored, "gzip" if path.name.lower().endswith(".gz") else "raw", dropping_axes=dropping_axes)
    except UnreadableFileError as error:
        raise UnreadableNiftiError(found=error.found, wanted=error.wanted) from None


def _volume(stored: bytes, packing: Packing, *, dropping_axes: bool) -> Volume:
    header = _header(stored[:_HEADER_BYTES] if packing == "raw" else _first_bytes(stored))
    shape = _shape(header, dropping_axes=dropping_axes)
    content = _content(stored, packing, header, shape)
    voxels_zyx = content.view(header.get_data_dtype()).reshape(shape[::-1])
    try:
        grid, doubts, forms = _grid(header, shape), _doubts(header), _forms(header, shape)
        rescaled, unit = _rescaled(header, voxels_zyx), header.get_xyzt_units()[0]
    except Exception as error:  # nibabel raises whatever a damaged number leads to
        raise UnreadableFileError(
            found=f"a damaged header ({type(error).__name__})", wanted="a valid geometry and scale"
        ) from None
    return Volume(
        grid,
        rescaled,
        hashlib.sha256(stored).hexdigest(),
        doubts,
        forms,
        scaled=rescaled is not voxels_zyx,
        unit=unit,
        dimensions=len(header.get_data_shape()),
    )


def _first_bytes(stored: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(stored[: 2**16], _HEADER_BYTES)
    except zlib.error:
        raise UnreadableFileError(
            found="a truncated or damaged gzip stream (no valid start)", wanted="a complete stream"
        ) from None


def _header(block: bytes) -> nib.Nifti1Header:
    try:
        header = nib.Nifti1Header(block)
        kind, size = header.get_data_dtype(), len(header.get_data_shape())
    except Exception as error:
        raise UnreadableFileError(
            found=f"no NIfTI-1 header ({type(error).__name__})", wanted="a NIfTI-1 file"
        ) from None
    if kind.kind not in "iuf" or kind.itemsize > 8 or not size:
        raise UnreadableFileError(found=f"voxels of type {kind}", wanted="one number per voxel")
    return header


def _shape(header: nib.Nifti1Header, *, dropping_axes: bool) -> tuple[int, int, int]:
    shape = tuple(int(size) for size in header.get_data_shape())
    if dropping_axes and set(shape[3:]) <= {1}:
        shape = shape[:3]
    if len(shape) != 3 or min(shape) < 1:
        raise UnreadableFileError(found=f"shape {shape} (x, y, z...)", wanted="one 3-D volume")
    return shape[0], shape[1], shape[2]


def _content(
    stored: bytes, packing: Packing, header: nib.Nifti1Header, shape: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """Read exactly the bytes the header announces, so that a crafted file cannot expand without end."""
    offset = float(header["vox_offset"])
    if not 0 <= offset <= _LARGEST_OFFSET:
        raise UnreadableFileError(found="a header with another vox_offset", wanted=f"0 to {_LARGEST_OFFSET} bytes")
    start = max(int(offset), _HEADER_BYTES)
    wanted = check_announced(shape, header.get_data_dtype().itemsize, stored_bytes=len(stored), packing=packing)
    return unpack(stored, packing, wanted=wanted, skipped=start)


def _grid(header: nib.Nifti1Header, shape: tuple[int, int, int]) -> Grid:
    return Grid(shape, _LPS_TO_RAS @ np.asarray(header.get_best_affine(), dtype=float))


def _forms(header: nib.Nifti1Header, shape: tuple[int, int, int]) -> tuple[Grid, ...]:
    forms = [form for form in (header.get_sform(coded=True)[0], header.get_qform(coded=True)[0]) if form is not None]
    if forms and header["sform_code"] > 0:
        lengths = np.linalg.norm(forms[0][:3, :3], axis=0)
        scale = np.asarray(header.get_zooms()[:3], float) / np.where(lengths > 0, lengths, 1)
        forms.append(forms[0] @ np.diag([*scale, 1.0]))  # ITK takes the axes of the sform, the spacing of pixdim
    return tuple(Grid(shape, _LPS_TO_RAS @ np.asarray(form, dtype=float)) for form in forms)


def _rescaled(header: nib.Nifti1Header, voxels_zyx: np.ndarray) -> np.ndarray:
    slope, intercept = header.get_slope_inter()
    if slope in (None, 1.0) and intercept in (None, 0.0):
        return voxels_zyx
    return voxels_zyx * np.float32(slope if slope is not None else 1) + np.float32(intercept or 0)


def _doubts(header: nib.Nifti1Header) -> tuple[str, ...]:
    doubts = []
    affine = header.get_best_affine()
    zooms, lengths = np.asarray(header.get_zooms()[:3], float), np.linalg.norm(affine[:3, :3], axis=0)
    if not np.allclose(zooms, lengths, rtol=1e-3):
        doubts.append(f"pixdim {zooms.round(4).tolist()} mm against {lengths.round(4).tolist()} mm of the affine")
    if header["sform_code"] > 0 and header["qform_code"] > 0:
        difference = float(np.abs(header.get_sform() - header.get_qform()).max())
        if difference > 1e-2:
            doubts.append(f"sform and qform that differ by {difference:.3g} mm")
    return tuple(doubts)

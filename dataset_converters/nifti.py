"""NIfTI files written whole and read strictly.

ITK cannot be used for either: on a full disk it leaves a truncated ``.nii.gz`` and reports success, and on reading it
fills what is missing with zeros and turns NaN into 0 HU.
"""

import gzip
import hashlib
import io
import zlib
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk

from dataset_converters.atomic import replacing
from dataset_converters.grid import Grid, grid_of

ENDINGS = (".nii.gz", ".nii")
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_HEADER_BYTES = 348
_LARGEST_BYTES = 32 * 2**30
_COMPRESSION_LEVEL = 3


class UnreadableNiftiError(Exception):
    """A NIfTI file is truncated, damaged or not a 3-D volume; ``found`` and ``wanted`` say how."""

    def __init__(self, *, found: str, wanted: str) -> None:
        super().__init__(f"found {found}; wanted {wanted}")
        self.found = found
        self.wanted = wanted


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
    """

    grid: Grid
    voxels_zyx: np.ndarray
    sha256: str
    doubts: tuple[str, ...] = ()


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


def read_nifti(path: Path) -> Volume:
    """Read a ``.nii`` or ``.nii.gz`` file to its last byte, checksum included.

    Raises
    ------
    UnreadableNiftiError
        If the file is truncated, fails its checksum, holds less or more than its header says, or is not 3-D.
    FileNotFoundError
        If there is no such file.
    """
    stored = path.read_bytes()
    stream = gzip.GzipFile(fileobj=io.BytesIO(stored)) if path.name.endswith(".gz") else io.BytesIO(stored)
    try:
        header = _header(stream.read(_HEADER_BYTES))
        content = _content(stream, header)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableNiftiError(
            found=f"a truncated or damaged gzip stream ({error})", wanted="a stream with a valid checksum"
        ) from error
    shape = tuple(int(size) for size in header.get_data_shape())
    voxels_zyx = content.view(header.get_data_dtype()).reshape(shape[::-1])
    try:
        grid, doubts, voxels_zyx = _grid(header, shape), _doubts(header), _rescaled(header, voxels_zyx)
    except (ValueError, ArithmeticError, nib.spatialimages.HeaderDataError) as error:
        raise UnreadableNiftiError(found=f"a damaged header ({error})", wanted="a valid geometry and scale") from error
    return Volume(grid, voxels_zyx, hashlib.sha256(stored).hexdigest(), doubts)


def _header(block: bytes) -> nib.Nifti1Header:
    try:
        header = nib.Nifti1Header(block)
    except Exception as error:
        raise UnreadableNiftiError(found=f"no NIfTI-1 header ({error})", wanted="a NIfTI-1 file") from error
    shape = header.get_data_shape()
    if len(shape) != 3 or min(shape) < 1:
        raise UnreadableNiftiError(found=f"shape {tuple(map(int, shape))} (x, y, z...)", wanted="one 3-D volume")
    if header.get_data_dtype().kind not in "iuf":
        raise UnreadableNiftiError(found=f"voxels of type {header.get_data_dtype()}", wanted="one number per voxel")
    return header


def _content(stream: io.BufferedIOBase, header: nib.Nifti1Header) -> np.ndarray:
    """Read exactly the bytes the header announces, so that a crafted file cannot expand without end."""
    wanted = int(np.prod(header.get_data_shape(), dtype=object)) * header.get_data_dtype().itemsize
    offset = max(float(header["vox_offset"]), _HEADER_BYTES)
    if not wanted + offset <= _LARGEST_BYTES:
        raise UnreadableNiftiError(found=f"a header that announces {wanted} bytes", wanted=f"at most {_LARGEST_BYTES}")
    stream.read(int(offset) - _HEADER_BYTES)
    content = stream.read(wanted)
    rest = stream.read(1)
    if len(content) != wanted or rest:
        found = "more bytes than that" if rest else f"{len(content)} bytes of voxels"
        raise UnreadableNiftiError(found=found, wanted=f"{wanted} bytes as the header says (truncated or wrong header)")
    return np.frombuffer(content, dtype=np.uint8)


def _grid(header: nib.Nifti1Header, shape: tuple[int, ...]) -> Grid:
    affine_ras = np.asarray(header.get_best_affine(), dtype=float)
    return Grid((shape[0], shape[1], shape[2]), _LPS_TO_RAS @ affine_ras)


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

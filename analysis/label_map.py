"""Reading a label map and checking that two of them lie on the same grid."""

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from analysis.errors import AnalysisError

GRID_TOLERANCE_MM = 1e-3
DIRECTION_TOLERANCE = 1e-4
LARGEST_LABEL = 2**31 - 1


@dataclass(frozen=True)
class LabelMap:
    """Labels (z, y, x) and the grid they lie on."""

    labels: npt.NDArray[np.integer]
    spacing_zyx_mm: tuple[float, float, float]
    origin_xyz_mm: tuple[float, ...]
    direction: tuple[float, ...]


def read_label_map(path: Path) -> LabelMap:
    """Read a 3-D label map.

    Raises
    ------
    AnalysisError
        If the file is missing, damaged, not 3-D or holds values that are not whole numbers or too large for labels.
    """
    if not path.is_file():
        raise AnalysisError("file not found")
    size = _whole_size(path)
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise AnalysisError(f"not readable: {_last_line(error)}") from None
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise AnalysisError(f"found {image.GetDimension()} dimensions, wanted one 3-D label map")
    _refuse_short(image, size)
    spacing = image.GetSpacing()
    return LabelMap(
        labels=_whole_numbers(sitk.GetArrayFromImage(image)),
        spacing_zyx_mm=(spacing[2], spacing[1], spacing[0]),
        origin_xyz_mm=image.GetOrigin(),
        direction=image.GetDirection(),
    )


def grid_difference(reference: LabelMap, prediction: LabelMap) -> str:
    """Return how two grids differ in words, or an empty string."""
    if reference.labels.shape != prediction.labels.shape:
        return f"size_zyx {prediction.labels.shape}, reference {reference.labels.shape}"
    for name, tolerance in (
        ("spacing_zyx_mm", GRID_TOLERANCE_MM),
        ("origin_xyz_mm", GRID_TOLERANCE_MM),
        ("direction", DIRECTION_TOLERANCE),
    ):
        found, wanted = getattr(prediction, name), getattr(reference, name)
        if not np.allclose(found, wanted, rtol=0.0, atol=tolerance):
            return f"{name} {_rounded(found)}, reference {_rounded(wanted)}"
    return ""


def _whole_size(path: Path) -> int:
    """Return the number of bytes of a file's content, a compressed one read to its checksum."""
    if path.suffix != ".gz":
        return path.stat().st_size
    size = 0
    try:
        with gzip.open(path) as stream:
            while part := stream.read(1 << 22):
                size += len(part)
    except (OSError, EOFError, zlib.error):
        raise AnalysisError("not readable: truncated or damaged gzip file") from None
    return size


def _refuse_short(image: sitk.Image, size: int) -> None:
    """Refuse a NIfTI file with fewer voxels than its header says: ITK fills them with zeros and says nothing."""
    if not image.HasMetaDataKey("bitpix"):
        return
    wanted = image.GetNumberOfPixels() * int(image.GetMetaData("bitpix")) // 8
    if size < wanted:
        raise AnalysisError(f"not readable: truncated, {size} bytes for {wanted} bytes of voxels")


def _whole_numbers(array: npt.NDArray[np.generic]) -> npt.NDArray[np.integer]:
    if np.issubdtype(array.dtype, np.integer):
        return cast("npt.NDArray[np.integer]", array)
    if not np.isfinite(array).all() or not np.array_equal(array, np.rint(array)):
        raise AnalysisError("values that are not whole numbers, wanted labels")
    if array.size and (array.max() > LARGEST_LABEL or array.min() < -LARGEST_LABEL):
        raise AnalysisError(f"labels from {array.min():.0f} to {array.max():.0f}, wanted at most {LARGEST_LABEL}")
    return array.astype(np.int32)


def _last_line(error: RuntimeError) -> str:
    """Return what went wrong without the source position and the machine path the library prints before it."""
    line = str(error).strip().splitlines()[-1]
    return line.split('": ')[-1].strip()[:200]


def _rounded(values: tuple[float, ...]) -> str:
    return "(" + ", ".join(f"{value:.4g}" for value in values) + ")"

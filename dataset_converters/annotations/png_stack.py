"""A mask given as one PNG image per slice."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from dataset_converters.errors import ConversionError

FOREGROUND = (1, 255)


def read_png_masks(files: Sequence[Path], size_xy: tuple[int, int], *, dataset: str, case: str) -> NDArray[np.bool_]:
    """Return the masks (slice, y, x) in the order of the files; the size is checked before pixels are read.

    Raises
    ------
    ConversionError
        A file is damaged, of another size, coloured, or holds values other than 0, 1 and 255.
    """
    masks = np.zeros((len(files), size_xy[1], size_xy[0]), np.bool_)
    for index, file in enumerate(files):
        found = _read(file, size_xy)
        if isinstance(found, str):
            place = f"mask {index + 1} of {len(files)} (sorted by name)"
            wanted = f"a grey PNG image of {size_xy[0]} x {size_xy[1]} pixels, 0 and 255"
            raise ConversionError(dataset, case, found=f"{place}: {found}", wanted=wanted, action="unpack it again")
        masks[index] = found
    return masks


def _read(file: Path, size_xy: tuple[int, int]) -> NDArray[np.bool_] | str:
    """Return the mask, or what is wrong with the file."""
    try:
        reader = sitk.ImageFileReader()
        reader.SetImageIO("PNGImageIO")
        reader.SetFileName(str(file))
        reader.ReadImageInformation()
        size = reader.GetSize()[:2]
        if size != size_xy or reader.GetNumberOfComponents() != 1:
            return f"{size[0]} x {size[1]} pixels of {reader.GetNumberOfComponents()} channels"
        pixels = np.squeeze(sitk.GetArrayFromImage(reader.Execute()))
    except RuntimeError:
        return "a damaged file"
    unknown = np.setdiff1d(np.unique(pixels), (0, *FOREGROUND))
    return f"values {', '.join(map(str, unknown[:5]))}" if unknown.size else pixels > 0

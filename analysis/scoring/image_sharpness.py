"""How sharp an image of a run is, from a bounded number of its slices."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from dataset_converters.physics.sharpness import sharpness_index

MOST_SLICES = 16
"""Slices measured per image, evenly spaced: 0.3 s of 512 x 512, beside 0.3 s to read 64 slices (1.5 s for 300)."""
Measured = tuple[float, float]
_UNKNOWN = (float("nan"), float("nan"))


def image_sharpness(path: Path) -> Measured:
    """Return the sharpness of an image in lp/cm and its standard error (``physics.sharpness``), in native pixels.

    NaN where it cannot be measured: an image that cannot be read or is no volume, pixels above 1 mm, fewer than four
    of the slices with enough soft tissue.
    """
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        if reader.GetDimension() != 3:
            return _UNKNOWN
        spacing_mm, depth = reader.GetSpacing(), int(reader.GetSize()[2])
        pixel_yx_mm = (spacing_mm[1], spacing_mm[0])
        sharpness_index(np.zeros((0, 1, 1), np.int16), pixel_yx_mm)  # too large pixels are not worth reading
        image = reader.Execute()
        found = sharpness_index(sitk.GetArrayViewFromImage(image)[:: -(-depth // MOST_SLICES)], pixel_yx_mm)
    except (RuntimeError, ValueError):
        return _UNKNOWN
    return found.index_lp_per_cm, found.standard_error

"""Volumes that have lost their spacing: the header says 1 x 1 x 1 mm."""

from pathlib import Path
from typing import Literal

import nibabel as nib
import numpy as np

from dataset_converters.errors import ConversionError

UnitSpacing = Literal["refuse", "accept"]
UNIT_SPACING_OPTION = "volumes whose header says 1 x 1 x 1 mm: refuse (default) or accept"


def refuse_unit_spacing(path: Path, *, dataset: str, case: str, instead: str) -> None:
    """Refuse a NIfTI file of 1 x 1 x 1 mm, as programs write that lost the spacing; only the header is read.

    Parameters
    ----------
    instead : str
        What a user may do.

    Raises
    ------
    ConversionError
        The spacing is 1 mm along all axes.
    """
    if has_unit_spacing(path):
        found = "a spacing of 1 x 1 x 1 mm, which is how a lost one reads"
        raise ConversionError(dataset, case, found=found, wanted="the true spacing", action=instead)


def has_unit_spacing(path: Path) -> bool:
    """Whether a NIfTI header says 1 x 1 x 1 mm; an unreadable one does not."""
    try:
        header = nib.nifti1.load(path).header
        return bool(np.allclose(header.get_zooms()[:3], 1.0, atol=1e-6))
    except Exception:  # the reader of the image says what is wrong with it
        return False

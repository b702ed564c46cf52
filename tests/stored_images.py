"""Tiny volumes and their files for the tests of readers."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

WHERE = {"dataset": "demo", "case": "C1"}
SIZE_XYZ = (4, 3, 2)
SPACING_MM = (0.5, 1.25, 3.0)
ORIGIN_MM = (-40.0, 12.5, 300.0)


def numbered(dtype: str = "int16", direction: tuple[float, ...] = (1, 0, 0, 0, 1, 0, 0, 0, 1)) -> sitk.Image:
    """Every voxel with a value of its own, 100 apart from slice to slice."""
    z, y, x = np.indices(SIZE_XYZ[::-1])
    image = sitk.GetImageFromArray((x + 10 * y + 100 * z).astype(dtype))
    image.SetSpacing(SPACING_MM)
    image.SetOrigin(ORIGIN_MM)
    image.SetDirection(direction)
    return image


def written(path: Path, image: sitk.Image, *, compressed: bool = False) -> Path:
    """Write by ITK, an independent writer."""
    sitk.WriteImage(image, path, useCompression=compressed)
    return path


def edited(path: Path, old: str, new: str) -> Path:
    """Change one place of a text header."""
    content = path.read_bytes()
    assert content.count(old.encode()) == 1, (old, content[:600])
    path.write_bytes(content.replace(old.encode(), new.encode()))
    return path


def array(image: sitk.Image) -> np.ndarray:
    """Voxels (z, y, x)."""
    return sitk.GetArrayFromImage(image)

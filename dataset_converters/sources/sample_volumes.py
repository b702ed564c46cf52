"""A tiny invented chest for the samples of dataset files: image in HU, structures, and files of every format."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

SIZE_XYZ = (24, 20, 12)
SPACING_MM = (14.0, 12.5, 22.0)

_Axes = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class SampleChest:
    """An invented chest of the size of a person in few, large voxels.

    Attributes
    ----------
    image : SimpleITK.Image
        int16 HU. Axes run to the left, back and head, unless `turned` changed them.
    structures : mapping
        Name to uint8 mask of 0 and 1 on the image's grid: ``body``, ``right_lung``, ``left_lung``, ``lung`` (both),
        ``trachea``, ``heart``, ``liver``, ``spine``; ``tumour`` inside the right lung, ``effusion`` and ``disease``
        (ground glass) inside the left. The lungs contain them; the others lie outside.
    """

    image: sitk.Image
    structures: Mapping[str, sitk.Image]

    def labels(self, **values: int) -> sitk.Image:
        """Return a uint8 label map of the named structures; where they overlap, the one named later wins."""
        painted = np.zeros(self.image.GetSize()[::-1], dtype=np.uint8)
        for name, value in values.items():
            painted[sitk.GetArrayViewFromImage(self.structures[name]) > 0] = value
        return _like(painted, self.image)

    def turned(self, axes: str) -> "SampleChest":
        """Return the same chest stored in another order, such as ``RAS`` or ``LPI`` (where each index axis runs to)."""
        structures = {name: turned(mask, axes) for name, mask in self.structures.items()}
        return SampleChest(turned(self.image, axes), structures)


def sample_chest(
    seed: int,
    *,
    noise_hu: float = 20.0,
    size_xyz: tuple[int, int, int] = SIZE_XYZ,
    spacing_mm: tuple[float, float, float] = SPACING_MM,
) -> SampleChest:
    """Return the chest of one invented patient.

    The seed sets origin, lung size (by up to 6 %) and noise. Equal seeds with other ``noise_hu`` are one patient with
    two kernels. Both lungs together hold 2 to 3 litres on the default grid.
    """
    random = np.random.default_rng(seed)
    size = float(random.uniform(0.94, 1.06))
    grid = sitk.Image(list(size_xyz), sitk.sitkInt16)
    grid.SetSpacing(spacing_mm)
    extent_mm = [(n - 1) * mm for n, mm in zip(size_xyz, spacing_mm, strict=True)]
    shift_mm = random.integers(-9, 10, 3)
    grid.SetOrigin([float(move) - extent / 2 for move, extent in zip(shift_mm, extent_mm, strict=True)])
    axes = _axes_mm(size_xyz, spacing_mm)
    structures = _structures(axes, size)
    values_hu = _values_hu(structures) + random.normal(0, noise_hu, size_xyz[::-1])
    image = _like(np.clip(values_hu, -1024, 3071).astype(np.int16), grid)
    return SampleChest(image, {name: _like(mask.astype(np.uint8), grid) for name, mask in structures.items()})


def turned(image: sitk.Image, axes: str) -> sitk.Image:
    """Return an image with its voxels in another order, each where it was: ``axes`` says where each index runs to."""
    return sitk.DICOMOrient(image, axes)


def write_sample(path: Path, image: sitk.Image) -> None:
    """Write an image as its name says (.nii.gz, .nii, .mha, .nrrd, .mhd with .raw); missing folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image, str(path), useCompression=path.name.endswith((".nii.gz", ".nrrd")))


def _axes_mm(size_xyz: tuple[int, int, int], spacing_mm: tuple[float, float, float]) -> _Axes:
    """Coordinates x, y, z in mm from the middle of the grid, each of shape (z, y, x)."""
    steps = [(np.arange(n) - (n - 1) / 2) * mm for n, mm in zip(size_xyz, spacing_mm, strict=True)]
    z, y, x = np.meshgrid(*reversed(steps), indexing="ij")
    return x, y, z


def _structures(axes: _Axes, size: float) -> dict[str, NDArray[np.bool_]]:
    x, y, z = axes
    body = (x / 155) ** 2 + (y / 114) ** 2 <= 1
    right, left = _lung(axes, -68 * size, size), _lung(axes, 68 * size, size)
    liver = _ball(axes, (-60, 0, -105), (80, 75, 50)) & body & ~right & ~left
    found = {"body": body, "right_lung": right, "left_lung": left, "lung": right | left}
    found["trachea"] = (x**2 + (y - 15) ** 2 <= 11**2) & (z > 20) & ~(right | left)
    found["heart"] = _ball(axes, (12, -25, -30), (38, 45, 50)) & body & ~(right | left)
    found["liver"] = liver
    found["spine"] = _ball((x, y, 0 * z), (0, 68, 0), (17, 17, 1))
    found["tumour"] = _ball(axes, (-68, -5, 10), (24, 24, 30)) & right
    found["effusion"] = left & (y > 30) & (z < -10)
    found["disease"] = _ball(axes, (68, -10, 0), (26, 30, 45)) & left & ~found["effusion"]
    return found


def _lung(axes: _Axes, middle_x_mm: float, size: float) -> NDArray[np.bool_]:
    """Narrow at the apex, wide at the base."""
    x, y, z = axes
    top_mm, base_mm = 108 * size, -86 * size
    height = (z - base_mm) / (top_mm - base_mm)
    width = np.sqrt(np.clip(1 - np.clip(height, 0, 1) ** 2, 0, 1)) * size
    inside = ((x - middle_x_mm) / 46) ** 2 + (y / 66) ** 2 <= width**2
    return inside & (height >= 0) & (height < 1)


def _ball(
    axes: _Axes, middle_mm: tuple[float, float, float], radii_mm: tuple[float, float, float]
) -> NDArray[np.bool_]:
    parts = [((axis - at) / radius) ** 2 for axis, at, radius in zip(axes, middle_mm, radii_mm, strict=True)]
    return parts[0] + parts[1] + parts[2] <= 1


def _values_hu(structures: Mapping[str, NDArray[np.bool_]]) -> NDArray[np.float64]:
    values_hu = np.full(structures["body"].shape, -1000.0)
    for name, value_hu in (
        ("body", 30),
        ("lung", -850),
        ("trachea", -990),
        ("heart", 40),
        ("liver", 60),
        ("spine", 450),
        ("disease", -550),
        ("effusion", 10),
        ("tumour", 45),
    ):
        values_hu[structures[name]] = value_hu
    return values_hu


def _like(array_zyx: np.ndarray, grid: sitk.Image) -> sitk.Image:
    image = sitk.GetImageFromArray(array_zyx)
    image.CopyInformation(grid)
    return image

"""A patient drawn with ellipsoids: body, spine, lungs, liver below, heart on the left."""

import numpy as np
import SimpleITK as sitk

SPACING_ZYX_MM = (8.0, 4.5, 4.5)
SHAPE = (40, 58, 80)
STRUCTURES = {"background": 0, "right_lung": 1, "left_lung": 2, "heart": 3, "liver": 4, "spinal_cord": 5}


def draw_chest() -> tuple[sitk.Image, sitk.Image]:
    """Return image (int16 HU, noise of 20 HU) and labels (uint8) whose axes are left, posterior, superior."""
    z, y, x = np.meshgrid(
        *((np.arange(n) - (n - 1) / 2) * mm for n, mm in zip(SHAPE, SPACING_ZYX_MM, strict=True)), indexing="ij"
    )
    body = (x / 165) ** 2 + (y / 115) ** 2 < 1
    spine = x**2 + (y - 78) ** 2 < 16**2
    cord = x**2 + (y - 78) ** 2 < 7**2
    heart = ((x - 25) / 45) ** 2 + ((y + 25) / 40) ** 2 + ((z + 40) / 55) ** 2 < 1
    liver = ((x + 45) / 95) ** 2 + ((y + 30) / 85) ** 2 + ((z + 140) / 90) ** 2 < 1
    dome = ((x - 45) / 95) ** 2 + ((y + 30) / 85) ** 2 + ((z + 145) / 90) ** 2 < 1
    size = np.sqrt(np.clip((140 - z) / 200, 0, 1))
    within = (z > -135) & (z < 140) & body & ~spine & ~heart & ~liver & ~dome & (abs(x) > 14)
    lung = within & (((abs(x) - 66) / (56 * size + 1e-9)) ** 2 + (y / (86 * size + 1e-9)) ** 2 < 1)
    hu = np.where(body, 40, -1000)
    for mask, value in ((lung, -850), (heart, 45), (liver, 60), (spine, 450), (cord, 50)):
        hu[mask] = value
    labels = np.zeros(SHAPE, np.uint8)
    for mask, value in ((lung & (x < 0), 1), (lung & (x > 0), 2), (heart, 3), (liver, 4), (cord, 5)):
        labels[mask] = value
    noisy = hu + np.random.default_rng(3).normal(0, 20, SHAPE)
    return _image(noisy.round().astype(np.int16)), _image(labels)


def flipped(image: sitk.Image, axes: str) -> sitk.Image:
    """Return an image whose voxels are mirrored along ``x``, ``y``, ``z`` while its header stays."""
    array = np.flip(sitk.GetArrayFromImage(image), tuple("zyx".index(axis) for axis in axes))
    return with_voxels(image, array)


def with_voxels(image: sitk.Image, array: np.ndarray) -> sitk.Image:
    """Return an array (z, y, x) on the grid of an image."""
    other = sitk.GetImageFromArray(np.ascontiguousarray(array))
    other.CopyInformation(image)
    return other


def _image(array: np.ndarray) -> sitk.Image:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(SPACING_ZYX_MM[::-1])
    return image

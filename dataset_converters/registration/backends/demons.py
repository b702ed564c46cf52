"""Diffeomorphic demons of SimpleITK (Vercauteren et al. 2009, NeuroImage 45:S61), two resolutions; CPU only."""

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from dataset_converters.registration.deformation import Deformation, Field
from dataset_converters.registration.frame import Frame

_FACTORS, _ITERATIONS = (2, 1), (60, 30)
_SMOOTHING_VOXELS = 1.5


def deform(
    moving: NDArray[np.float32],
    fixed: NDArray[np.float32],
    frame: Frame,
    *,
    weight: NDArray[np.float32],
    seed: int = 0,
    device: str = "cpu",
) -> Deformation:
    """Return the field of the demons and its numerical inverse (`InvertDisplacementField`).

    Several channels are averaged into one, since demons compare one value a voxel; where the fixed image does not
    count, the moving one is replaced by it.

    Parameters
    ----------
    seed, device : int, str
        Not used: nothing is random, and SimpleITK has no GPU.
    """
    del seed, device
    compared = fixed.mean(axis=0)
    images = [_image(array, frame) for array in (np.where(weight > 0, moving.mean(axis=0), compared), compared)]
    field: sitk.Image | None = None
    for factor, iterations in zip(_FACTORS, _ITERATIONS, strict=True):
        size = [max(4, count // factor) for count in images[0].GetSize()]
        spacing = [n * s / m for n, s, m in zip(images[0].GetSize(), images[0].GetSpacing(), size, strict=True)]
        grid = sitk.Image(size, sitk.sitkFloat32)
        grid.SetSpacing(spacing)
        grid.SetOrigin([step / 2 for step in spacing])
        start = sitk.Image(size, sitk.sitkVectorFloat64) if field is None else sitk.Resample(field, grid)
        start.CopyInformation(grid)
        small = [sitk.Resample(image, grid, sitk.Transform(), sitk.sitkLinear) for image in images]
        demons = sitk.DiffeomorphicDemonsRegistrationFilter()
        demons.SetNumberOfIterations(iterations)
        demons.SetStandardDeviations(_SMOOTHING_VOXELS)
        field = demons.Execute(small[1], small[0], start)
    assert field is not None  # at least one resolution
    inverse = sitk.InvertDisplacementField(field, maximumNumberOfIterations=20, enforceBoundaryCondition=False)
    return Deformation(as_field(field), as_field(inverse))


def as_field(image: sitk.Image) -> Field:
    """Return the vectors of a displacement image, (x, y, z), as (D, *shape) in the order of the array's axes."""
    vectors = np.moveaxis(sitk.GetArrayFromImage(image), -1, 0)[::-1]
    return np.ascontiguousarray(vectors, np.float32)


def _image(array: NDArray[np.float32], frame: Frame) -> sitk.Image:
    image = sitk.GetImageFromArray(np.ascontiguousarray(array, np.float32))
    image.SetSpacing(frame.spacing_mm[::-1])
    image.SetOrigin([step / 2 for step in frame.spacing_mm[::-1]])
    return image

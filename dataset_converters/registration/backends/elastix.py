"""Cubic B-splines of elastix (Klein et al. 2010, IEEE TMI 29:196) with mutual information; needs ``itk-elastix``."""

import tempfile

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from dataset_converters.registration.backends.demons import as_field
from dataset_converters.registration.deformation import Deformation, Field
from dataset_converters.registration.errors import RegistrationError
from dataset_converters.registration.frame import Frame

_KNOTS_MM = 16.0


def deform(
    moving: NDArray[np.float32],
    fixed: NDArray[np.float32],
    frame: Frame,
    *,
    weight: NDArray[np.float32],
    seed: int = 0,
    device: str = "cpu",
) -> Deformation:
    """Return the field of elastix's default B-splines and its numerical inverse; several channels are averaged.

    Splines without a penalty may fold, which the quality of a registration tells.

    Raises
    ------
    RegistrationError
        The package itk-elastix is not installed.
    """
    del device
    try:
        import itk
    except ImportError:
        itk = None
    if itk is None or not hasattr(itk, "elastix_registration_method"):
        raise RegistrationError(
            "backend elastix",
            found="no package itk-elastix",
            wanted="the optional package (1.6 GB)",
            action="install it with: pip install 'ctshift[elastix]', or take backend svf or demons",
        )
    compared = fixed.mean(axis=0)
    images = [_image(itk, array, frame) for array in (compared, np.where(weight > 0, moving.mean(axis=0), compared))]
    parameters = itk.ParameterObject.New()
    chosen = parameters.GetDefaultParameterMap("bspline", 3, _KNOTS_MM)
    chosen["RandomSeed"] = [str(seed + 1)]
    parameters.AddParameterMap(chosen)
    _, found = itk.elastix_registration_method(*images, parameter_object=parameters, number_of_threads=1)
    with tempfile.TemporaryDirectory() as folder:  # it writes the field to a file too, else where the program runs
        vectors = itk.array_from_image(itk.transformix_deformation_field(images[1], found, output_directory=folder))
    forward = np.ascontiguousarray(np.moveaxis(vectors, -1, 0)[::-1], np.float32)
    return Deformation(forward, _inverted(forward, frame))


def _image(itk: object, array: NDArray[np.float32], frame: Frame) -> object:
    image = itk.image_from_array(np.ascontiguousarray(array, np.float32))  # type: ignore[attr-defined]
    image.SetSpacing(frame.spacing_mm[::-1])
    image.SetOrigin([step / 2 for step in frame.spacing_mm[::-1]])
    return image


def _inverted(forward: Field, frame: Frame) -> Field:
    vectors = np.ascontiguousarray(np.moveaxis(forward[::-1], 0, -1), np.float64)
    field = sitk.GetImageFromArray(vectors, isVector=True)
    field.SetSpacing(frame.spacing_mm[::-1])
    return as_field(sitk.InvertDisplacementField(field, maximumNumberOfIterations=20, enforceBoundaryCondition=False))

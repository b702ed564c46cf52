"""NIfTI files of a case warped to a template, and its prediction warped back to the original grid."""

from collections.abc import Collection
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from dataset_converters.errors import ConversionError
from dataset_converters.registration.affine import Affine
from dataset_converters.registration.deformation import Deformation
from dataset_converters.registration.errors import RegistrationError
from dataset_converters.registration.frame import Frame, coarser
from dataset_converters.registration.quality import Quality
from dataset_converters.registration.register import register
from dataset_converters.registration.warp import Warp
from dataset_converters.registration.warp_file import load_warp, save_warp
from dataset_converters.volumes.grid import Grid, grid_difference, grid_of, largest_displacement_mm
from dataset_converters.volumes.image_file import read_image, read_voxels
from dataset_converters.volumes.nifti import sha256_of, write_nifti

_AXES = "LPS"
COARSE_MM = 50.0
"""Of a displacement that is zero everywhere."""


def warp_files(
    moving_image: Path,
    moving_label: Path | None,
    template_image: Path,
    out_image: Path | None,
    out_label: Path | None,
    warp_file: Path,
    *,
    template_label: Path | None = None,
    lung_labels: Collection[int] = (),
    dataset: str = "registration",
    case: str = "",
    **options: Any,
) -> Quality:
    """Register a case to a template by the images, and write its image, its label map and the warp.

    Both are turned to the nearest of the axes left, posterior, superior first; a tilt that is left is for the affine
    transform to find. The results lie on the template's grid, as turned. Labels are only moved, never registered by.
    If a limit was missed all is written, and the status says so. A case that could not be registered at all is laid on
    the template by the centres of both images, so that its image and label map still belong together and it can be
    predicted: no case is lost, and its status says ``failed``.

    Parameters
    ----------
    template_label, lung_labels
        Label map of the template, and the values that are lung in both: then the overlap of the lungs is measured.
    options : mapping
        Of `register.register`: ``backend``, ``seed``, ``device``, ``limits``.

    Raises
    ------
    ConversionError
        A file is damaged or is no CT, or the label map is on another grid than its image.
    """
    moving, fixed = (
        _turned(read_image(path, dataset=dataset, case=case).image) for path in (moving_image, template_image)
    )
    label = _label(moving_label, grid_of(moving), dataset, case) if moving_label else None
    masks: dict[str, Any] = {}
    if label is not None and template_label is not None and lung_labels:
        its = _label(template_label, grid_of(fixed), dataset, case)
        masks = {"moving_lung": np.isin(label, list(lung_labels)), "fixed_lung": np.isin(its, list(lung_labels))}
    found = register(
        sitk.GetArrayFromImage(moving), sitk.GetArrayFromImage(fixed),
        moving_spacing_mm=moving.GetSpacing()[::-1], fixed_spacing_mm=fixed.GetSpacing()[::-1], **masks, **options,
    )  # fmt: skip
    warp = found.warp or _by_centres(moving, fixed)
    if out_image is not None:
        _write_warped(out_image, warp, moving, fixed)
    if label is not None and out_label is not None:
        write_nifti(out_label, _like(warp.warp_labels(label), fixed))
    figures = {
        name: value if isinstance(value, str) or isfinite(value) else None
        for name, value in asdict(found.quality).items()
    }
    hashes = {"moving_sha256": sha256_of(moving_image), "template_sha256": sha256_of(template_image)}
    save_warp(warp_file, warp, facts={**hashes, "quality": figures})
    return found.quality


def warp_image_file(
    original_image: Path,
    warp_file: Path,
    template_image: Path,
    out: Path,
    *,
    dataset: str = "registration",
    case: str = "",
) -> None:
    """Write an image on the grid of the template it was registered to.

    Raises
    ------
    RegistrationError
        The warp is damaged, or of another case or template.
    ConversionError
        A file is damaged.
    """
    warp, facts = load_warp(warp_file)
    for path, name in ((original_image, "moving_sha256"), (template_image, "template_sha256")):
        if facts.get(name) != sha256_of(path):
            raise _fault(warp_file, f"another {name.partition('_')[0]} image than it was made of", "the same")
    original, template = (
        _turned(read_image(path, dataset=dataset, case=case).image) for path in (original_image, template_image)
    )
    _write_warped(out, warp, original, template)


def unwarp_label_file(
    prediction: Path, warp_file: Path, original_image: Path, out: Path, *, dataset: str = "registration", case: str = ""
) -> None:
    """Write a label map predicted on the template's grid on exactly the original image's grid.

    Raises
    ------
    RegistrationError
        The warp is damaged, or of another case or template.
    ConversionError
        A file is damaged.
    """
    warp, facts = load_warp(warp_file)
    if facts.get("moving_sha256") != sha256_of(original_image):
        raise _fault(warp_file, "a warp of another image", "that of the original image")
    original = read_image(original_image, dataset=dataset, case=case).image
    turned = _turned(original)
    labels = _whole(read_voxels(prediction, dataset=dataset, case=case)[0], dataset, case)
    _check(warp, labels, turned, warp_file)
    stored = read_voxels(original_image, dataset=dataset, case=case)[1]  # as the file has it: any handedness
    back = sitk.DICOMOrient(_like(warp.unwarp_labels(labels), turned), _orientation(stored))
    if back.GetSize() != stored.size_xyz or not _coincide(stored, grid_of(back)):
        raise _fault(warp_file, f"labels on {grid_of(back)}", str(stored))
    write_nifti(out, _placed(back, stored))


def _write_warped(path: Path, warp: Warp, moving: sitk.Image, fixed: sitk.Image) -> None:
    write_nifti(path, _like(np.rint(warp.warp_image(sitk.GetArrayFromImage(moving))).astype(np.int16), fixed))


def _by_centres(moving: sitk.Image, fixed: sitk.Image) -> Warp:
    """Return the warp that lays the centres of two images on each other, and moves nothing else."""
    case, template = (Frame(image.GetSize()[::-1], image.GetSpacing()[::-1]) for image in (moving, fixed))
    offset = [(mine - its) / 2 for mine, its in zip(case.extent_mm, template.extent_mm, strict=True)]
    working = coarser(template, COARSE_MM)
    still = np.zeros((3, *working.shape), np.float32)
    return Warp(case, template, working, Affine(np.eye(3), np.array(offset)), Deformation(still, still), "centres")


def _turned(image: sitk.Image) -> sitk.Image:
    return sitk.DICOMOrient(image, _AXES)


def _orientation(grid: Grid) -> str:
    found: str = sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(grid.direction.ravel().tolist())
    return found


def _coincide(grid: Grid, other: Grid) -> bool:
    """Return whether voxels of two grids are the same ones; axes that reading made orthonormal may differ a little."""
    return largest_displacement_mm(grid, other) < 0.5 * float(grid.spacing_mm.min())


def _placed(image: sitk.Image, grid: Grid) -> sitk.Image:
    image.SetSpacing(grid.spacing_mm.tolist())
    image.SetOrigin(grid.affine_lps[:3, 3].tolist())
    image.SetDirection(grid.direction.ravel().tolist())
    return image


def _like(voxels: NDArray[np.generic], reference: sitk.Image) -> sitk.Image:
    image = sitk.GetImageFromArray(voxels)
    image.CopyInformation(reference)
    return image


def _label(path: Path, wanted: Grid, dataset: str, case: str) -> NDArray[np.integer]:
    """Return a label map turned as its image was, checked against that image's grid."""
    voxels, grid = read_voxels(path, dataset=dataset, case=case)
    turned = _turned(_placed(sitk.GetImageFromArray(_whole(voxels, dataset, case)), grid))
    if difference := grid_difference(wanted, grid_of(turned)):
        action = "give the label map of this image"
        raise ConversionError(
            dataset, case, found=f"a label map of {difference[0]}", wanted=difference[1], action=action
        )
    labels: NDArray[np.integer] = sitk.GetArrayFromImage(turned)
    return labels


def _whole(voxels: NDArray[Any], dataset: str, case: str) -> NDArray[np.uint8]:
    labels = voxels.astype(np.uint8)
    if not np.array_equal(labels, voxels):
        raise ConversionError(
            dataset, case, found="labels beyond 0 to 255 or not whole", wanted="uint8 labels", action="correct the file"
        )
    return labels


def _check(warp: Warp, labels: NDArray[np.integer], original: sitk.Image, path: Path) -> None:
    if labels.shape != warp.template.shape:
        raise _fault(path, f"a prediction of shape {labels.shape}", f"the template's {warp.template.shape}")
    if original.GetSize()[::-1] != warp.case.shape:
        raise _fault(path, f"an image of shape {original.GetSize()[::-1]}", f"the case's {warp.case.shape}")


def _fault(path: Path, found: str, wanted: str) -> RegistrationError:
    return RegistrationError(f"warp file {path.name}", found=found, wanted=wanted, action="give the files of one case")

"""Checks of what a case's loaders give: images, facts and annotations, before anything is written."""

from collections.abc import Mapping

import numpy as np
import SimpleITK as sitk

from dataset_converters.errors import ConversionError
from dataset_converters.privacy.facts import fact_fault
from dataset_converters.records import IGNORED, Case, DatasetInfo
from dataset_converters.volumes.grid import grid_difference, grid_fault, grid_of
from dataset_converters.volumes.nifti import label_counts
from dataset_converters.writing.reader_masks import drawn_slices

IMAGE_TYPES = (sitk.sitkInt16, sitk.sitkFloat32)


def checked_image(
    info: DatasetInfo, case: Case, variant: str, image: sitk.Image, *, grid: sitk.Image | None
) -> sitk.Image:
    """Return the image on exactly the first variant's grid (None: it is the first), or refuse it.

    Raises
    ------
    ConversionError
        It is not 3-D, finite int16 or float32 HU on an orthonormal right-handed grid, or lies on another grid.
    """

    def refuse(found: str, wanted: str, action: str) -> ConversionError:
        return ConversionError(info.name, case.case, found=f"variant {variant}: {found}", wanted=wanted, action=action)

    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        found = f"{image.GetDimension()}-D with {image.GetNumberOfComponentsPerPixel()} values a voxel"
        raise refuse(found, "one 3-D volume of one value a voxel", "convert each volume as a variant or case")
    if image.GetPixelID() not in IMAGE_TYPES:
        raise refuse(image.GetPixelIDTypeAsString(), "int16 or float32 HU", "cast it in the dataset file")
    if fault := grid_fault(grid_of(image)):
        raise refuse(*fault, "correct the orientation in the dataset file or exclude the case")
    if grid is not None and (difference := grid_difference(grid_of(grid), grid_of(image))):
        raise refuse(*difference, "resample the variants to one grid, or make them separate cases")
    values = sitk.GetArrayViewFromImage(image)
    bad = 0 if values.dtype.kind != "f" else int(values.size - np.isfinite(values).sum())
    if bad:
        raise refuse(f"{bad} voxels of NaN or infinity", "finite HU", "repair the source or exclude the case")
    if grid is not None:
        image.CopyInformation(grid)
    return image


def checked_facts(info: DatasetInfo, case: Case, variant: str, facts: Mapping[str, str]) -> dict[str, str]:
    """Return the facts of an image, or refuse those that could identify a person."""
    if fault := fact_fault(facts):
        action = "drop it in the dataset file"
        found = f"variant {variant}: {fault[0]}"
        raise ConversionError(info.name, case.case, found=found, wanted=fault[1], action=action)
    return dict(facts)


def checked_annotation(info: DatasetInfo, case: Case, reader: str, grid: sitk.Image) -> sitk.Image:
    """Load a reader's label map (`IGNORED` where left open) on exactly the image's grid, or refuse it.

    Raises
    ------
    ConversionError
        It is not 3-D uint8, lies on another grid, has an unknown label, or labels on none of the slices said to be
        annotated.
    """
    annotation = case.annotations[reader](grid)

    def refuse(found: str, wanted: str, action: str) -> ConversionError:
        found = f"annotation of {reader}: {found}"
        return ConversionError(info.name, case.case, found=found, wanted=wanted, action=action)

    if annotation.GetPixelID() != sitk.sitkUInt8 or annotation.GetDimension() != 3:
        found = f"{annotation.GetDimension()}-D {annotation.GetPixelIDTypeAsString()}"
        raise refuse(found, "3-D uint8", "cast it in the dataset file")
    if difference := grid_difference(grid_of(grid), grid_of(annotation)):
        raise refuse(*difference, "resample it in the dataset file or exclude the case")
    counts = label_counts(sitk.GetArrayViewFromImage(annotation))
    known = {*info.labels.values(), IGNORED}
    unknown = [f"{value} ({counts[value]} voxels)" for value in np.flatnonzero(counts).tolist() if value not in known]
    if unknown:
        found, wanted = f"labels {', '.join(unknown)}", f"labels {dict(info.labels)}"
        raise refuse(found, wanted, "map them in the dataset file")
    if fault := _slice_fault(annotation, case.annotated_slices.get(reader)):
        raise refuse(*fault)
    annotation.CopyInformation(grid)
    return annotation


def _slice_fault(annotation: sitk.Image, slices: tuple[int, ...] | None) -> tuple[str, str, str] | None:
    if slices is None:
        return None
    depth = annotation.GetSize()[2]
    outside = [z for z in slices if not 0 <= z < depth]
    if outside:
        return f"annotated slices {outside[:5]}", f"0 to {depth - 1}", "correct annotated_slices"
    drawn = drawn_slices(annotation)
    if drawn and not drawn & set(slices):
        found = f"labels on slices {min(drawn)} to {max(drawn)} and on none of annotated_slices"
        return found, "labels on annotated slices", "correct annotated_slices: they count from 0"
    return None

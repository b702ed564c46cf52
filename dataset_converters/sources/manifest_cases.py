"""The cases of a user's table: loaders of its images and masks, whatever files they are in."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import pydicom
import SimpleITK as sitk

from dataset_converters.annotations.structure_masks import (
    MaskContext,
    is_image_file,
    read_structure_files,
    read_structures,
)
from dataset_converters.conversion_errors import ConversionErrors, raise_faults
from dataset_converters.dicom.headers import find_case_files, kernel_of
from dataset_converters.dicom.series import DicomSeries, group_dicom_series, inspect_dicom_series, load_dicom_series
from dataset_converters.errors import ConversionError
from dataset_converters.privacy.known_texts import known_kernel
from dataset_converters.records import Case, CtImage
from dataset_converters.sources.manifest_labels import ManifestLabels
from dataset_converters.sources.manifest_table import Manifest, ManifestCase, ManifestImage
from dataset_converters.sources.option_choice import check_choice
from dataset_converters.volumes.grid import Grid, grid_of
from dataset_converters.volumes.image_file import read_image

Tilt = Literal["refuse", "shear"]


def manifest_cases(
    manifest: Manifest, labels: ManifestLabels, *, dataset: str, resampled: bool = False, tilt: Tilt = "refuse"
) -> list[Case]:
    """Return the cases of a table; pixels are read when their loaders are called, headers of DICOM series at once.

    Only where a reader annotated some slices is an image file read at once: its height and direction are needed.

    Parameters
    ----------
    resampled : bool
        Whether masks in image files may lie on another grid; they are then resampled (nearest voxel).
    tilt : str
        What to do with DICOM slices of a tilted gantry, as `read_dicom_series`.

    Raises
    ------
    ConversionError, ConversionErrors
        Everything wrong with the lines of the table and the images read, at once; ``readable`` holds the sound cases.
    """
    check_choice(resampled, (False, True), option="resampled", dataset=dataset)
    check_choice(tilt, get_args(Tilt), option="tilt", dataset=dataset)
    faults, cases = list(manifest.faults), []
    for entry in manifest.cases:
        try:
            cases.append(_read_case(entry, labels, MaskContext(dataset, entry.case, resampled), tilt))
        except ConversionError as fault:
            faults.append(fault)
    try:
        raise_faults(dataset, faults)
    except (ConversionError, ConversionErrors) as error:
        error.readable = tuple(cases)
        raise
    return cases


def _read_case(entry: ManifestCase, labels: ManifestLabels, context: MaskContext, tilt: Tilt) -> Case:
    images = {name: _image_or_series(image, context.dataset, entry.case, tilt) for name, image in entry.images.items()}
    first = next(iter(images.values()))
    if isinstance(first, DicomSeries):
        slice_uids = tuple(first.sop_instance_uids) if tilt == "refuse" else ()  # sheared slices are moved
        context = replace(context, frame_of_reference=first.frame_of_reference, slice_uids=slice_uids)
    slices = _array_indices(entry.slices, _grid(first, context), context) if entry.slices else {}
    return Case(
        patient=entry.patient,
        case=entry.case,
        images={variant: _loader(image, context) for variant, image in images.items()},
        annotations={
            reader: partial(_read_annotation, masks, labels, context) for reader, masks in entry.masks.items()
        },
        annotated_slices=slices,
        role=entry.role,
        covariates=entry.covariates,
    )


def _image_or_series(image: ManifestImage, dataset: str, case: str, tilt: Tilt) -> ManifestImage | DicomSeries:
    """Return an image file as the table names it, or a DICOM series whose headers were checked."""
    if image.path.is_file() and is_image_file(image.path):
        return image
    headers = _series_headers(image, dataset, case)
    return inspect_dicom_series(headers, dataset=dataset, case=case, tilt=tilt)


def _loader(image: ManifestImage | DicomSeries, context: MaskContext) -> Callable[[], CtImage]:
    if isinstance(image, DicomSeries):
        return partial(load_dicom_series, image)
    kernel = known_kernel(image.kernel)
    facts = {"kernel": kernel} if kernel else {}
    return partial(read_image, image.path, dataset=context.dataset, case=context.case, facts=facts)


def _grid(image: ManifestImage | DicomSeries, context: MaskContext) -> Grid:
    if isinstance(image, DicomSeries):
        return image.grid
    return grid_of(read_image(image.path, dataset=context.dataset, case=context.case).image)


def _series_headers(image: ManifestImage, dataset: str, case: str) -> list[pydicom.Dataset]:
    """Return the headers of the one CT series, of the table's kernel where that is given."""
    files = find_case_files(image.path, dataset=dataset, case=case) if image.path.is_dir() else [image.path]
    groups = group_dicom_series(files, dataset=dataset, case=case)
    fitting = [group for group in groups if not image.kernel or _is_kernel(kernel_of(group[0]), image.kernel)]
    if len(fitting) != 1:
        found = (
            f"{len(fitting)} CT series{' of the kernel in the table' if image.kernel else ''} ({len(groups)} in all)"
        )
        action = "give the folder of one series, or its kernel in column kernel"
        raise ConversionError(dataset, case, found=found, wanted="1", action=action)
    return fitting[0]


def _is_kernel(found: str, wanted: str) -> bool:
    """Whether a kernel is the wanted one, with or without its second value, in capitals or not."""
    return wanted.upper() in (found.upper(), found.split("\\")[0].upper())


def _read_annotation(
    masks: Mapping[str, Path], labels: ManifestLabels, context: MaskContext, grid: sitk.Image
) -> sitk.Image:
    """Read one reader's label map; contours are held against the frame of reference of DICOM images."""
    if "" in masks:
        return read_structures(masks[""], grid, labels.in_one_file(), context=context)
    files = [(structure, masks[name]) for name, structure in labels.structures.items() if name in masks]
    return read_structure_files(files, grid, context=context)


def _array_indices(
    slices: Mapping[str, tuple[int, ...]], grid: Grid, context: MaskContext
) -> dict[str, tuple[int, ...]]:
    """Array indices of slices counted from the feet: the other way round where the array runs downward."""
    last, rise = grid.size_xyz[2] - 1, grid.direction[2, 2]
    if abs(rise) < 0.7 or any(max(numbers) > last for numbers in slices.values()):
        found = "an image that is not stored in axial slices" if abs(rise) < 0.7 else "slice numbers beyond the image"
        wanted, action = f"axial slices 0 to {last}, from the feet", "correct the columns slices:READER"
        raise ConversionError(context.dataset, context.case, found=found, wanted=wanted, action=action)
    return {
        reader: tuple(sorted(number if rise > 0 else last - number for number in numbers))
        for reader, numbers in slices.items()
    }

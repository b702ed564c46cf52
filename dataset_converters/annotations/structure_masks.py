"""The structures a reader drew, from whatever file they are in: label map, RTSTRUCT, DICOM SEG, LIDC-IDRI reading."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import SimpleITK as sitk

from dataset_converters.annotations.dicom_seg import list_segments, read_segments
from dataset_converters.annotations.label_parts import combine_parts
from dataset_converters.annotations.mask_file import read_labels, read_mask
from dataset_converters.annotations.roi_names import find_roi
from dataset_converters.annotations.rtstruct import list_rois, rasterise_rtstruct
from dataset_converters.annotations.xml_contours import read_lidc
from dataset_converters.dicom.headers import read_headers
from dataset_converters.errors import ConversionError
from dataset_converters.privacy.known_texts import shown_texts
from dataset_converters.privacy.shown_name import shown_name
from dataset_converters.volumes.image_file import ENDINGS

FOREGROUND = (1, 255)
"""Values that mark a structure in a mask file of its own."""

_READING = re.compile(r"(.+\.xml)(?:#([1-9][0-9]?))?", re.IGNORECASE)


@dataclass(frozen=True)
class Structure:
    """One structure and how files call it.

    Attributes
    ----------
    value : int
        Label it gets (0: background; `records.IGNORED`: left open).
    numbers : tuple of int
        Its values in label maps.
    names : tuple of str
        Its names in RTSTRUCT and SEG files, the first that fits; ``#3`` is the third segment of a SEG file.
    optional : bool
        Whether an RTSTRUCT or SEG file may lack it.
    """

    value: int
    numbers: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    optional: bool = False


@dataclass(frozen=True)
class MaskContext:
    """Of which case the masks are, and how they may lie.

    Attributes
    ----------
    resampled : bool
        Whether image files on another grid are resampled.
    frame_of_reference : str
        FrameOfReferenceUID of the CT, empty if not known.
    slice_uids : tuple of str
        SOPInstanceUID of every slice of the CT by z index, empty if not known; outlines in XML need them.
    """

    dataset: str
    case: str
    resampled: bool = False
    frame_of_reference: str = ""
    slice_uids: tuple[str, ...] = ()


def is_image_file(path: Path) -> bool:
    """Whether the name is one of an image file (NIfTI, MetaImage, NRRD); all others are taken for DICOM."""
    return path.name.lower().endswith(ENDINGS)


def reading_file(path: Path) -> Path:
    """Return the file of a path that may end in a reading session: ``reading.xml`` for ``reading.xml#2``."""
    name = _READING.fullmatch(path.name)
    return path if name is None else path.with_name(name[1])


def read_structures(
    file: Path, grid: sitk.Image, structures: Iterable[Structure], *, context: MaskContext
) -> sitk.Image:
    """Label map (uint8) on the grid of all structures in one file; where contours overlap, later structures win.

    Raises
    ------
    ConversionError
        The file is damaged or of another kind, lies on another grid, holds values that no structure has, or lacks a
        structure that is not optional.
    """
    structures = tuple(structures)
    if is_image_file(file):
        values = {number: structure.value for structure in structures for number in structure.numbers}
        return read_labels(
            file, grid, values=values, dataset=context.dataset, case=context.case, resampled=context.resampled
        )
    if _READING.fullmatch(file.name):
        found = "a reading, which holds one structure"
        raise _fault(reading_file(file), context, found, "it in a column mask:READER:STRUCTURE")
    return _read_dicom(file, grid, structures, context)


def read_structure_files(
    files: Sequence[tuple[Structure, Path]], grid: sitk.Image, *, context: MaskContext
) -> sitk.Image:
    """Label map (uint8) on the grid of structures in a file each; where they overlap, later ones win.

    In image files the structure is 1 or 255; in DICOM files it goes by its names; of an LIDC-IDRI reading
    (``reading.xml#2``) it is the nodules of 3 mm or larger of that session, counted from 1.

    Raises
    ------
    ConversionError
        As `read_structures`.
    """
    parts = []
    for structure, file in files:
        if is_image_file(file):
            mask = read_mask(
                file,
                grid,
                dataset=context.dataset,
                case=context.case,
                resampled=context.resampled,
                foreground=FOREGROUND,
            )
        elif name := _READING.fullmatch(file.name):
            mask = _read_session(reading_file(file), int(name[2] or 0), grid, context)
        else:
            mask = _read_dicom(file, grid, (Structure(1, names=structure.names, optional=structure.optional),), context)
        parts.append((structure.value, mask))
    return combine_parts(parts, grid)


def _read_session(file: Path, session: int, grid: sitk.Image, context: MaskContext) -> sitk.Image:
    if not context.slice_uids:
        found = "a reading of an image whose slices have no DICOM identity (an image file, or slices sheared)"
        raise _fault(file, context, found, "the DICOM series that was read")
    masks = read_lidc(file, grid, dataset=context.dataset, case=context.case, slice_uids=context.slice_uids)
    if not 1 <= session <= len(masks):
        found = f"{len(masks)} sessions, {f'but number {session}' if session else 'and no number'} in the table"
        raise _fault(file, context, found, f"reading.xml#1 to #{len(masks)}")
    return masks[session - 1]


def _read_dicom(file: Path, grid: sitk.Image, structures: Sequence[Structure], context: MaskContext) -> sitk.Image:
    dataset, case, reference = context.dataset, context.case, context.frame_of_reference
    modality = str(read_headers([file], dataset=dataset, case=case)[0].get("Modality") or "")
    if modality == "SEG":
        chosen = _chosen(list_segments(file, dataset=dataset, case=case), file, structures, context)
        return read_segments(
            file, grid, segments=chosen, dataset=dataset, case=case, frame_of_reference=reference, priority=True
        )
    if modality != "RTSTRUCT":
        raise _fault(file, context, "a file that is neither image, RTSTRUCT nor SEG", ", ".join(ENDINGS) + " or DICOM")
    chosen = _chosen(list_rois(file, dataset=dataset, case=case), file, structures, context)
    parts = [
        (value, rasterise_rtstruct(file, name, grid, dataset=dataset, case=case, frame_of_reference=reference))
        for name, value in chosen.items()
    ]
    return combine_parts(parts, grid)


def _chosen(
    listed: Sequence[str], file: Path, structures: Sequence[Structure], context: MaskContext
) -> Mapping[str, int]:
    """Return the names in the file, to label."""
    chosen: dict[str, int] = {}
    for structure in structures:
        by_number = next((name for name in structure.names if name.startswith("#")), None)
        try:
            name = by_number or find_roi(listed, structure.names)
        except ValueError as error:
            raise _fault(file, context, str(error), "one name for each structure") from None
        if name is not None:
            chosen[name] = structure.value
        elif not structure.optional:
            found = f"structures {shown_texts(listed)}"
            raise _fault(file, context, found, f"one named {shown_texts(structure.names)}")
    return chosen


def _fault(file: Path, context: MaskContext, found: str, wanted: str) -> ConversionError:
    action = "correct the names in the table's description, or the file"
    return ConversionError(
        context.dataset, context.case, found=f"{shown_name(file)}: {found}", wanted=wanted, action=action
    )

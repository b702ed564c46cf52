"""Segments of a DICOM SEG object as a label map on the grid of an image.

Source: DICOM PS3.3, A.51 (Segmentation) and A.89 (Label Map Segmentation, Supplement 243).
"""

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk

from dataset_converters.annotations.roi_names import find_roi
from dataset_converters.annotations.seg_frames import read_frames, segment_planes
from dataset_converters.dicom.object import read_object, unreadable
from dataset_converters.errors import ConversionError
from dataset_converters.privacy.known_texts import shown_texts
from dataset_converters.privacy.shown_name import shown_name
from dataset_converters.volumes.grid import grid_of
from dataset_converters.volumes.stored_voxels import UnreadableFileError


def read_segments(
    file: Path,
    grid: sitk.Image,
    *,
    segments: Mapping[str, int],
    dataset: str,
    case: str,
    frame_of_reference: str = "",
    priority: bool = False,
) -> sitk.Image:
    """Label map (uint8) of the chosen segments on the grid; all else, and slices without a frame, 0.

    Frames are placed by their position in the patient, whatever their order and orientation, on the grid's voxels;
    they may cover a part of it. Nothing is interpolated. A fractional segment counts where its value is at least half
    of MaximumFractionalValue.

    Parameters
    ----------
    file : Path
        DICOM SEG: binary, fractional or label map.
    grid : SimpleITK.Image
        The image the segments belong to.
    segments : mapping
        Segment (its label, else its description, as `roi_names.find_roi` compares them; or ``#3`` for number 3) to
        label value, 1 to 255.
    frame_of_reference : str
        FrameOfReferenceUID of the image, empty if not known.
    priority : bool
        Where chosen segments of different labels overlap, the later one in the mapping wins; else that is an error.

    Raises
    ------
    ConversionError
        Unreadable, not a SEG, a segment missing or there several times, frames off the image's voxels, overlaps,
        no voxel in any chosen segment.
    """
    content = read_object(file, "SEG", dataset=dataset, case=case)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's warnings quote attribute values
            return _label_map(content, grid, segments, frame_of_reference, priority=priority)
    except UnreadableFileError as error:
        raise ConversionError(
            dataset,
            case,
            found=f"{shown_name(file)} with {error.found}",
            wanted=error.wanted,
            action="use the segmentation of this image, or export it again",
        ) from None
    except Exception as error:
        raise unreadable(file, "SEG", error, dataset=dataset, case=case) from None


def list_segments(file: Path, *, dataset: str, case: str) -> tuple[str, ...]:
    """Return the label of every segment (its description if it has none) in order of their numbers, for a program.

    The background of a label map is left out. A message shows the names through `known_texts.shown_texts`.

    Raises
    ------
    ConversionError
        Unreadable, not a SEG.
    """
    content = read_object(file, "SEG", dataset=dataset, case=case)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return tuple(label or description for label, description in _names(content).values())
    except Exception as error:
        raise unreadable(file, "SEG", error, dataset=dataset, case=case) from None


def _label_map(
    content: pydicom.Dataset,
    grid: sitk.Image,
    segments: Mapping[str, int],
    frame_of_reference: str,
    *,
    priority: bool,
) -> sitk.Image:
    own = str(content.get("FrameOfReferenceUID") or "")
    if own and frame_of_reference and own != frame_of_reference:
        raise UnreadableFileError(found="another frame of reference than the image", wanted="that of the image")
    chosen = _chosen(_names(content), segments)
    target = grid_of(grid)
    frames = read_frames(content, target)
    labels = np.zeros(target.size_xyz[::-1], np.uint8)
    clashes = 0
    for number, label in chosen.items():
        for frame, plane in segment_planes(content, frames, number):
            block = labels[frame.covered_zyx]
            inside = frame.turn.apply(plane[np.newaxis])
            clashes += int((inside & (block != 0) & (block != label)).sum())
            block[inside] = label
    if clashes and not priority:
        raise UnreadableFileError(
            found=f"{clashes} voxels in several chosen segments", wanted="segments that do not overlap, or a priority"
        )
    if not labels.any():
        raise UnreadableFileError(found="no voxel in any chosen segment", wanted="a segmentation that is not empty")
    image = sitk.GetImageFromArray(labels)
    image.CopyInformation(grid)
    return image


def _names(content: pydicom.Dataset) -> dict[int, tuple[str, str]]:
    """Return label and description of every segment by number; 0, the background of a label map, is left out."""
    items = list(content.get("SegmentSequence") or [])
    numbers = [int(item.get("SegmentNumber") or 0) for item in items]
    if len(set(numbers)) != len(numbers):
        raise UnreadableFileError(found="segments of one number", wanted="a number for each segment")
    texts = [
        (str(item.get("SegmentLabel") or "").strip(), str(item.get("SegmentDescription") or "").strip())
        for item in items
    ]
    return {number: text for number, text in sorted(zip(numbers, texts, strict=True)) if number}


def _chosen(names: Mapping[int, tuple[str, str]], segments: Mapping[str, int]) -> dict[int, int]:
    """Return the label value of every chosen segment by its number, in the order of the choice."""
    chosen = {}
    for wanted, label in segments.items():
        number = _number(names, wanted)
        if number is None or number in chosen:
            raise UnreadableFileError(
                found=f"{'no' if number is None else 'one'} segment for {wanted} among "
                f"{shown_texts(label or description for label, description in names.values())}",
                wanted=f"1 segment {wanted}{'' if number is None else ' of its own'}",
            )
        chosen[number] = label
    return chosen


def _number(names: Mapping[int, tuple[str, str]], wanted: str) -> int | None:
    if wanted.startswith("#") and wanted[1:].isdecimal():
        return int(wanted[1:]) if int(wanted[1:]) in names else None
    for texts in ([label for label, _ in names.values()], [description for _, description in names.values()]):
        try:
            found = find_roi(texts, (wanted,))
        except ValueError as error:
            raise UnreadableFileError(found=f"segments {error}", wanted=f"1 segment {wanted}, or its #number") from None
        if found is not None:
            return list(names)[texts.index(found)]
    return None

"""Right and left lung from a mask of both, by geometry."""

import itertools

import numpy as np
import SimpleITK as sitk

from dataset_converters.errors import ConversionError

RIGHT, LEFT = 1, 2
SMALLEST_SHARE = 0.05
"""Smallest part of the mask's volume that is taken for a lung (a collapsed one is small)."""
LARGEST_JUNCTION_MM = 12.0
"""How deep a mask is worn away, at most, to part lungs that touch."""


def split_sides(mask: sitk.Image, *, dataset: str, case: str) -> sitk.Image:
    """Label map (uint8) of a mask of both lungs: 1 right lung, 2 left lung (the patient's left is +x in LPS).

    The two largest pieces, side by side, are the lungs; each further voxel goes to the nearer one. Lungs that touch
    are parted by wearing the mask away, at most `LARGEST_JUNCTION_MM` deep, until two such pieces are left.

    Parameters
    ----------
    mask : SimpleITK.Image
        Not 0 in both lungs.

    Raises
    ------
    ConversionError
        Empty, or no two large pieces that lie side by side: one lung only, or lungs joined too broadly.
    """
    binary = sitk.Cast(mask != 0, sitk.sitkUInt8)
    box = _bounding_box(binary)
    if box is None:
        raise _refusal(dataset, case, "an empty mask")
    cropped = sitk.RegionOfInterest(binary, size=box[1], index=box[0])
    seeds = _seeds(cropped)
    if seeds is None:
        raise _refusal(dataset, case, "no two large pieces side by side (one lung only, or joined too broadly)")
    sides = _nearer(cropped, *seeds)
    labels = np.zeros(mask.GetSize()[::-1], np.uint8)
    (x, y, z), (width, height, depth) = box
    labels[z : z + depth, y : y + height, x : x + width] = sides
    image = sitk.GetImageFromArray(labels)
    image.CopyInformation(mask)
    return image


def _bounding_box(binary: sitk.Image) -> tuple[list[int], list[int]] | None:
    filled = sitk.GetArrayViewFromImage(binary)
    spans = [np.flatnonzero(filled.any(axis=axes)) for axes in ((0, 1), (0, 2), (1, 2))]
    if not spans[0].size:
        return None
    return [int(span[0]) for span in spans], [int(span[-1] - span[0] + 1) for span in spans]


def _seeds(binary: sitk.Image) -> tuple[sitk.Image, sitk.Image] | None:
    """Return a piece of the right and one of the left lung, None if the mask does not fall apart."""
    seeds = _two_pieces(binary, sitk.GetArrayViewFromImage(binary).sum())
    if seeds is not None:
        return seeds
    # the box touches the lungs, so that a margin is needed for distances to the outside
    padded = sitk.ConstantPad(binary, (1, 1, 1), (1, 1, 1))
    depth_mm = sitk.SignedMaurerDistanceMap(padded, insideIsPositive=True, squaredDistance=False, useImageSpacing=True)
    depth_mm = sitk.RegionOfInterest(depth_mm, size=binary.GetSize(), index=(1, 1, 1))
    step_mm = min(binary.GetSpacing())
    for count in itertools.count(1):
        if count * step_mm > LARGEST_JUNCTION_MM:
            return None
        worn = sitk.Cast(depth_mm > count * step_mm, sitk.sitkUInt8)
        volume = sitk.GetArrayViewFromImage(worn).sum()
        seeds = _two_pieces(worn, volume)
        if seeds is not None or not volume:
            return seeds
    return None


def _two_pieces(binary: sitk.Image, volume: int) -> tuple[sitk.Image, sitk.Image] | None:
    pieces = sitk.RelabelComponent(sitk.ConnectedComponent(binary), sortByObjectSize=True)
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.Execute(pieces)
    if shape.GetNumberOfLabels() < 2 or shape.GetNumberOfPixels(2) < SMALLEST_SHARE * volume:
        return None
    first, second = (np.array(shape.GetCentroid(label)) for label in (1, 2))
    apart = second - first
    if abs(apart[0]) <= max(abs(apart[1]), abs(apart[2])):
        return None
    right, left = (1, 2) if apart[0] > 0 else (2, 1)
    return sitk.Cast(pieces == right, sitk.sitkUInt8), sitk.Cast(pieces == left, sitk.sitkUInt8)


def _nearer(binary: sitk.Image, right: sitk.Image, left: sitk.Image) -> np.ndarray:
    filled = sitk.GetArrayFromImage(binary) > 0
    sides = np.where(sitk.GetArrayViewFromImage(right) > 0, RIGHT, 0).astype(np.uint8)
    sides[sitk.GetArrayViewFromImage(left) > 0] = LEFT
    if (filled & (sides == 0)).any():
        to_right, to_left = (
            sitk.GetArrayFromImage(sitk.SignedMaurerDistanceMap(seed, squaredDistance=False, useImageSpacing=True))
            for seed in (right, left)
        )
        open_voxels = filled & (sides == 0)
        sides[open_voxels] = np.where(to_left < to_right, LEFT, RIGHT)[open_voxels]
    return sides


def _refusal(dataset: str, case: str, found: str) -> ConversionError:
    return ConversionError(
        dataset,
        case,
        found=f"a mask of both lungs with {found}",
        wanted="right and left lung, apart or touching",
        action="give right and left lung as two masks, or convert the lungs as one structure",
    )

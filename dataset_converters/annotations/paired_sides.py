"""Which of two lung values is the right lung, told from where they lie and not from what a description says."""

import numpy as np
import SimpleITK as sitk

from dataset_converters.annotations.sides import LEFT, RIGHT, split_sides
from dataset_converters.errors import ConversionError

SMALLEST_SHARE = 0.02
"""Smallest part of both lungs' voxels that is taken for a lung rather than for stray voxels."""


def order_sides(labels: sitk.Image, *, dataset: str, case: str) -> sitk.Image:
    """Label map with 1 right and 2 left lung; values above 2 stay as they are.

    Where both values are there, the one whose middle lies further to the patient's left (+x in LPS) is the left lung:
    its border is kept as drawn. Where there is one value only, it is both lungs, parted by `split_sides`.

    Parameters
    ----------
    labels : SimpleITK.Image
        uint8; 1 and 2 the two lungs in either order, or one of them both lungs.

    Raises
    ------
    ConversionError
        No lung, a second value of few stray voxels, lungs that do not lie side by side.
    """
    values = sitk.GetArrayFromImage(labels)
    counts = [int((values == value).sum()) for value in (1, 2)]
    if min(counts) == 0:
        parted = sitk.GetArrayFromImage(split_sides((labels == 1) | (labels == 2), dataset=dataset, case=case))
        sides = np.where(parted > 0, parted, values)
    else:
        if min(counts) < SMALLEST_SHARE * sum(counts):
            raise _refusal(dataset, case, f"lung values with {counts[0]} and {counts[1]} voxels")
        first, second = _middle_x_mm(labels, 1), _middle_x_mm(labels, 2)
        if abs(first - second) < 2 * labels.GetSpacing()[0]:
            raise _refusal(dataset, case, "two lung values in one place")
        sides = values.copy()
        sides[values == 1], sides[values == 2] = (RIGHT, LEFT) if first < second else (LEFT, RIGHT)
    image = sitk.GetImageFromArray(sides.astype(np.uint8))
    image.CopyInformation(labels)
    return image


def _middle_x_mm(labels: sitk.Image, value: int) -> float:
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.Execute(labels == value)
    return float(shape.GetCentroid(1)[0])


def _refusal(dataset: str, case: str, found: str) -> ConversionError:
    return ConversionError(
        dataset,
        case,
        found=found,
        wanted="one value for each lung, side by side, or one value for both",
        action="look at the mask; exclude the case with a reason if it is damaged",
    )

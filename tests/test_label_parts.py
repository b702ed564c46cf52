"""One label map from several masks."""

import numpy as np
import pytest
import SimpleITK as sitk
from stored_images import array, numbered

from dataset_converters.annotations.label_parts import combine_parts
from dataset_converters.records import IGNORED


def _mask(*row: int) -> sitk.Image:
    voxels = np.zeros((2, 3, 4), np.uint8)
    voxels[1, 2] = row
    mask = sitk.GetImageFromArray(voxels)
    mask.CopyInformation(numbered())
    return mask


def test_later_parts_win_and_open_voxels_stay_open_unless_claimed() -> None:
    parts = [(3, _mask(1, 1, IGNORED, IGNORED)), (7, _mask(0, 1, 1, 0))]
    labels = combine_parts(parts, numbered())
    assert array(labels)[1, 2].tolist() == [3, 7, 7, IGNORED]
    assert array(labels).sum() == 3 + 7 + 7 + IGNORED
    assert (labels.GetPixelID(), labels.GetOrigin()) == (sitk.sitkUInt8, numbered().GetOrigin())
    assert array(combine_parts(parts[::-1], numbered()))[1, 2].tolist() == [3, 3, IGNORED, IGNORED]
    assert not array(combine_parts([], numbered())).any()


def test_other_grid_and_label_are_refused() -> None:
    moved = _mask(1, 0, 0, 0)
    moved.SetOrigin((0, 0, 0))
    with pytest.raises(ValueError, match="mask of label 2 on another grid"):
        combine_parts([(2, moved)], numbered())
    with pytest.raises(ValueError, match="label 256"):
        combine_parts([(256, _mask(1, 0, 0, 0))], numbered())

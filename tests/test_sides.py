"""Right and left lung by geometry, in any storage order."""

import numpy as np
import pytest
import SimpleITK as sitk

from dataset_converters.annotations.mask_file import read_mask
from dataset_converters.annotations.sides import split_sides
from dataset_converters.errors import ConversionError

WHERE = {"dataset": "demo", "case": "C1"}


def _lungs(*, bridge: int = 0, crumbs: bool = False) -> tuple[sitk.Image, np.ndarray]:
    """Two boxes of 5 x 8 x 6 voxels, 3 voxels apart; expected sides (x grows to the patient's left)."""
    expected = np.zeros((8, 12, 17), np.uint8)
    expected[1:7, 2:10, 2:7] = 1
    expected[1:7, 2:10, 10:15] = 2
    expected[3:4, 5 : 5 + bridge, 7:10] = 3
    if crumbs:
        expected[0, 0, 5], expected[7, 11, 12] = 1, 2
    mask = sitk.GetImageFromArray((expected > 0).astype(np.uint8))
    mask.SetSpacing((2.0, 1.5, 3.0))
    return mask, expected


@pytest.mark.parametrize("crumbs", [False, True])
def test_lungs_apart(crumbs: bool) -> None:
    mask, expected = _lungs(crumbs=crumbs)
    sides = split_sides(mask, **WHERE)
    assert sitk.GetArrayFromImage(sides).tolist() == expected.tolist()
    assert (sides.GetPixelID(), sides.GetSpacing()) == (sitk.sitkUInt8, (2.0, 1.5, 3.0))


@pytest.mark.parametrize("flips", [(True, False, False), (False, False, True), (True, True, True)])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_storage_order_does_not_matter(flips: tuple, order: tuple) -> None:
    mask, expected = _lungs()
    stored = sitk.Flip(sitk.PermuteAxes(mask, order), flips)
    reference = sitk.GetImageFromArray(expected)
    reference.CopyInformation(mask)
    turned = sitk.Flip(sitk.PermuteAxes(reference, order), flips)
    assert sitk.GetArrayFromImage(split_sides(stored, **WHERE)).tolist() == sitk.GetArrayFromImage(turned).tolist()


@pytest.mark.parametrize("bridge", [1, 2])
def test_lungs_that_touch_are_parted_in_the_middle(bridge: int) -> None:
    mask, expected = _lungs(bridge=bridge)
    sides = sitk.GetArrayFromImage(split_sides(mask, **WHERE))
    assert ((sides > 0) == (expected > 0)).all()
    apart = expected != 3
    assert sides[apart].tolist() == expected[apart].tolist()
    assert sides[3, 5, 7:10].tolist() in ([1, 1, 2], [1, 2, 2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a * 0, "an empty mask"),
        (lambda a: a * (a != 2), "no two large pieces side by side"),
        (lambda a: np.maximum(a, np.pad(np.ones((6, 8, 13), np.uint8), ((1, 1), (2, 2), (2, 2)))), "no two large"),
        (lambda a: np.where(np.arange(8)[:, None, None] == 4, 0, a * (a == 1)), "no two large pieces side by side"),
    ],
)
def test_no_two_lungs(change, message: str) -> None:
    _, expected = _lungs()
    mask = sitk.GetImageFromArray(change(expected).astype(np.uint8))
    mask.SetSpacing((2.0, 1.5, 3.0))
    with pytest.raises(ConversionError, match=message):
        split_sides(mask, **WHERE)


def test_real_lungs(shared_data) -> None:
    folder = shared_data / "chest_64"
    grid = sitk.ReadImage(folder / "ct-64.nrrd")
    values = np.unique(sitk.GetArrayFromImage(sitk.ReadImage(folder / "wholeLung-64.nrrd")))
    mask = read_mask(folder / "wholeLung-64.nrrd", grid, foreground=[int(v) for v in values if v], **WHERE)
    sides = sitk.GetArrayFromImage(split_sides(mask, **WHERE))
    thirds = sitk.GetArrayFromImage(sitk.ReadImage(folder / "lm-64.nrrd")) % 256
    left, right = np.isin(thirds, (9, 10, 11)), np.isin(thirds, (12, 13, 14))  # the smaller one is left of the heart
    assert (sides[right] == 1).mean() > 0.99
    assert (sides[left] == 2).mean() > 0.99

"""Where a voxel outside the lung lies, on volumes by hand, and the volumes of false positives made from it."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis.errors import AnalysisError
from analysis.lung_surroundings import (
    REGIONS,
    air_of,
    body_of,
    read_surroundings,
    regions_outside,
    upright,
    upright_order,
)
from analysis.mask_pair import MaskPair
from analysis.metric import find_metrics

SPACING = (5.0, 4.0, 4.0)
REGION = {name: place for place, name in enumerate(REGIONS, start=1)}
TURNED = {
    "from the head down": (1, 0, 0, 0, 1, 0, 0, 0, -1),
    "coronal": (1, 0, 0, 0, 0, 1, 0, 1, 0),
    "sagittal": (0, 0, 1, 1, 0, 0, 0, 1, 0),
}


def chest() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return lung, body and air (6, 6, 12): two lungs on slices 1 to 3, the left one only from slice 2."""
    lung = np.zeros((6, 6, 12), dtype=bool)
    lung[1:4, 2:5, 1:3] = True
    lung[2:4, 2:5, 8:10] = True
    body = np.ones_like(lung)
    body[:, 0, 0] = False
    air = np.zeros_like(lung)
    air[2:, 3, 5] = True
    air[0, 3, 8] = True
    return lung, body, air


def test_every_rule_by_hand() -> None:
    lung, body, air = chest()
    found = regions_outside(lung, spacing_zyx_mm=SPACING, body=body, air=air)
    assert not found[lung].any()
    assert found[2, 3, 3] == REGION["lung_border"]  # one pixel of 4 mm
    assert found[2, 0, 0] == REGION["outside_body"]
    assert found[2, 3, 4] == REGION["mediastinum"]
    assert found[2, 3, 5] == REGION["airways"]
    assert found[5, 3, 5] == REGION["airways"]  # trachea above the lungs
    assert found[5, 3, 6] == REGION["chest_wall"]  # neck
    assert found[2, 0, 5] == REGION["chest_wall"]  # in front of both lungs
    assert found[1, 3, 8] == REGION["below_diaphragm"]  # under the left lung, beside the right one
    assert found[0, 3, 8] == REGION["below_diaphragm"]  # gas in the stomach is no airway
    assert found[0, 0, 11] == REGION["below_diaphragm"]
    assert found[1, 3, 6] == REGION["below_diaphragm"]  # no lung in its column: the left one is nearer
    assert found[1, 3, 4] == REGION["chest_wall"]  # the right one is nearer, and there is no lung on the left


def test_the_border_is_measured_in_mm_within_the_slice() -> None:
    lung = np.zeros((3, 5, 5), dtype=bool)
    lung[1, 2, 2] = True
    found = regions_outside(lung, spacing_zyx_mm=(1.0, 3.0, 1.5))
    border = np.argwhere(found == REGION["lung_border"]).tolist()
    assert border == [[1, 1, 2], [1, 2, 0], [1, 2, 1], [1, 2, 3], [1, 2, 4], [1, 3, 2]]


def test_without_lung_there_is_neither_border_nor_diaphragm() -> None:
    _, body, air = chest()
    found = regions_outside(np.zeros_like(body), spacing_zyx_mm=SPACING, body=body, air=air)
    assert set(found[body]) == {REGION["chest_wall"]}
    assert set(found[~body]) == {REGION["outside_body"]}


@given(arrays(bool, (3, 4, 5)), arrays(bool, (3, 4, 5)), arrays(bool, (3, 4, 5)), arrays(bool, (3, 4, 5)))
@settings(max_examples=60, deadline=None)
def test_every_voxel_outside_is_in_one_region_and_volumes_add_up(
    lung: np.ndarray, found: np.ndarray, body: np.ndarray, air: np.ndarray
) -> None:
    regions = regions_outside(lung, spacing_zyx_mm=SPACING, body=body, air=air)
    assert np.array_equal(regions == 0, lung)
    assert regions.max(initial=0) <= len(REGIONS)
    pair = MaskPair(lung, found, SPACING, body=body, air=air)
    metrics = find_metrics()
    parts = [metrics[f"false_positives_{name}"].compute(pair) for name in REGIONS]
    assert sum(parts) == pytest.approx(metrics["false_positives_outside_lung"].compute(pair))


@given(st.integers(1, 3))
@settings(max_examples=3, deadline=None)
def test_regions_move_with_the_patient(shift: int) -> None:
    lung, body, air = chest()
    found = regions_outside(lung, spacing_zyx_mm=SPACING, body=body, air=air)
    wide = [np.pad(part, ((0, 0), (shift, 0), (0, 0)), mode="edge") for part in (body, air)]
    moved = regions_outside(
        np.pad(lung, ((0, 0), (shift, 0), (0, 0))), spacing_zyx_mm=SPACING, body=wide[0], air=wide[1]
    )
    assert np.array_equal(moved[:, shift:], found)


def test_body_is_the_largest_part_with_its_lungs_and_air_is_without_noise() -> None:
    hu = np.full((2, 14, 12), -1000, dtype=np.int16)
    hu[:, 1:9, 1:11] = 40
    hu[:, 3:7, 3:6] = -850
    hu[:, 12, 2:9] = 300  # a table, too thin
    hu[0, 5, 8] = -900
    body = body_of(hu)
    assert body[:, 1:9, 2:10].all()
    assert body[:, 2:8, 1:11].all()
    assert body.sum() == 2 * (8 * 10 - 4)  # an average of 3 x 3 rounds the corners
    air = air_of(hu)
    assert air[:, 3:7, 3:6].all()
    assert not air[0, 5, 8]
    assert not body_of(np.full((1, 4, 4), -1000)).any()


@pytest.mark.parametrize("direction", TURNED.values(), ids=TURNED)
def test_stored_axes_do_not_matter(direction: tuple[float, ...], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    upwards = rng.random((2, 3, 4))
    order = upright_order(direction)
    stored = np.transpose(upwards[::-1] if direction[8] == -1 else upwards, np.argsort(order))
    assert np.array_equal(upright(stored, direction), upwards)


def test_the_image_is_read_upright_or_refused(tmp_path: Path) -> None:
    hu = np.full((3, 8, 8), -1000, dtype=np.int16)
    hu[0, 1:7, 1:7] = 40  # the head, stored first
    image = sitk.GetImageFromArray(hu)
    image.SetDirection(TURNED["from the head down"])
    sitk.WriteImage(image, str(tmp_path / "ct.nii.gz"))
    body, air = read_surroundings(tmp_path / "ct.nii.gz")
    assert body.any(axis=(1, 2)).tolist() == [False, False, True]
    assert air[0].all()
    (tmp_path / "broken.nii.gz").write_bytes(b"no image")
    with pytest.raises(AnalysisError, match="not readable"):
        read_surroundings(tmp_path / "broken.nii.gz")

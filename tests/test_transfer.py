import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dataset_converters.annotations.transfer import transfer_labels
from dataset_converters.records import IGNORED

METHODS = ["nearest", "shape"]
TILTED = (0.8, 0.6, 0.0, -0.6, 0.8, 0.0, 0.0, 0.0, 1.0)  # turned in the slice plane


def _image(array, spacing=(0.7, 0.9, 2.5), origin=(10.0, -20.0, 30.0), direction=None) -> sitk.Image:
    image = sitk.GetImageFromArray(np.asarray(array, np.uint8))
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    if direction:
        image.SetDirection(direction)
    return image


def _grid(size_xyz, spacing, origin=(10.0, -20.0, 30.0), direction=None) -> sitk.Image:
    return _image(np.zeros(size_xyz[::-1]), spacing, origin, direction)


def _ellipsoid(grid: sitk.Image, centre_mm, radii_mm) -> np.ndarray:
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.GetSize()), indexing="ij"), axis=-1)
    axes = np.reshape(grid.GetDirection(), (3, 3)) * np.asarray(grid.GetSpacing())
    place = index @ axes.T + np.asarray(grid.GetOrigin())
    inside = (((place - centre_mm) / radii_mm) ** 2).sum(axis=-1) <= 1
    return inside.transpose(2, 1, 0).astype(np.uint8)


def _dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * float((a & b).sum()) / float(a.sum() + b.sum())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("direction", [None, TILTED])
@settings(max_examples=20, deadline=None)
@given(array=arrays.arrays(np.uint8, (4, 5, 6), elements=st.sampled_from([0, 0, 1, 2, IGNORED])))
def test_same_grid_is_a_copy(method: str, direction, array: np.ndarray) -> None:
    labels = _image(array, direction=direction)
    moved = transfer_labels(labels, labels, method=method)
    assert np.array_equal(sitk.GetArrayFromImage(moved), array)
    assert moved.GetOrigin() == labels.GetOrigin()


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=25, deadline=None)
@given(
    array=arrays.arrays(np.uint8, (4, 5, 6), elements=st.sampled_from([0, 0, 1, 2, IGNORED])),
    shift=st.tuples(st.integers(-3, 3), st.integers(-3, 3), st.integers(-3, 3)),
)
def test_grid_shifted_by_whole_voxels_crops_and_marks_the_rest(method: str, array: np.ndarray, shift) -> None:
    labels = _image(array, direction=TILTED)
    origin = labels.TransformIndexToPhysicalPoint(shift)
    moved = sitk.GetArrayFromImage(
        transfer_labels(labels, _grid((6, 5, 4), (0.7, 0.9, 2.5), origin, TILTED), method=method)
    )
    wanted = np.full(array.shape, IGNORED, np.uint8)
    x, y, z = shift
    for k, j, i in np.ndindex(array.shape):
        if 0 <= k + z < 4 and 0 <= j + y < 5 and 0 <= i + x < 6:
            wanted[k, j, i] = array[k + z, j + y, i + x]
    assert np.array_equal(moved, wanted)


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=30, deadline=None)
@given(
    array=arrays.arrays(np.uint8, (3, 4, 5), elements=st.sampled_from([0, 1, 3, IGNORED])),
    factor=st.tuples(st.floats(0.4, 2.5), st.floats(0.4, 2.5), st.floats(0.4, 2.5)),
    offset=st.tuples(st.floats(-4, 4), st.floats(-4, 4), st.floats(-4, 4)),
)
def test_no_label_is_invented_and_uncovered_is_beyond_half_a_voxel(method: str, array, factor, offset) -> None:
    labels = _image(array)
    spacing = tuple(float(s * f) for s, f in zip(labels.GetSpacing(), factor, strict=True))
    origin = tuple(float(o + d) for o, d in zip(labels.GetOrigin(), offset, strict=True))
    grid = _grid((5, 6, 4), spacing, origin)
    moved = sitk.GetArrayFromImage(transfer_labels(labels, grid, method=method))
    assert set(np.unique(moved)) <= set(np.unique(array)) | {0, IGNORED}
    for k, j, i in np.ndindex(moved.shape):
        place = labels.TransformPhysicalPointToContinuousIndex(grid.TransformIndexToPhysicalPoint((i, j, k)))
        beyond = max(max(-0.5 - p, p - (n - 0.5)) for p, n in zip(place, (5, 4, 3), strict=True))
        if abs(beyond) < 1e-5:
            continue
        if beyond > 0:
            assert moved[k, j, i] == IGNORED
        else:
            nearest = array[
                tuple(int(np.clip(np.floor(p + 0.5), 0, n - 1)) for p, n in zip(place[::-1], (3, 4, 5), strict=True))
            ]
            if method == "nearest" and all(abs(p % 1 - 0.5) > 1e-5 for p in place):
                assert moved[k, j, i] == nearest


def test_halved_slice_distance_by_hand() -> None:
    """Slices at 0 and 3 mm; wanted at -0.75, 0.75, 2.25, 3.75 mm: each takes the slice whose half it lies in."""
    labels = _image(np.array([[[1, 0, 0]], [[0, 2, 0]]]), spacing=(1, 1, 3), origin=(0, 0, 0))
    moved = transfer_labels(labels, _grid((3, 1, 5), (1, 1, 1.5), (0, 0, -0.75)))
    assert sitk.GetArrayFromImage(moved)[:, 0].tolist() == [
        [1, 0, 0],
        [1, 0, 0],
        [0, 2, 0],
        [0, 2, 0],
        [IGNORED] * 3,
    ]
    tie = transfer_labels(labels, _grid((3, 1, 2), (1, 1, 1.5), (0, 0, 0)))  # 1.5 mm: the border, the upper slice
    assert sitk.GetArrayFromImage(tie)[:, 0].tolist() == [[1, 0, 0], [0, 2, 0]]


def test_shape_between_two_widths_is_the_width_between_them() -> None:
    """A bar of 3 pixels under one of 7: the half width grows from 1.5 by 0.5 a mm, pixels on the edge are out."""
    lower, upper = np.zeros((3, 11), np.uint8), np.zeros((3, 11), np.uint8)
    lower[:, 4:7], upper[:, 2:9] = 1, 1
    labels = _image(np.stack([lower, upper]), spacing=(1, 1, 4), origin=(0, 0, 0))
    moved = sitk.GetArrayFromImage(transfer_labels(labels, _grid((11, 3, 5), (1, 1, 1), (0, 0, 0)), method="shape"))
    assert moved[:, 1].sum(axis=1).tolist() == [3, 3, 5, 5, 7]
    assert moved[2, 1].tolist() == [0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0]


def test_part_without_counterpart_reaches_halfway_and_neighbours_leave_no_gap() -> None:
    array = np.zeros((2, 6, 9), np.uint8)
    array[0, 1:3, 1:3] = 1  # in one slice only
    array[:, 1:5, 4:6], array[:, 1:5, 6:8] = 1, 2  # side by side in both
    labels = _image(array, spacing=(1, 1, 4), origin=(0, 0, 0))
    moved = sitk.GetArrayFromImage(transfer_labels(labels, _grid((9, 6, 5), (1, 1, 1), (0, 0, 0)), method="shape"))
    assert (moved[:, 1:3, 1:3] == 1).all(axis=(1, 2)).tolist() == [True, True, False, False, False]
    assert (moved[:, 1:5, 4:6] == 1).all()
    assert (moved[:, 1:5, 6:8] == 2).all()


def test_slice_left_open_stays_open_and_is_not_mixed_in() -> None:
    array = np.zeros((3, 4, 4), np.uint8)
    array[0, 1:3, 1:3] = 1
    array[1] = IGNORED
    labels = _image(array, spacing=(1, 1, 3), origin=(0, 0, 0))
    moved = sitk.GetArrayFromImage(transfer_labels(labels, _grid((4, 4, 7), (1, 1, 1), (0, 0, 0)), method="shape"))
    assert [sorted(np.unique(plane).tolist()) for plane in moved] == [[0, 1]] * 2 + [[IGNORED]] * 3 + [[0]] * 2


@pytest.mark.parametrize(
    ("source_mm", "wanted_mm", "nearest", "shape"),
    [  # least Dice, a little below what is reached
        ((0.7, 0.7, 1.0), (0.7, 0.7, 1.0), 0.98, 0.99),  # shifted by part of a voxel
        ((0.7, 0.7, 1.0), (0.6, 0.6, 0.8), 0.98, 0.99),
        ((0.7, 0.7, 1.0), (0.6, 0.6, 5.0), 0.975, 0.985),
        ((0.7, 0.7, 5.0), (0.7, 0.7, 1.0), 0.95, 0.97),  # five slices in place of one
    ],
)
def test_ellipsoid_of_known_size_is_found_again(source_mm, wanted_mm, nearest: float, shape: float) -> None:
    centre, radii, width_mm = np.array([31.3, 0.4, 61.7]), np.array([17.0, 13.0, 21.0]), 52
    grids = [
        _grid(tuple(int(width_mm / s) for s in spacing), spacing, tuple(centre - width_mm / 2 + offset))
        for spacing, offset in ((source_mm, -0.3), (wanted_mm, 0.31))
    ]
    labels = _image(_ellipsoid(grids[0], centre, radii), source_mm, grids[0].GetOrigin())
    truth = _ellipsoid(grids[1], centre, radii)
    reached = {}
    for method in METHODS:
        moved = sitk.GetArrayFromImage(transfer_labels(labels, grids[1], method=method))
        assert not (moved[truth > 0] == IGNORED).any()
        reached[method] = _dice(truth, (moved == 1).astype(np.uint8))
    assert reached["nearest"] >= nearest
    assert reached["shape"] >= max(shape, reached["nearest"])


def test_other_field_of_view_covers_what_it_covers() -> None:
    """Lung kernel: 12 x 12 mm round the middle; mediastinal kernel: 20 x 20 mm on half the pixels."""
    labels = _image(np.ones((2, 12, 12)), spacing=(1, 1, 2), origin=(-5.5, -5.5, 0))
    moved = sitk.GetArrayFromImage(transfer_labels(labels, _grid((10, 10, 2), (2, 2, 2), (-9, -9, 0))))
    assert (moved == 1).sum() == 2 * 6 * 6
    assert (moved == IGNORED).sum() == 2 * (100 - 36)


def test_wrong_input_is_refused() -> None:
    labels = _image(np.zeros((2, 3, 3)))
    other = _grid((3, 3, 2), (1, 1, 1), direction=(1, 0, 0, 0, 0.8, -0.6, 0, 0.6, 0.8))
    with pytest.raises(ValueError, match="not parallel"):
        transfer_labels(labels, other, method="shape")
    with pytest.raises(ValueError, match="method 'linear'"):
        transfer_labels(labels, other, method="linear")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="wanted 3-D uint8"):
        transfer_labels(sitk.Cast(labels, sitk.sitkInt16), other)

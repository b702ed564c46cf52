"""Our surface distances equal those of the surface-distance package, which is right by hand and keeps its laws."""

import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from random_masks import random_pairs

from analysis.mask_pair import MaskPair
from analysis.metric import find_metrics
from analysis.metrics.hausdorff95 import hausdorff95
from analysis.metrics.mean_surface_distance import directed_means_mm
from analysis.metrics.normalised_surface_distance import normalised_surface_distance
from analysis.surface import nearest_element, surface_elements
from analysis.surface.ordered_search import ordered_search_distances
from analysis.surface.package_distances import package_distances
from dataset_converters.datasets import sts

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import surface_distance

FIELDS = (
    "reference_to_prediction_mm", "prediction_to_reference_mm", "reference_areas_mm2", "prediction_areas_mm2",
)  # fmt: skip
SURFACE_METRICS = [metric for metric in find_metrics().values() if metric.on_surface]
SPACING = (5.0, 0.8, 0.7)


@pytest.fixture
def patched_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give NumPy 2 the names back that surface-distance 0.1 uses for empty masks."""
    monkeypatch.setattr(np, "Inf", np.inf, raising=False)
    monkeypatch.setattr(np, "NaN", np.nan, raising=False)


def assert_equal_to_package(reference: np.ndarray, prediction: np.ndarray, spacing: tuple[float, ...]) -> None:
    """HD95, NSD and areas to the last bit, mean and single distances within 1e-12."""
    pair = MaskPair(reference, prediction, spacing, nsd_tolerance_mm=1.0)
    wanted = surface_distance.compute_surface_distances(reference, prediction, spacing)
    assert hausdorff95(pair) == surface_distance.compute_robust_hausdorff(wanted, 95)
    assert normalised_surface_distance(pair) == surface_distance.compute_surface_dice_at_tolerance(wanted, 1.0)
    means = surface_distance.compute_average_surface_distance(wanted)
    np.testing.assert_allclose(directed_means_mm(pair), means, rtol=1e-12, atol=1e-12)
    found = pair.distances
    np.testing.assert_array_equal(found.reference_areas_mm2, wanted["surfel_areas_gt"])
    np.testing.assert_array_equal(found.prediction_areas_mm2, wanted["surfel_areas_pred"])
    np.testing.assert_allclose(found.reference_to_prediction_mm, wanted["distances_gt_to_pred"], rtol=1e-12)
    np.testing.assert_allclose(found.prediction_to_reference_mm, wanted["distances_pred_to_gt"], rtol=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_600_random_volumes_equal_the_package(seed: int) -> None:
    for reference, prediction, spacing in random_pairs(seed, 60):
        assert_equal_to_package(reference, prediction, spacing)


@pytest.mark.parametrize("seed", range(4))
def test_200_random_slices_equal_the_package(seed: int) -> None:
    for reference, prediction, spacing in random_pairs(seed, 50, axes=2):
        assert_equal_to_package(reference, prediction, spacing)


def test_both_backends_give_the_same_metrics() -> None:
    for reference, prediction, spacing in random_pairs(77, 40):
        ours = MaskPair(reference, prediction, spacing)
        theirs = MaskPair(reference, prediction, spacing, backend="surface-distance")
        for metric in SURFACE_METRICS:
            assert metric.compute(ours) == pytest.approx(metric.compute(theirs), rel=1e-12, abs=1e-12), metric.name


def test_real_sarcoma_masks_equal_the_package(sts_root: Path) -> None:
    for case in sts.list_cases(sts_root)[:3]:
        (load,) = case.images.values()
        image = case.annotations["manual"](load().image)
        mask = sitk.GetArrayFromImage(image).astype(bool)
        assert mask.any()
        thinner = mask & np.roll(mask, (0, 3, -2), axis=(0, 1, 2))
        assert_equal_to_package(mask, thinner, image.GetSpacing()[::-1])


def test_real_lung_masks_equal_the_package(shared_data: Path) -> None:
    whole = sitk.ReadImage(shared_data / "chest_64" / "wholeLung-64.nrrd")
    lung = sitk.GetArrayFromImage(whole) > 0
    labels = sitk.GetArrayFromImage(sitk.ReadImage(shared_data / "chest_64" / "lm-64.nrrd"))
    assert_equal_to_package(lung, np.isin(labels % 256, range(9, 15)) & (labels < 512), whole.GetSpacing()[::-1])
    image = sitk.ReadImage(shared_data / "totalsegmentator" / "example_seg.nii.gz")
    lobes = np.isin(sitk.GetArrayFromImage(image), (10, 11, 14))
    assert lobes.any()
    assert_equal_to_package(lobes, lobes & np.roll(lobes, (1, -2, 2), axis=(0, 1, 2)), image.GetSpacing()[::-1])


@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize(("wanted", "found"), [(1, 0), (0, 1), (0, 0)])
def test_empty_masks_give_the_same_record_without_an_error(axes: int, wanted: int, found: int) -> None:
    mask = np.zeros((6,) * axes, dtype=bool)
    mask[1:4, 2:4] = True
    pair = (mask & bool(wanted), mask & bool(found), SPACING[-axes:])
    ours, theirs = ordered_search_distances(*pair), package_distances(*pair)
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), err_msg=name)
    assert np.isinf(ours.reference_to_prediction_mm).all()
    assert np.isinf(ours.prediction_to_reference_mm).all()
    assert (ours.reference_areas_mm2.size > 0, ours.prediction_areas_mm2.size > 0) == (wanted == 1, found == 1)


@pytest.mark.usefixtures("patched_numpy")
@pytest.mark.parametrize(
    ("wanted", "found", "package", "ours"),
    [
        (1, 0, (np.inf, (np.inf, np.nan), 0.0), (np.inf, np.inf, 0.0)),
        (0, 1, (np.inf, (np.nan, np.inf), 0.0), (np.inf, np.inf, 0.0)),
        (0, 0, (np.inf, (np.nan, np.nan), np.nan), (np.nan, np.nan, np.nan)),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_what_each_kind_of_empty_gives_here_and_in_the_package(
    wanted: int, found: int, package: tuple, ours: tuple
) -> None:
    mask = np.zeros((4, 4, 4), dtype=bool)
    mask[1:3, 1:3, 1:3] = True
    reference, prediction = mask & bool(wanted), mask & bool(found)
    theirs = surface_distance.compute_surface_distances(reference, prediction, SPACING)
    np.testing.assert_equal(surface_distance.compute_robust_hausdorff(theirs, 95), package[0])
    np.testing.assert_equal(surface_distance.compute_average_surface_distance(theirs), package[1])
    np.testing.assert_equal(surface_distance.compute_surface_dice_at_tolerance(theirs, 1.0), package[2])
    pair = MaskPair(reference, prediction, SPACING)
    metrics = find_metrics()
    for names, value in zip((("HD95", "HD"), ("MSD", "ASSD"), ("NSD",)), ours, strict=True):
        for name in names:
            backend = MaskPair(reference, prediction, SPACING, backend="surface-distance")
            np.testing.assert_equal(metrics[name].compute(pair), value)
            np.testing.assert_equal(metrics[name].compute(backend), value)


def voxel(place: tuple[int, ...], shape: tuple[int, ...] = (6, 6, 6)) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    mask[place] = True
    return mask


def test_two_voxels_by_hand() -> None:
    """Corners at z 0, 1 and 2, 3: half of each surface is one slice distance away, the other half two."""
    pair = MaskPair(voxel((0, 1, 1)), voxel((2, 1, 1)), SPACING, nsd_tolerance_mm=5.0)
    values = {metric.name: metric.compute(pair) for metric in SURFACE_METRICS}
    assert values == pytest.approx({"HD": 10, "HD95": 10, "MSD": 7.5, "ASSD": 7.5, "NSD": 0.5})
    area = np.sqrt((0.8 * 0.7) ** 2 + (5 * 0.7) ** 2 + (5 * 0.8) ** 2) / 8
    np.testing.assert_allclose(pair.distances.reference_areas_mm2, np.full(8, area))


def test_the_greater_direction_and_the_pooled_mean_by_hand() -> None:
    """The prediction has a second voxel four columns away: the reference does not notice, the prediction does."""
    reference = voxel((2, 2, 0))
    pair = MaskPair(reference, reference | voxel((2, 2, 4)), (1.0, 1.0, 1.0), nsd_tolerance_mm=3.0)
    assert directed_means_mm(pair) == pytest.approx((0.0, (8 * 0 + 4 * 3 + 4 * 4) / 16))
    values = {metric.name: metric.compute(pair) for metric in SURFACE_METRICS}
    assert values == pytest.approx({"HD": 4, "HD95": 4, "MSD": 1.75, "ASSD": 28 / 24, "NSD": 20 / 24})


def test_element_areas_of_a_box_by_hand() -> None:
    mask = np.zeros((5, 5, 5), dtype=bool)
    mask[1:4, 1:4, 1:4] = True
    areas = ordered_search_distances(mask, mask, SPACING).reference_areas_mm2
    assert len(areas) == 4**3 - 2**3
    corner = np.sqrt((0.8 * 0.7) ** 2 + (5 * 0.7) ** 2 + (5 * 0.8) ** 2) / 8
    faces = (0.8 * 0.7, 5 * 0.7, 5 * 0.8)
    assert np.isclose(areas, corner).sum() == 8
    for face in faces:
        assert np.isclose(areas, face).sum() == 2 * 2**2


def test_contour_lengths_of_a_rectangle_by_hand() -> None:
    mask = np.ones((3, 4), dtype=bool)
    lengths = ordered_search_distances(mask, mask, (0.8, 0.7)).reference_areas_mm2
    corner = np.hypot(0.8, 0.7) / 2
    np.testing.assert_allclose(np.sort(lengths), np.sort([corner] * 4 + [0.7] * 6 + [0.8] * 4))


@pytest.mark.parametrize("seed", range(5))
def test_laws(seed: int) -> None:
    for reference, prediction, spacing in random_pairs(1000 + seed, 20):
        found = ordered_search_distances(reference, prediction, spacing)
        swapped = ordered_search_distances(prediction, reference, spacing)
        moved = ordered_search_distances(
            *(np.pad(mask, ((2, 0), (0, 3), (1, 1))) for mask in (reference, prediction)), spacing
        )
        doubled = ordered_search_distances(reference, prediction, tuple(2 * size for size in spacing))
        turned = ordered_search_distances(
            reference.transpose(2, 0, 1), prediction.transpose(2, 0, 1), (spacing[2], spacing[0], spacing[1])
        )
        for name, other in zip(FIELDS, (FIELDS[1], FIELDS[0], FIELDS[3], FIELDS[2]), strict=True):
            values = getattr(found, name)
            np.testing.assert_array_equal(values, getattr(swapped, other))
            np.testing.assert_array_equal(values, getattr(moved, name))
            np.testing.assert_array_equal(values * (4 if "areas" in name else 2), getattr(doubled, name))
            if "areas" not in name:  # how an ambiguous corner is cut into triangles depends on the axes
                np.testing.assert_allclose(values, getattr(turned, name), rtol=1e-12)


def test_views_give_what_copies_give() -> None:
    rng = np.random.default_rng(3)
    reference, prediction = rng.random((2, 10, 22, 9)) < 0.3
    wanted = ordered_search_distances(reference[::-1, ::2, 1:].copy(), prediction[::-1, ::2, 1:].copy(), SPACING)
    found = ordered_search_distances(reference[::-1, ::2, 1:], prediction[::-1, ::2, 1:], SPACING)
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))


def test_slabs_and_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = list(random_pairs(5, 10))
    wanted = [ordered_search_distances(*pair) for pair in pairs]
    monkeypatch.setattr(surface_elements, "_SLAB_CELLS", 1)
    monkeypatch.setattr(nearest_element, "_CHUNK", 7)
    for pair, record in zip(pairs, wanted, strict=True):
        for name in FIELDS:
            np.testing.assert_array_equal(getattr(ordered_search_distances(*pair), name), getattr(record, name))


def test_the_volume_is_never_copied() -> None:
    reference = np.zeros((40, 400, 400), dtype=bool)
    reference[10:14, 100:110, 100:110] = True
    prediction = np.roll(reference, 1, axis=1)
    ordered_search_distances(reference, prediction, SPACING)
    tracemalloc.start()
    ordered_search_distances(reference, prediction, SPACING)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < reference.nbytes / 4

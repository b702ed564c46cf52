"""Every metric keeps its contract and is right by hand, also slice by slice; empties count as the table says."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis.empties import POLICIES, counted_values, empties_table, status_of_masks
from analysis.errors import AnalysisError
from analysis.mask_pair import MaskPair
from analysis.metric import Metric, find_metric, find_metrics
from analysis.slicewise import slice_by_slice

METRICS = list(find_metrics().values())
NAMES = (
    "DSC", "Jaccard", "HD", "HD95", "MSD", "ASSD", "NSD", "volume", "reference_volume", "volume_difference",
    "absolute_volume_difference", "relative_volume_difference", "absolute_relative_volume_difference", "extent",
    "reference_extent", "tumour_overlap", "false_positives_outside_lung",
    "false_positives_lung_border", "false_positives_outside_body", "false_positives_below_diaphragm",
    "false_positives_airways", "false_positives_mediastinum", "false_positives_chest_wall",
)  # fmt: skip
MASKS = arrays(bool, (3, 4, 5))
SPACING = (5.0, 0.8, 0.7)
EMPTY, FULL = np.zeros((1, 2, 2), dtype=bool), np.ones((1, 2, 2), dtype=bool)
every_metric = pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)


def test_the_metrics_of_the_contract_are_there() -> None:
    assert sorted(find_metrics()[name].name for name in find_metrics()) == sorted(NAMES)


@every_metric
def test_metric_record_is_complete(metric: Metric) -> None:
    assert metric.direction in POLICIES
    assert metric.range[0] < metric.range[1]
    assert metric.label
    assert "{" not in metric.definition_at(1.0)
    assert metric.definition_at(1.0)
    assert metric.backend_of("ctshift") == ("ctshift" if metric.on_surface else "numpy")
    assert metric.range[0] <= metric.compute(MaskPair(FULL, FULL, SPACING)) <= metric.range[1]
    assert metric.applies_to == "any" or any(source.endswith(("_lung", "_tumour")) for source in metric.uses)


def test_the_definition_of_nsd_names_its_tolerance() -> None:
    assert "at most 2.5 mm" in find_metric("NSD").definition_at(2.5)


def test_unknown_metric_lists_the_choices() -> None:
    with pytest.raises(AnalysisError, match=r"metric 'HD99' not found; the choices are: .*HD95"):
        find_metric("HD99")


@every_metric
@given(reference=MASKS, prediction=MASKS)
@settings(max_examples=20, deadline=None)
def test_metric_stays_in_its_range_and_keeps_its_inputs(
    metric: Metric, reference: np.ndarray, prediction: np.ndarray
) -> None:
    before = reference.copy(), prediction.copy()
    value = metric.compute(MaskPair(reference, prediction, SPACING))
    assert isinstance(value, float)
    assert np.isnan(value) or metric.range[0] <= value <= metric.range[1]
    assert np.array_equal(reference, before[0])
    assert np.array_equal(prediction, before[1])
    if not metric.needs_spacing:
        np.testing.assert_equal(metric.compute(MaskPair(reference, prediction)), value)
    if metric.symmetric:
        np.testing.assert_equal(metric.compute(MaskPair(prediction, reference, SPACING)), value)


@every_metric
def test_asymmetric_metrics_say_so(metric: Metric) -> None:
    rng = np.random.default_rng(0)
    pairs = [rng.random((2, 3, 4, 5)) < 0.4 for _ in range(5)]
    equal = [
        metric.compute(MaskPair(first, second, SPACING)) == metric.compute(MaskPair(second, first, SPACING))
        for first, second in pairs
    ]
    assert all(equal) == metric.symmetric or metric.surroundings  # without an image nothing is air or out of the body


@every_metric
@given(first=MASKS, second=MASKS, axis=st.integers(0, 2))
@settings(max_examples=10, deadline=None)
def test_metric_does_not_see_where_in_the_image_the_masks_are(
    metric: Metric, first: np.ndarray, second: np.ndarray, axis: int
) -> None:
    margin = [(2, 1) if place == axis else (0, 3) for place in range(3)]
    moved = MaskPair(np.pad(first, margin), np.pad(second, margin), SPACING)
    np.testing.assert_equal(metric.compute(moved), metric.compute(MaskPair(first, second, SPACING)))


@pytest.fixture
def by_hand() -> MaskPair:
    """5 reference voxels, 4 predicted, 3 in both; a voxel has 5 x 0.8 x 0.7 mm3."""
    reference, prediction = np.zeros((2, 2, 3, 5), dtype=bool)
    reference[0, 0, :4] = reference[1, 2, 0] = True
    prediction[0, 0, 1:5] = True
    return MaskPair(reference, prediction, SPACING)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DSC", 2 * 3 / 9), ("Jaccard", 3 / 6), ("volume", 4 * 0.0028), ("reference_volume", 5 * 0.0028),
        ("volume_difference", -0.0028), ("absolute_volume_difference", 0.0028), ("relative_volume_difference", -20.0),
        ("absolute_relative_volume_difference", 20.0), ("extent", 80.0), ("reference_extent", 80.0),
        ("tumour_overlap", 3 / 5), ("false_positives_outside_lung", 0.0028),
    ],
)  # fmt: skip
def test_values_by_hand(by_hand: MaskPair, name: str, value: float) -> None:
    assert find_metric(name).compute(by_hand) == pytest.approx(value)


@pytest.mark.parametrize(
    ("name", "no_prediction", "no_reference", "neither"),
    [
        ("DSC", 0.0, 0.0, np.nan), ("Jaccard", 0.0, 0.0, np.nan), ("NSD", 0.0, 0.0, np.nan),
        ("HD", np.inf, np.inf, np.nan), ("HD95", np.inf, np.inf, np.nan), ("MSD", np.inf, np.inf, np.nan),
        ("ASSD", np.inf, np.inf, np.nan), ("volume", 0.0, 4 * 0.0028, 0.0), ("volume_difference", -0.0112, 0.0112, 0.0),
        ("relative_volume_difference", -100.0, np.nan, np.nan), ("tumour_overlap", 0.0, np.nan, np.nan),
        ("absolute_relative_volume_difference", 100.0, np.inf, np.nan), ("extent", 0.0, np.nan, np.nan),
        ("false_positives_outside_lung", 0.0, 0.0112, 0.0),
    ],
)  # fmt: skip
def test_values_of_empty_masks(name: str, no_prediction: float, no_reference: float, neither: float) -> None:
    compute = find_metric(name).compute
    values = [compute(MaskPair(*pair, SPACING)) for pair in ((FULL, EMPTY), (EMPTY, FULL), (EMPTY, EMPTY))]
    np.testing.assert_allclose(values, [no_prediction, no_reference, neither])


@given(MASKS, MASKS, st.integers(0, 2), st.integers(-3, 3))
@settings(max_examples=60, deadline=None)
def test_dice_laws(first: np.ndarray, second: np.ndarray, axis: int, shift: int) -> None:
    dice, jaccard = find_metric("DSC").compute, find_metric("Jaccard").compute
    value = dice(MaskPair(first, second))
    moved = dice(MaskPair(np.roll(first, shift, axis), np.roll(second, shift, axis)))
    doubled = dice(MaskPair(np.repeat(first, 2, axis), np.repeat(second, 2, axis)))
    np.testing.assert_equal([moved, doubled], [value, value])
    np.testing.assert_allclose(jaccard(MaskPair(first, second)), value / (2 - value))


@given(MASKS, MASKS)
@settings(max_examples=40, deadline=None)
def test_order_of_the_surface_metrics(first: np.ndarray, second: np.ndarray) -> None:
    pair = MaskPair(first, second, SPACING)
    assd, msd, hd95, hd = (find_metric(name).compute(pair) for name in ("ASSD", "MSD", "HD95", "HD"))
    if first.any() and second.any():
        assert assd <= msd * (1 + 1e-12)
        assert msd <= hd * (1 + 1e-12)
        assert hd95 <= hd


def test_nsd_includes_the_tolerance_and_grows_with_it() -> None:
    first, second = np.zeros((2, 1, 1, 9), dtype=bool)
    first[..., :4], second[..., :6] = True, True
    pairs = [MaskPair(first, second, (1.0, 1.0, 1.0), nsd_tolerance_mm=mm) for mm in (0, 1, 1.99, 2)]
    values = [find_metric("NSD").compute(pair) for pair in pairs]
    assert values == sorted(values)
    assert values[1] == values[2] < values[3] == 1


@pytest.mark.parametrize(
    ("masks", "options", "message"),
    [
        ((FULL.astype(np.uint8), FULL), {}, "reference mask: uint8, wanted a bool array"),
        ((FULL, [[[True]]]), {}, "prediction mask: list, wanted a bool array"),
        ((FULL, FULL[:, :1]), {}, r"shapes \(1, 2, 2\) and \(1, 1, 2\), wanted one grid"),
        ((FULL[0], FULL[0], (1.0, 1.0, 1.0)), {}, "2 axes with 3 spacings"),
        ((FULL, FULL, (1.0, 0.0, 1.0)), {}, r"spacing \(1.0, 0.0, 1.0\) mm, wanted positive numbers"),
        ((FULL, FULL, (1.0, np.nan, 1.0)), {}, "wanted positive numbers"),
        ((FULL, FULL), {"backend": "monai"}, "backend 'monai' not found; the choices are: ctshift, surface-distance"),
    ],
)
def test_wrong_masks_are_refused(masks: tuple, options: dict, message: str) -> None:
    with pytest.raises(AnalysisError, match=message):
        MaskPair(*masks, **options)


def test_slices_by_hand() -> None:
    """Three slices: equal squares, one shifted by a column, none; DSC 1 and 0.5, distances 0 and one column."""
    reference, prediction = np.zeros((2, 3, 5, 6), dtype=bool)
    reference[:2, 1:3, 1:3] = True
    prediction[0, 1:3, 1:3] = prediction[1, 1:3, 2:4] = True
    pair = MaskPair(reference, prediction, SPACING)
    assert slice_by_slice(find_metric("DSC"), pair) == pytest.approx((1 + 0.5) / 2)
    assert slice_by_slice(find_metric("HD"), pair) == pytest.approx(0.7 / 2)
    assert len(pair.slices) == 2


@pytest.mark.parametrize(("name", "value"), [("DSC", 0.5), ("NSD", 0.5), ("HD95", np.inf), ("MSD", np.inf)])
def test_a_slice_with_one_mask(name: str, value: float) -> None:
    reference = np.ones((2, 3, 3), dtype=bool)
    prediction = reference.copy()
    prediction[1] = False
    for masks in itertools.permutations((reference, prediction)):
        assert slice_by_slice(find_metric(name), MaskPair(*masks, SPACING)) == value
    assert np.isnan(slice_by_slice(find_metric(name), MaskPair(reference & False, prediction & False, SPACING)))


@pytest.mark.parametrize("backend", ["ctshift", "surface-distance"])
def test_slice_by_slice_is_the_mean_of_two_dimensional_pairs(backend: str) -> None:
    rng = np.random.default_rng(4)
    reference, prediction = rng.random((2, 6, 7, 8)) < 0.3
    pair = MaskPair(reference, prediction, SPACING, backend=backend)
    for metric in METRICS:
        if metric.symmetric and metric.unit in ("1", "mm"):
            single = [metric.compute(MaskPair(a, b, SPACING[1:])) for a, b in zip(reference, prediction, strict=True)]
            assert slice_by_slice(metric, pair) == pytest.approx(np.mean(single), rel=1e-12)


def test_slices_have_no_volume_and_no_slices() -> None:
    pair = MaskPair(FULL, FULL, SPACING)
    with pytest.raises(AnalysisError, match="has no volume"):
        slice_by_slice(find_metric("volume"), pair)
    with pytest.raises(AnalysisError, match="2 axes, wanted"):
        slice_by_slice(find_metric("DSC"), pair.slices[0])


@pytest.mark.parametrize(
    ("reference_empty", "prediction_empty", "status"),
    [
        (False, False, "ok"),
        (False, True, "empty_prediction"),
        (True, False, "empty_reference"),
        (True, True, "both_empty"),
    ],
)
def test_status_of_masks(reference_empty: bool, prediction_empty: bool, status: str) -> None:
    assert status_of_masks(reference_empty=reference_empty, prediction_empty=prediction_empty) == status


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("DSC", [(0.7, "ok", 0.7), (0.0, "empty_prediction", 0.0), (0.0, "empty_reference", 0.0),
                 (np.nan, "both_empty", np.nan), (np.nan, "missing", 0.0), (np.nan, "failed", 0.0),
                 (np.nan, "no_reference", np.nan)]),
        ("HD95", [(3.0, "ok", 3.0), (np.inf, "empty_prediction", np.inf), (np.inf, "empty_reference", np.inf),
                  (np.nan, "both_empty", np.nan), (np.nan, "missing", np.inf), (np.nan, "no_reference", np.nan)]),
        ("volume", [(3.0, "ok", 3.0), (0.0, "both_empty", 0.0), (np.nan, "missing", np.nan)]),
        ("absolute_volume_difference", [(9.0, "empty_prediction", 9.0), (0.0, "both_empty", np.nan)]),
        ("tumour_overlap", [(0.0, "empty_prediction", 0.0), (np.nan, "empty_reference", np.nan)]),
    ],
)  # fmt: skip
def test_counted_values(name: str, rows: list[tuple[float, str, float]]) -> None:
    scores = pd.DataFrame([row[:2] for row in rows], columns=["value", "status"])
    np.testing.assert_array_equal(counted_values(scores, find_metric(name)), [row[2] for row in rows])


def test_the_empties_table_has_every_metric_and_drops_no_miss() -> None:
    table = empties_table()
    assert set(table["metric"]) == set(NAMES)
    assert not table.duplicated(["metric", "empty"]).any()
    for metric in METRICS:
        rows = table[table["metric"].eq(metric.name)].set_index("empty")["counted"]
        if metric.direction != "none":
            worst = metric.range[1] if metric.direction == "lower" else metric.range[0]
            assert rows["no prediction"] == worst
            assert np.isnan(rows["both"])
            assert not np.isnan(rows["prediction"])

"""Every metric keeps its contract; the Dice score is right by hand; empties count as the one table says."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis.empties import POLICIES, counted_values, status_of_masks
from analysis.metric import Metric, find_metrics
from analysis.metrics.dice import METRIC, dice

METRICS = sorted(find_metrics().values(), key=lambda metric: metric.name)
MASKS = arrays(bool, (3, 4, 5))
SPACING = (5.0, 0.8, 0.7)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_metric_record_is_complete(metric: Metric) -> None:
    assert metric.direction in POLICIES
    assert metric.range[0] < metric.range[1]
    assert metric.definition
    assert metric.backend
    full = np.ones((2, 3, 4), dtype=bool)
    assert metric.range[0] <= metric.compute(full, full, SPACING) <= metric.range[1]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
@given(reference=MASKS, prediction=MASKS)
@settings(max_examples=20, deadline=None)
def test_metric_stays_in_its_range_and_keeps_its_inputs(
    metric: Metric, reference: np.ndarray, prediction: np.ndarray
) -> None:
    before = reference.copy(), prediction.copy()
    value = metric.compute(reference, prediction, SPACING)
    assert np.isnan(value) or metric.range[0] <= value <= metric.range[1]
    assert np.array_equal(reference, before[0])
    assert np.array_equal(prediction, before[1])
    if not metric.needs_spacing:
        other = metric.compute(reference, prediction, (1.0, 1.0, 1.0))
        assert value == other or (np.isnan(value) and np.isnan(other))


def test_dice_by_hand() -> None:
    reference = np.zeros((2, 3, 4), dtype=bool)
    prediction = reference.copy()
    reference[0, 0, :4] = True
    reference[1, 2, 0] = True
    prediction[0, 0, 1:4] = True
    assert dice(reference, prediction) == pytest.approx(2 * 3 / (5 + 3))


def test_dice_of_empty_masks() -> None:
    empty, full = np.zeros((1, 2, 2), dtype=bool), np.ones((1, 2, 2), dtype=bool)
    assert np.isnan(dice(empty, empty))
    assert dice(full, empty) == 0
    assert dice(empty, full) == 0
    assert dice(full, full) == 1


@given(MASKS, MASKS, st.integers(0, 2), st.integers(-3, 3))
@settings(max_examples=60, deadline=None)
def test_dice_laws(first: np.ndarray, second: np.ndarray, axis: int, shift: int) -> None:
    value = dice(first, second)
    moved = dice(np.roll(first, shift, axis), np.roll(second, shift, axis))
    doubled = dice(np.repeat(first, 2, axis), np.repeat(second, 2, axis))
    if np.isnan(value):
        assert not first.any()
        assert not second.any()
    else:
        assert value == dice(second, first) == moved == doubled


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


def test_counted_dice_values() -> None:
    rows = [
        (0.7, "ok", 0.7), (0.0, "empty_prediction", 0.0), (0.0, "empty_reference", 0.0), (np.nan, "both_empty", np.nan),
        (np.nan, "missing", 0.0), (np.nan, "failed", 0.0), (np.nan, "no_reference", np.nan),
    ]  # fmt: skip
    scores = pd.DataFrame([row[:2] for row in rows], columns=["value", "status"])
    np.testing.assert_array_equal(counted_values(scores, METRIC), [row[2] for row in rows])


def test_worst_value_follows_the_direction() -> None:
    distance = Metric("HD", "distance", "mm", "lower", (0.0, np.inf), True, "3d", "test", "numpy", METRIC.compute)
    volume = Metric("V", "volume", "ml", "none", (0.0, np.inf), True, "3d", "test", "numpy", METRIC.compute)
    scores = pd.DataFrame({"value": [np.nan, 3.0], "status": ["missing", "ok"]})
    np.testing.assert_array_equal(counted_values(scores, distance), [np.inf, 3.0])
    np.testing.assert_array_equal(counted_values(scores, volume), [np.nan, 3.0])

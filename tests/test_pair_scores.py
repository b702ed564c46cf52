"""Values of two sets of masks, with what their rows say."""

import numpy as np
import pandas as pd
import pytest

from analysis.empties import counted_values
from analysis.errors import AnalysisError
from analysis.metric import find_metric
from analysis.scoring.pair_scores import score_sides
from analysis.scoring.sides import Sides
from benchmarks.study import Scoring


def test_a_slice_with_one_mask_makes_the_mean_distance_infinite_and_the_row_says_so() -> None:
    reference = np.zeros((3, 6, 6), dtype=bool)
    reference[:, 2:4, 2:4] = True
    prediction = reference.copy()
    prediction[2] = False
    sides = Sides({"disease": reference}, {"disease": prediction}, contiguous=False)
    (score,) = score_sides(sides, ["disease"], [find_metric("HD95")], Scoring())
    assert (score.dimension, score.value, score.status) == ("2d", np.inf, "ok")
    assert score.reason == "1 of 3 slices show one mask only, so the mean distance is infinite"
    (score,) = score_sides(sides, ["disease"], [find_metric("DSC")], Scoring())
    assert (score.dimension, score.value, score.reason) == ("3d", 0.8, "")


@pytest.mark.parametrize(
    ("metric", "reference", "prediction", "status"),
    [
        ("volume", True, False, "empty_prediction"),
        ("volume", False, True, "empty_reference"),
        ("volume", False, False, "both_empty"),
        ("volume", None, False, "empty_prediction"),
        ("volume", None, True, "ok"),
        ("reference_volume", True, False, "empty_prediction"),
        ("reference_volume", False, True, "empty_reference"),
        ("reference_volume", True, True, "ok"),
    ],
)
def test_the_volume_of_one_side_says_which_mask_is_empty(
    metric: str, reference: bool | None, prediction: bool, status: str
) -> None:
    def mask(shown: bool) -> np.ndarray:
        return np.full((2, 3, 4), shown)

    shown = {} if reference is None else {"disease": mask(reference)}
    sides = Sides(shown, {"disease": mask(prediction)}, (5.0, 10.0, 20.0))
    (score,) = score_sides(sides, ["disease"], [find_metric(metric)], Scoring())
    assert (score.status, score.reason) == (status, "" if status == "ok" else status.replace("_", " "))
    assert score.value == (24.0 if (reference if metric == "reference_volume" else prediction) else 0.0)


def test_an_extent_without_lung_has_an_empty_prediction() -> None:
    disease, lung = np.ones((2, 3, 4), dtype=bool), np.zeros((2, 3, 4), dtype=bool)
    sides = Sides({}, {"disease": disease, "lung": lung})
    (score,) = score_sides(sides, ["disease"], [find_metric("extent")], Scoring(lung="lung", disease="disease"))
    assert np.isnan(score.value)
    assert score.status == "empty_prediction"


def test_an_unknown_status_is_named() -> None:
    rows = pd.DataFrame({"value": [0.5], "status": ["weird"]})
    with pytest.raises(AnalysisError, match="status 'weird' of DSC, wanted one of: ok, empty_prediction"):
        counted_values(rows, find_metric("DSC"))

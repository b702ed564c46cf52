"""Values of two sets of masks, with what their rows say."""

import numpy as np

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

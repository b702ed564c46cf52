"""The prediction and training-step measurements say what they measured, and whether it is enough."""

import numpy as np
import pandas as pd

from benchmarks.performance import predict_report, training_step
from benchmarks.performance.predict import compare
from benchmarks.performance.predict_run import draw_chest


def _times(ours: float) -> pd.DataFrame:
    ways = {"nnUNetv2_predict, tuned": 60.0, "CTShift": ours, "nnUNetv2_predict, defaults": 200.0}
    rows = [{"trainer": "T", "way": way, "volumes": 10, "repeat": 0, "cpu_s": cpu_s} for way, cpu_s in ways.items()]
    return pd.DataFrame(rows)


def _agreement(differing: int) -> pd.DataFrame:
    row = {"trainer": "T", "volume": "v0", "voxels": 1_000_000, "dsc_between": 1.0, "dsc_reference": 0.9}
    return pd.DataFrame([row | {"differing": 0}, row | {"volume": "v1", "differing": differing}])


def test_prediction_report_says_what_holds() -> None:
    text = predict_report.report(_times(40.0), _agreement(10))
    assert "| T | CTShift | 10 | 40.0 | 4.00 |" in text
    assert "- yes: T: 1.50 times less CPU than tuned nnUNetv2_predict (1.50 to 1.50 in 1 turns; wanted: 1.2)" in text
    assert "99.999500 % of voxels equal, worst volume 99.999000 % (10 of 2000000 voxels differ)" in text
    assert predict_report.reached(_times(40.0), _agreement(10))
    assert not predict_report.reached(_times(51.0), _agreement(0))
    assert not predict_report.reached(_times(40.0), _agreement(11))


def test_label_maps_are_compared_by_voxel_and_by_label() -> None:
    reference = np.array([[[0, 1, 2, 2]]])
    peer = np.array([[[0, 1, 2, 1]]])
    found = compare(reference, peer, np.array([[[0, 1, 1, 1]]]))
    assert found == {"voxels": 4, "differing": 1, "dsc_between": 0.0, "dsc_reference": 2 / 3}


def test_drawn_chest_has_lung_and_lesions_at_their_level() -> None:
    image, labels = draw_chest((8, 96, 96), 1)
    assert set(np.unique(labels)) == {0, 1, 2}
    assert abs(image[labels == 1].mean() + 850) < 10
    assert np.array_equal(draw_chest((8, 96, 96), 1)[0], image)


def test_training_step_ratio_is_of_medians_and_emulation_has_no_limit() -> None:
    rows = [
        {
            "trainer": name,
            "turn": turn,
            "ours_step_s": ours,
            "peer_step_s": 1.0,
            "ours_epoch_s": 2.0,
            "peer_epoch_s": 4.0,
        }
        for name in ("T", training_step.EMULATING)
        for turn, ours in enumerate((1.0, 1.1, 3.0))
    ]
    text = training_step.report(pd.DataFrame(rows))
    assert "| T | 1.1000 | 1.0000 | 1.100 (1.050 to 2.050) | 0.500 (0.500 to 0.500) |" in text
    assert [holds for _, holds in training_step.claims(pd.DataFrame(rows))] == [False, True]

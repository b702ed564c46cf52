"""The figures a registration has to reach, on two synthetic chests of 96 x 192 x 192 voxels."""

import time

import numpy as np

from benchmarks.performance.chest_pair import make_chest_pair
from dataset_converters.registration.quality import dice
from dataset_converters.registration.register import register

WANTED_CPU_S = 5.0


def test_two_synthetic_chests_reach_the_figures() -> None:
    moving, fixed = make_chest_pair()
    started = time.process_time()
    found = register(
        moving.image,
        fixed.image,
        moving_spacing_mm=moving.frame.spacing_mm,
        fixed_spacing_mm=fixed.frame.spacing_mm,
        moving_lung=moving.lung,
        fixed_lung=fixed.lung,
    )
    spent = time.process_time() - started
    assert found.warp is not None
    assert found.quality.status == "done", found.quality.reason
    assert found.quality.lung_dice_before < 0.91
    assert found.quality.lung_dice >= 0.97
    assert found.quality.folding_share < 1e-4
    assert found.quality.inverse_p95_mm < 0.5
    there = found.warp.warp_labels(moving.labels)
    again = found.warp.unwarp_labels(there)
    assert dice(moving.lung, again > 0) >= 0.98
    assert set(np.unique(there)) <= set(np.unique(moving.labels))
    assert spent < 3 * WANTED_CPU_S


def test_a_template_of_half_a_chest_is_a_failed_registration() -> None:
    """What lies beyond the template's box cannot be predicted; unnoticed it would be disease and lung missed."""
    moving, fixed = make_chest_pair()
    half = fixed.image[48:]
    found = register(
        moving.image, half, moving_spacing_mm=moving.frame.spacing_mm, fixed_spacing_mm=fixed.frame.spacing_mm
    )
    assert found.warp is not None
    assert found.quality.status == "failed"
    assert found.quality.covered < 0.7
    assert "covered" in found.quality.reason

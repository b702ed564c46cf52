"""The centred ellipsoid: its size, its fit and its label maps."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from tiny_run import write, write_tiny_run

from trainers.predict.ellipsoid import SCALES, dsc_at_scales, predict_ellipsoid, relative_radius
from trainers.run_folder import open_run

MODEL = "ellipsoid-centred_ellipsoid-s0-f0"


def test_radius_is_1_on_the_faces_and_grows_with_the_box() -> None:
    radius = relative_radius((1, 2, 4))
    assert radius.shape == (1, 2, 4)
    assert radius[0, 0, 0] == pytest.approx(np.hypot(0.5, 0.75))
    assert radius[0, 1, 2] == pytest.approx(np.hypot(0.5, 0.25))


def test_dsc_equals_the_one_of_the_mask() -> None:
    random = np.random.default_rng(0)
    reference, known = random.random((3, 5, 7)) < 0.4, random.random((3, 5, 7)) < 0.8
    scores = dsc_at_scales(reference, known, np.array([0.3, 0.8, 1.4]))
    for scale, score in zip((0.3, 0.8, 1.4), scores, strict=True):
        inside = (relative_radius((3, 5, 7)) <= scale) & known
        assert score == pytest.approx(2 * (inside & reference).sum() / (inside.sum() + (reference & known).sum()))


def test_largest_scale_fills_the_box_and_empty_reference_scores_0() -> None:
    everything = np.ones((2, 4, 4), bool)
    assert dsc_at_scales(everything, everything, SCALES)[-1] == 1.0
    assert not dsc_at_scales(~everything, everything, SCALES).any()


def test_scale_of_an_ellipsoid_is_found_and_written_on_the_image_grid(tmp_path: Path) -> None:
    run = open_run(write_tiny_run(tmp_path / "run", ignore=True))
    model = run.find_model(MODEL, "centred_ellipsoid")
    for image in model["train"]:
        labels = (relative_radius((8, 64, 64)) <= 0.52).astype(np.uint8)
        labels[:3] = 2
        write(run.raw_dataset / "labelsTr" / f"{image}.nii.gz", labels)
    predict_ellipsoid(run, model)
    fitted = json.loads((run.predictions(model) / "scale.json").read_text())
    assert fitted["scale"] == pytest.approx(0.52, abs=0.011)
    assert fitted["mean_dsc_train"] == pytest.approx(1.0, abs=0.01)
    assert len(fitted["cases"]) == 3  # two variants of a case count once
    for image in model["test"]:
        written = sitk.ReadImage(str(run.predictions(model) / f"{image}.nii.gz"))
        assert written.GetSpacing() == sitk.ReadImage(str(run.image(image))).GetSpacing()
        expected = relative_radius((8, 64, 64)) <= fitted["scale"]
        assert np.array_equal(sitk.GetArrayFromImage(written), expected)


def test_no_torch_and_a_clear_error_for_another_kind_of_model(tmp_path: Path) -> None:
    run = write_tiny_run(tmp_path / "run")
    code = "import sys, trainers.predict.ellipsoid; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    command = [sys.executable, "-m", "trainers.predict.ellipsoid", str(run), "LK"]
    failed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert f"no centred_ellipsoid model 'LK'; wanted one of ['{MODEL}']" in failed.stderr

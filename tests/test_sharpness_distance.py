"""Dice score against sharpness distance: distances by hand, a planted slope, and what has none."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
from analysis_scores import frame, score, two_kernel_study

from analysis.errors import NotApplicableError
from analysis.results import IMAGE_COLUMNS, TRAINING_COLUMNS, Results, results_in_memory
from analysis.scoring.image_sharpness import MOST_SLICES, image_sharpness
from analysis.table_parts.sharpness_distances import sharpness_distances, training_words
from analysis.table_parts.sharpness_fit import fit_sharpness
from analysis.tables import sharpness_distance
from dataset_converters.physics.sharpness import sharpness_index

PATIENTS = 8
SLOPE = -0.2
TRAINED = {"LK": (3.6, 3.8, 4.0), "MK": (2.4, 2.6, 2.8)}
"""Sharpness of three training patients, the last of them examined twice."""


def level(patient: int, variant: str) -> float:
    return (3.8 if variant == "LK" else 2.6) + 0.05 * patient * (-1) ** patient


def results_of(folder: Path, *, kind: str = "native", error: float = 0.01) -> Results:
    """Return the arms LK and LK+MK on both kernels; Dice scores fall by 0.2 per lp/cm of distance."""
    study = two_kernel_study(folder)
    study = replace(study, test_sets=tuple(entry for entry in study.test_sets if entry.name != "both"))
    rng = np.random.default_rng(0)
    images, training, rows = [], [], []
    for variant, values in TRAINED.items():
        for number, value in enumerate((*values, values[-1])):
            case = ("phantom", f"T{min(number, 2)}", f"T{number}", variant)
            images.append((*case, "native", 9, 9, value, error))
            arms = ("LK", "LK+MK") if variant == "LK" else ("LK+MK",)
            training += [(arm, 0, 0, *case, np.nan) for arm in arms]
    for patient in range(PATIENTS):
        for variant in TRAINED:
            of_image = "native" if variant == "LK" else kind
            sharpness = level(patient, variant)
            images.append(("phantom", f"P{patient}", f"P{patient}", variant, of_image, 9, 9, sharpness, error))
            for arm in ("LK", "LK+MK"):
                home = 3.8 if arm == "LK" or variant == "LK" else 2.6
                value = 0.9 + SLOPE * abs(sharpness - home) + rng.normal(0, 1e-3)
                words = {"patient": f"P{patient}", "variant": variant, "variant_kind": of_image, "arm": arm}
                rows.append(score(value, **words))
    columns = [*IMAGE_COLUMNS, "sharpness_lp_per_cm", "sharpness_standard_error"]
    return replace(
        results_in_memory(frame(rows), study),
        images=pd.DataFrame(images, columns=columns),
        training=pd.DataFrame(training, columns=list(TRAINING_COLUMNS)),
    )


def test_distance_is_to_the_nearest_training_group(tmp_path: Path) -> None:
    results = results_of(tmp_path)
    rows = sharpness_distances(results).set_index(["recipe", "patient", "variant"])
    assert rows.loc[("LK", "P2", "MK"), "distance"] == pytest.approx(2.7 - 3.8)
    assert rows.loc[("LK+MK", "P2", "MK"), ["nearest", "distance"]].tolist() == ["MK", pytest.approx(0.1)]
    assert rows.loc[("LK+MK", "P1", "LK"), ["nearest", "distance"]].tolist() == ["LK", pytest.approx(-0.05)]
    assert rows["absolute"].eq(rows["distance"].abs()).all()
    assert training_words(results, "LK+MK") == "LK 3.80, MK 2.60"


def test_folds_have_their_own_training_images(tmp_path: Path) -> None:
    results = results_of(tmp_path)
    training, scores = results.training, results.scores
    first = training[training["arm"].eq("LK") & training["patient"].eq("T0")]
    second = training[training["arm"].eq("LK") & training["patient"].eq("T1")].assign(fold=1)
    folds = scores["patient"].isin(["P0", "P1"]).astype(int)
    crossed = replace(results, training=pd.concat([first, second]), scores=scores.assign(fold=folds))
    rows = sharpness_distances(crossed).set_index(["recipe", "patient", "variant"])["distance"]
    assert rows["LK", "P1", "LK"] == pytest.approx(3.75 - 3.8)
    assert rows["LK", "P2", "LK"] == pytest.approx(3.9 - 3.6)
    assert rows["LK+MK"].isna().all()


def test_planted_slope_is_found_and_kinds_stay_apart(tmp_path: Path) -> None:
    table = sharpness_distance.make(results_of(tmp_path)).frame.set_index("arm")
    for arm in ("LK", "LK+MK", ""):
        assert table.loc[arm, "low"] < SLOPE < table.loc[arm, "high"]
        assert abs(table.loc[arm, "slope"] - SLOPE) < 0.01
    assert table.loc["LK", ["images", "patients", "model"]].tolist() == [16, 8, "mixed model"]
    assert table.loc["LK", "rho"] < -0.9
    apart = sharpness_distance.make(results_of(tmp_path, kind="emulated"))
    kinds = apart.frame[apart.frame["arm"].eq("LK")].set_index("kind")
    assert kinds["images"].to_dict() == {"native": 8, "emulated": 8}
    assert set(kinds["model"]) == {"least squares"}
    assert kinds["slope"].to_list() == pytest.approx([SLOPE, SLOPE], abs=0.02)
    assert [section.title.split(": ")[1] for section in apart.sections] == [
        "native test images",
        "emulated test images",
    ]


def test_what_has_no_slope_says_why(tmp_path: Path) -> None:
    results = results_of(tmp_path, error=2.0)
    with pytest.raises(NotApplicableError, match=r"needs test images at different .* than their error, 2\.000"):
        sharpness_distance.make(results)
    old = replace(results, images=results.images[list(IMAGE_COLUMNS)])
    with pytest.raises(NotApplicableError, match="needs the sharpness of the images; evaluate the run again"):
        sharpness_distance.make(old)
    unknown = replace(results, images=results.images.assign(sharpness_lp_per_cm=np.nan))
    with pytest.raises(NotApplicableError, match="needs images whose sharpness can be measured"):
        sharpness_distance.make(unknown)
    rows = sharpness_distances(results_of(tmp_path))
    lost = fit_sharpness(rows[rows["recipe"].eq("LK")].assign(absolute=np.nan))
    assert (lost.images, lost.left_out, lost.reason) == (0, 16, "0 patients, at least 3 needed")


def test_image_is_measured_on_few_slices_or_not_at_all(tmp_path: Path) -> None:
    volume = (40 + np.random.default_rng(3).normal(0, 20, (2 * MOST_SLICES, 72, 72))).astype(np.int16)
    volume[1::2] = -1000
    image = sitk.GetImageFromArray(volume)
    image.SetSpacing((0.75, 0.875, 3.0))
    path = tmp_path / "image.nii.gz"
    sitk.WriteImage(image, str(path))
    wanted = sharpness_index(volume[::2], (0.875, 0.75))
    assert image_sharpness(path) == pytest.approx((wanted.index_lp_per_cm, wanted.standard_error))
    image.SetSpacing((1.25, 0.875, 3.0))
    sitk.WriteImage(image, str(path))
    assert np.isnan(image_sharpness(path)).all()
    path.write_bytes(b"no image")
    assert np.isnan(image_sharpness(path)).all()

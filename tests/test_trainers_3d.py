"""3D training and prediction on a run of tiny volumes, beside 2D and without it."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from tiny_run import NNUNET, write_tiny_run

from trainers.errors import TrainerError
from trainers.predict.predict import predict
from trainers.prepare import prepare
from trainers.preprocessed_cases import record_name, refuse_changed_cases
from trainers.run_folder import open_run
from trainers.train import train

pytestmark = pytest.mark.usefixtures("kept_environment")
STOCK = "nnUNetTrainerCTShiftStock"
MODEL = f"LK-{STOCK}_3d_fullres-s0-f0"
THREE_D = {"patch_size": [8, 32, 32], "batch_size": 2, "spacing_mm": [5.0, 1.5, 1.5]}
BASE = Path("nnUNet_preprocessed") / NNUNET
CASES = BASE / "nnUNetPlans_3d_fullres"


def write_run(run: Path, *, flat: bool = True, three_d: dict[str, Any] | None = None) -> Path:
    """Write a run whose arm LK is trained in 3D, beside 2D or alone."""
    write_tiny_run(run, patients=3, size=40, iterations=4, patch_size=[32, 32], three_d=three_d or THREE_D)
    return add_3d(run, flat=flat)


def add_3d(run: Path, *, flat: bool) -> Path:
    matrix = json.loads((run / "matrix.json").read_text())
    in_3d = {"plans_name": "tiny-LK-s0-3d", "configuration": "3d_fullres"}
    plans, model = matrix["plans"][0] | in_3d, matrix["models"][2] | in_3d
    model |= {"model": MODEL, "trainer": f"{STOCK}_3d_fullres", "trainer_class": STOCK}
    matrix["plans"] = [*(matrix["plans"] if flat else []), plans]
    matrix["models"] = [*(matrix["models"] if flat else []), model]
    matrix["budget"] |= {"three_d": THREE_D} if "three_d" not in matrix["budget"] else {}
    (run / "matrix.json").write_text(json.dumps(matrix))
    return run


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = write_run(tmp_path_factory.mktemp("three") / "run", flat=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("nnUNet_raw", "")  # restored with what prepare sets
        prepare(open_run(run))
    return run


def test_3d_trains_and_predicts_on_the_images_own_grid(prepared: Path, tmp_path: Path) -> None:
    run = open_run(Path(shutil.copytree(prepared, tmp_path / "run", copy_function=shutil.copy2)))
    prepare(run)  # a copy has other inodes
    model = run.find_model(MODEL, "trained")
    train(run, model, "cpu")
    folder = run.fold_folder(model)
    assert folder.parent.name == f"{STOCK}__tiny-LK-s0-3d__3d_fullres"
    progress = json.loads((folder / "progress.json").read_text())
    assert (progress["epoch"], progress["iteration"], progress["iterations"]) == (2, 4, 4)
    train(run, model, "cpu")  # finished: returns at once
    predict(run, model, "cpu")
    (image,) = model["test"]
    written, original = (
        sitk.ReadImage(str(run.predictions(model) / f"{image}.nii.gz")),
        sitk.ReadImage(str(run.image(image))),
    )
    assert written.GetSize() == original.GetSize() == (40, 40, 8)
    assert written.GetSpacing() == original.GetSpacing()
    plain = sitk.GetArrayFromImage(written)
    assert set(np.unique(plain)) <= {0, 1}
    predict(run, dict(model) | {"mirroring": True}, "cpu")
    mirrored = sitk.GetArrayFromImage(sitk.ReadImage(str(run.predictions(model) / f"{image}.nii.gz")))
    assert not np.array_equal(plain, mirrored), "nnU-Net's own trainer allows mirroring, in 3D too"


def test_plans_are_of_3d_only_with_the_studys_patch_spacing_and_batch(prepared: Path) -> None:
    plans = json.loads((prepared / BASE / "tiny-LK-s0-3d.json").read_text())
    assert list(plans["configurations"]) == ["3d_fullres"]
    plan = plans["configurations"]["3d_fullres"]
    assert {name: plan[name] for name in ("patch_size", "batch_size")} | {"spacing_mm": plan["spacing"]} == THREE_D
    assert plan["median_image_size_in_voxels"] == [8, 27, 27]
    assert plans["ctshift"]["batch_size"] == 2
    assert plan["architecture"]["arch_kwargs"]["kernel_sizes"][0] == [1, 3, 3], "slices of 5 mm: flat at first"
    assert plan["batch_dice"] is False
    assert plans["foreground_intensity_properties_per_channel"]["0"]["percentile_99_5"] == 600
    assert not (prepared / BASE / "nnUNetPlans_2d").exists(), "no 2D file where nothing is trained in 2D"
    assert not (prepared / BASE / record_name("2d")).exists()


def test_a_damaged_3d_case_is_refused_and_made_again(prepared: Path, tmp_path: Path) -> None:
    run = open_run(Path(shutil.copytree(prepared, tmp_path / "run", copy_function=shutil.copy2)))
    prepare(run)
    path = run.path / CASES / "source_P2-LK.b2nd"
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    model = run.find_model(MODEL, "trained")
    with pytest.raises(TrainerError, match=r"source_P2-LK: found another file than was written"):
        train(run, model, "cpu")
    prepare(run)
    refuse_changed_cases(run, model)
    assert path.stat().st_size == len(whole)


def test_3d_added_to_a_run_changes_no_file_of_2d(tmp_path: Path) -> None:
    run = write_tiny_run(tmp_path / "run", patients=3, size=40, iterations=4, patch_size=[32, 32])
    prepare(open_run(run))
    planned = {"nnUNetPlans.json", "planned_from.json", "dataset_fingerprint.json"}
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in (run / BASE).rglob("*") if p.is_file()}
    configuration = json.loads((run / BASE / "nnUNetPlans.json").read_text())["configurations"]["2d"]
    assert not (run / CASES).exists(), "no 3D file where nothing is trained in 3D"
    prepare(open_run(add_3d(run, flat=True)))
    assert {p.name for p, (content, _) in before.items() if p.read_bytes() != content} <= planned
    written = {p.relative_to(run / BASE) for p, (_, time) in before.items() if p.stat().st_mtime_ns != time}
    assert not any(p.parts[0] == "nnUNetPlans_2d" or p.name.startswith(("tiny-", "splits_")) for p in written)
    plans = json.loads((run / BASE / "nnUNetPlans.json").read_text())
    assert list(plans["configurations"]) == ["2d", "3d_fullres"]
    assert plans["configurations"]["2d"] == configuration
    assert (run / CASES / "source_P1-LK.pkl").is_file()


def test_a_patch_that_nnunet_has_no_network_for_is_refused(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", flat=False, three_d=THREE_D | {"patch_size": [8, 36, 32]})
    with pytest.raises(TrainerError, match=r"found patch_size \[8, 36, 32\].*wanted .*\[8, 40, 32\]"):
        prepare(open_run(run))


def test_a_matrix_whose_configuration_is_a_path_is_refused(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", flat=False)
    text = (run / "matrix.json").read_text()
    for old, new in (('3d_fullres"', '../../x"'), (f'"trainer_class": "{STOCK}"', '"trainer_class": "../x"')):
        assert old in text
        (run / "matrix.json").write_text(text.replace(old, new))
        with pytest.raises(TrainerError, match="wanted a name without separators"):
            open_run(run)

"""Every trainer that is found trains, reports and predicts; a new file is found without an edit."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from tiny_run import write_tiny_run

from trainers.predict.predict import predict
from trainers.prepare import prepare
from trainers.registry import PACKAGE, list_trainers
from trainers.run_folder import RunFolder, open_run
from trainers.train import train

pytestmark = pytest.mark.usefixtures("kept_environment")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Return a prepared run of lung and disease with sparse annotation."""
    folder = tmp_path_factory.mktemp("conformance") / "run"
    opened = open_run(write_tiny_run(folder, ignore=True, lung=True, iterations=4))
    prepare(opened)
    return opened


@pytest.mark.parametrize("name", list_trainers())
def test_trainer_trains_reports_and_predicts(run: RunFolder, name: str) -> None:
    model = run.find_model("LK-nnUNetTrainerWeightedCE2D-s0-f0", "trained")
    model = dict(model) | {"trainer": name, "model": f"LK-{name}-s0-f0"}
    train(run, model, "cpu")
    progress = json.loads((run.fold_folder(model) / "progress.json").read_text())
    assert (progress["epoch"], progress["epochs"], progress["iteration"], progress["iterations"]) == (2, 2, 4, 4)
    assert np.isfinite(progress["loss"])
    predict(run, model, "cpu")
    for image in model["test"]:
        written = sitk.ReadImage(str(run.predictions(model) / f"{image}.nii.gz"))
        original = sitk.ReadImage(str(run.image(image)))
        assert written.GetSize() == original.GetSize()
        assert written.GetSpacing() == original.GetSpacing()
        assert written.GetOrigin() == original.GetOrigin()
        assert set(np.unique(sitk.GetArrayFromImage(written))) <= {0, 1, 2}
    before = [path.stat().st_mtime_ns for path in sorted(run.predictions(model).glob("*.nii.gz"))]
    predict(run, model, "cpu")
    assert [path.stat().st_mtime_ns for path in sorted(run.predictions(model).glob("*.nii.gz"))] == before
    predict(run, model | {"mirroring": True, "test": model["test"][:1]}, "cpu")
    (remade,) = run.predictions(model).glob("*.nii.gz")
    assert remade.stat().st_mtime_ns != before[0], "other settings are another prediction"


@pytest.mark.parametrize("name", list_trainers())
def test_trainer_says_what_it_is(name: str) -> None:
    assert len(list_trainers()[name]) > 20


def test_new_file_is_found_and_a_broken_neighbour_is_not_in_the_way(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch" / "trainers"
    shutil.copytree(PACKAGE, scratch, ignore=shutil.ignore_patterns("__pycache__"))
    (scratch / "nnunet" / "nnUNetTrainerAlsoHere.py").write_text(
        "from trainers.base import CTShiftTrainer\n\n\n"
        'class nnUNetTrainerAlsoHere(CTShiftTrainer):\n    """A newcomer."""\n'
    )
    (scratch / "nnunet" / "nnUNetTrainerABroken.py").write_text(
        "class nnUNetTrainerABroken:\n    pass\n\n\nraise OSError\n"
    )
    environment = os.environ | {"PYTHONPATH": str(scratch.parent), "nnUNet_extTrainer": str(scratch / "extension")}
    listed = subprocess.run(
        [sys.executable, "-m", "trainers"], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert listed.startswith(f"export nnUNet_extTrainer={scratch / 'extension'}\n")
    assert ["#", "nnUNetTrainerAlsoHere", "A", "newcomer."] in [line.split() for line in listed.splitlines()]
    code = (
        "from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name as find\n"
        "import pickle\n"
        "found = find('nnUNetTrainerAlsoHere')\n"
        "assert pickle.loads(pickle.dumps(found)) is found\n"
        "print(found.__module__)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert found.endswith("trainers.nnunet.nnUNetTrainerAlsoHere\n")

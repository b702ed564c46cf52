"""nnU-Net's own commands work with our trainer, on a study's dataset and on any other."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from tiny_run import NNUNET, TRAINER, write, write_dataset_json, write_tiny_run

from trainers.checkpoint import load_checkpoint
from trainers.predict.__main__ import main
from trainers.predict.predict import predict
from trainers.prepare import prepare
from trainers.registry import EXTENSION_FOLDER
from trainers.run_folder import open_run
from trainers.train import train

pytestmark = pytest.mark.slow


def command(folder: Path, name: str, *arguments: str) -> str:
    """Run an installed nnU-Net command with nothing of ours but the extension folder."""
    folders = {name: str(folder / name) for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")}
    environment = os.environ | folders | {"nnUNet_extTrainer": str(EXTENSION_FOLDER)}
    environment |= {
        "nnUNet_n_proc_DA": "1" if "plan" in name else "0",
        "nnUNet_def_n_proc": "1",
        "OMP_NUM_THREADS": "1",
    }
    executable = str(Path(sys.executable).parent / name)
    result = subprocess.run([executable, *arguments], env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    return result.stdout


def test_commands_on_a_study_equal_our_stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results", "nnUNet_extTrainer", "nnUNet_n_proc_DA"):
        monkeypatch.setenv(name, "restored afterwards")
    run = open_run(
        write_tiny_run(tmp_path / "run", iterations=40, iterations_per_epoch=20, size=72, patch_size=[64, 64])
    )
    prepare(run)
    other = Path(shutil.copytree(run.path, tmp_path / "other"))
    model = run.find_model(f"both-{TRAINER}-s0-f0", "trained")
    train(run, model, "cpu")
    predict(run, model, "cpu")
    names = ["-tr", TRAINER, "-p", "tiny-both-s0"]
    command(other, "nnUNetv2_train", "977", "2d", "0", *names, "-device", "cpu")
    images, out = tmp_path / "images", tmp_path / "out"
    images.mkdir()
    for image in model["test"]:
        shutil.copy(run.image(image), images / f"{image}_0000.nii.gz")
    where = ["-i", str(images), "-o", str(out), "-d", "977", "-c", "2d", "-f", "0", "-device", "cpu"]
    command(other, "nnUNetv2_predict", *where, *names, "-npp", "0", "-nps", "0")
    fold = run.fold_folder(model).relative_to(run.path)
    ours, theirs = (load_checkpoint(place / fold / "checkpoint_final.pth") for place in (run.path, other))
    for key, value in ours["network_weights"].items():
        assert torch.equal(value, theirs["network_weights"][key])
    for image in model["test"]:
        ours_map, their_map = (sitk.ReadImage(str(f / f"{image}.nii.gz")) for f in (run.predictions(model), out))
        assert np.array_equal(sitk.GetArrayFromImage(ours_map), sitk.GetArrayFromImage(their_map))
        assert sitk.GetArrayFromImage(ours_map).any()
        assert ours_map.GetSpacing() == their_map.GetSpacing()


@pytest.mark.timeout(900)
def test_commands_on_a_dataset_made_by_hand(tmp_path: Path) -> None:
    """nnU-Net's own plans and splits; the last of its 1000 epochs, with its final validation.

    A checkpoint that says "999 epochs done" of untrained weights stands in for the 999 epochs.
    """
    name = "Dataset978_hand"
    raw = tmp_path / "nnUNet_raw" / name
    write_dataset_json(raw, None, cases=5)
    for case in range(5):
        random = np.random.default_rng(case)
        labels = np.zeros((6, 30, 30), np.uint8)
        labels[1:5, 8 : 18 + case, 10:20] = 1
        write(raw / "imagesTr" / f"c{case}_0000.nii.gz", (-800 + 700.0 * labels + random.normal(0, 30, labels.shape)))
        write(raw / "labelsTr" / f"c{case}.nii.gz", labels)
    command(tmp_path, "nnUNetv2_plan_and_preprocess", "-d", "978", "-c", "2d", "-np", "1", "-npfp", "1")
    code = (
        "import sys, torch\n"
        "from nnunetv2.run.run_training import get_trainer_from_args\n"
        f"trainer = get_trainer_from_args({name!r}, '2d', 0, {TRAINER!r}, device=torch.device('cpu'))\n"
        "trainer.initialize()\n"
        "trainer.current_epoch = 998\n"
        "trainer.save_checkpoint(trainer.output_folder + '/checkpoint_latest.pth')\n"
    )
    folders = {n: str(tmp_path / n) for n in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")}
    environment = os.environ | folders | {"nnUNet_extTrainer": str(EXTENSION_FOLDER)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    command(tmp_path, "nnUNetv2_train", "978", "2d", "0", "-tr", TRAINER, "-device", "cpu", "--c")
    model = tmp_path / "nnUNet_results" / name / f"{TRAINER}__nnUNetPlans__2d"
    progress = json.loads((model / "fold_0" / "progress.json").read_text())
    assert (progress["epoch"], progress["epochs"], progress["iterations"]) == (1000, 1000, 250_000)
    summary = json.loads((model / "fold_0" / "validation" / "summary.json").read_text())
    assert summary["foreground_mean"]["Dice"] > 0.9
    where = ["-i", str(raw / "imagesTr"), "-o", str(tmp_path / "out"), "-d", "978", "-c", "2d", "-f", "0"]
    command(tmp_path, "nnUNetv2_predict", *where, "-tr", TRAINER, "-device", "cpu", "-npp", "0", "-nps", "0")
    assert sorted(path.name for path in (tmp_path / "out").glob("*.nii.gz")) == [f"c{case}.nii.gz" for case in range(5)]


def test_commands_with_lung_and_disease_as_regions(tmp_path: Path, kept_environment: None) -> None:
    """AtlasNet trains, validates and predicts by plain commands; our prediction is the same."""
    trainer, names = "nnUNetTrainerAtlasNet", ["-tr", "nnUNetTrainerAtlasNet", "-p", "tiny-LK-s0", "-device", "cpu"]
    size = {"size": 32, "patch_size": [32, 32]}
    run = open_run(write_tiny_run(tmp_path, lung=True, patients=3, iterations=60, iterations_per_epoch=30, **size))
    prepare(run)
    plans = run.preprocessed_dataset / "tiny-LK-s0.json"
    plans.write_text(plans.read_text().replace('"final_validation": false', '"final_validation": true'))
    command(tmp_path, "nnUNetv2_train", "977", "2d", "0", *names)
    model = tmp_path / "nnUNet_results" / NNUNET / f"{trainer}__tiny-LK-s0__2d"
    summary = json.loads((model / "fold_0" / "validation" / "summary.json").read_text())
    assert summary["mean"].keys() == {"(1, 2)", "(2,)"}
    images = tmp_path / "images"
    images.mkdir()
    shutil.copy(run.image("source_P0-LK"), images / "c_0000.nii.gz")
    where = ["-i", str(images), "-o", str(tmp_path / "out"), "-d", "977", "-c", "2d", "-f", "0"]
    command(tmp_path, "nnUNetv2_predict", *where, *names, "-npp", "0", "-nps", "0")
    assert main(["-m", str(model), "-i", str(images), "-o", str(tmp_path / "ours")]) == 0
    found = [sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / name / "c.nii.gz"))) for name in ("out", "ours")]
    assert np.count_nonzero(found[0] != found[1]) <= 2
    assert found[0].any()

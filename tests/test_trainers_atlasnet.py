"""AtlasNet and its U-Net as trainers: view of the labels, weights, rates, augmentation, and equal predictions."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.run.run_training import get_trainer_from_args
from tiny_run import NNUNET, write_tiny_run

from trainers.errors import TrainerError
from trainers.optimisation import QuarterSteps, sgd
from trainers.predict.__main__ import main
from trainers.predict.inside_lung import keep_disease_inside_lung
from trainers.predict.model import TrainedModel, load_predictor
from trainers.prepare import prepare
from trainers.region_view import lung_and_disease, region_weights, with_regions
from trainers.rigid_augmentation import Translation, rigid_patch_to_load, rigid_transforms
from trainers.run_folder import RunFolder, open_run
from trainers.train import train

ATLASNET, UNET = "nnUNetTrainerAtlasNet", "nnUNetTrainerSScUNet"
pytestmark = pytest.mark.usefixtures("kept_environment")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Return a prepared run of lung and disease, with sparse annotation."""
    folder = tmp_path_factory.mktemp("atlasnet") / "run"
    opened = open_run(
        write_tiny_run(
            folder, ignore=True, lung=True, size=48, patch_size=[32, 32], iterations=32, iterations_per_epoch=8
        )
    )
    prepare(opened)
    return opened


def make(run: RunFolder, name: str) -> Any:
    return get_trainer_from_args(NNUNET, "2d", 0, name, "tiny-LK-s0", device=torch.device("cpu"))


@pytest.fixture(scope="module")
def trained(run: RunFolder) -> Path:
    """Return the folder of a trained AtlasNet."""
    model = dict(run.find_model("LK-nnUNetTrainerWeightedCE2D-s0-f0", "trained")) | {"trainer": ATLASNET}
    train(run, model, "cpu")
    return run.fold_folder(model).parent


def test_regions_are_saved_beside_the_model_and_labels_stay(run: RunFolder, trained: Path) -> None:
    raw = json.loads((run.preprocessed_dataset / "dataset.json").read_text())
    assert raw["labels"] == {"background": 0, "lung": 1, "disease": 2, "ignore": 3}
    seen = json.loads((trained / "dataset.json").read_text())
    assert seen["labels"] == {"background": 0, "lung": [1, 2], "disease": [2], "ignore": 3}
    assert seen["regions_class_order"] == [1, 2]
    weights = json.loads((trained / "fold_0" / "class_weights.json").read_text())["classes"]
    found = {name: (entry["weight"], entry["source"]) for name, entry in weights.items()}
    assert found == {"background": (1.0, "reference"), "lung": (4.0, "paper"), "disease": (65.0, "paper")}
    assert weights["lung"]["pixels"] > weights["disease"]["pixels"] > 0
    assert sum(weights[name]["pixels"] for name in ("background", "lung")) == 6 * 48 * 48


def test_batches_hold_lung_with_its_disease_and_what_nobody_annotated(run: RunFolder) -> None:
    trainer = make(run, ATLASNET)
    trainer.initialize()
    for loader in trainer.get_dataloaders():
        lung, disease, ignored = next(loader)["target"].bool().unbind(dim=1)
        assert (lung & ~disease).any()
        assert disease.any()
        assert not (disease & ~lung).any()
        assert not ignored.any()
    assert trainer.network(torch.zeros(1, 1, 32, 32)).shape == (1, 2, 32, 32)
    assert trainer.initial_lr == 0.01


@pytest.mark.parametrize(("mirroring", "rule"), [(False, False), (True, False), (False, True)])
def test_our_prediction_is_nnunets(run: RunFolder, trained: Path, tmp_path: Path, mirroring: bool, rule: bool) -> None:
    """Mirroring changes nothing: the model was trained without; the rule removes disease outside the lung only."""
    images, theirs = tmp_path / "images", tmp_path / "theirs"
    images.mkdir()
    theirs.mkdir()
    (images / "c_0000.nii.gz").write_bytes(run.image("source_P0-LK").read_bytes())
    more = ["--mirroring"] * mirroring + ["--disease-inside-lung"] * rule
    assert main(["-m", str(trained), "-i", str(images), "-o", str(tmp_path / "ours"), *more]) == 0
    stock = nnUNetPredictor(use_mirroring=False, device=torch.device("cpu"), allow_tqdm=False)
    stock.initialize_from_trained_model_folder(str(trained), (0,), "checkpoint_final.pth")
    stock.predict_from_files_sequential([[str(images / "c_0000.nii.gz")]], [str(theirs / "c")])
    ours, wanted = (
        sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / name / "c.nii.gz"))) for name in ("ours", "theirs")
    )
    if not rule:
        assert set(np.unique(wanted)) == {0, 1, 2}
        assert np.count_nonzero(ours != wanted) <= 2
    else:
        removed = ours != wanted
        assert (wanted[removed] == 2).all()
        assert (ours[removed] == 0).all()


def test_the_rule_caps_disease_by_lung_and_needs_these_regions(run: RunFolder, trained: Path) -> None:
    predictor = load_predictor(TrainedModel(trained, ("0",)), "cpu")
    scores = torch.tensor([[2.0, -1.0, -3.0], [5.0, 4.0, -7.0]]).half()[:, None, None]
    kept = keep_disease_inside_lung(scores, predictor)
    assert kept[0].tolist() == scores[0].tolist()
    assert kept[1].flatten().tolist() == [2.0, -1.0, -7.0]
    predictor.dataset_json = {"labels": {"background": 0, "tumour": [1, 2], "core": [2]}}
    with pytest.raises(TrainerError, match="found a model of tumour, core"):
        keep_disease_inside_lung(scores, predictor)


def test_right_and_left_are_one_lung_and_one_disease() -> None:
    labels = {"background": 0, "right_lung": 1, "left_lung": 2, "disease_right": 3, "disease_left": 4, "ignore": 5}
    seen = with_regions({"labels": labels, "name": "n"}, "T")
    assert seen["labels"] == {"background": 0, "lung": [1, 2, 3, 4], "disease": [3, 4], "ignore": 5}
    assert seen["regions_class_order"] == [1, 3]
    assert seen["name"] == "n"
    assert labels["right_lung"] == 1


@pytest.mark.parametrize(
    "labels",
    [
        {"background": 0, "disease": 1},
        {"background": 0, "right_lung": 1, "ignore": 2},
        {"background": 0, "lung": 1, "disease": 2, "tumour": 3},
        {"background": 0, "lung": [1, 2], "disease": [2]},
    ],
)
def test_missing_and_foreign_structures_are_named(labels: dict[str, Any]) -> None:
    with pytest.raises(TrainerError, match=r"T: found structures .*wanted integer labels for healthy lung"):
        lung_and_disease(labels, "T")


@pytest.mark.parametrize("name", [ATLASNET, UNET])
def test_a_dataset_without_lung_is_refused(run: RunFolder, name: str) -> None:
    kind = type(make(run, name))
    plans = json.loads((run.preprocessed_dataset / "tiny-LK-s0.json").read_text()) | {"continue_training": False}
    dataset = json.loads((run.preprocessed_dataset / "dataset.json").read_text())
    dataset["labels"] = {"background": 0, "disease": 1}
    with pytest.raises(TrainerError, match=f"{name}: found structures {{'disease': 1}}"):
        kind(plans, "2d", 0, dataset, torch.device("cpu"))


def test_a_study_may_name_weights_of_labels_one_value_a_region() -> None:
    names = (["right_lung", "left_lung"], ["disease"])
    weights = {"right_lung": 3.0, "left_lung": 3.0, "typo": 2.0}
    assert region_weights(weights, names, "s") == {"typo": 2.0, "lung": 3.0}
    with pytest.raises(TrainerError, match=r"s: found class weights .*they are one region, lung"):
        region_weights({"right_lung": 3.0, "left_lung": 4.0}, names, "s")


def test_unet_weighs_labels_as_atlasnet_does(run: RunFolder) -> None:
    trainer = make(run, UNET)
    trainer.initialize()
    assert trainer.loss._loss.weight.tolist() == [1.0, 4.0, 65.0]
    assert trainer.initial_lr == 0.01
    assert trainer.inference_allowed_mirroring_axes is None


def test_rate_of_every_epoch_of_forty_is_the_papers() -> None:
    optimiser, schedule = sgd([torch.nn.Parameter(torch.zeros(1))], 0.01, 40)
    group = optimiser.param_groups[0]
    assert (group["momentum"], group["weight_decay"], group["nesterov"]) == (0.9, 5e-4, False)
    rates = []
    for epoch in range(40):
        schedule.step(epoch)
        rates.append(group["lr"])
    assert rates == pytest.approx([0.01] * 10 + [0.0075] * 10 + [0.005] * 10 + [0.0025] * 10)
    schedule.step(40)  # nnU-Net asks once more when a finished training is opened
    assert group["lr"] == pytest.approx(0.0025)


@pytest.mark.parametrize(("epochs", "quarters"), [(1, [0]), (2, [0, 2]), (4, [0, 1, 2, 3]), (6, [0, 0, 1, 2, 2, 3])])
def test_other_lengths_fall_at_their_own_quarters(epochs: int, quarters: list[int]) -> None:
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule, rates = QuarterSteps(optimiser, 1.0, epochs), []
    for epoch in range(epochs):
        schedule.step(epoch)
        rates.append(optimiser.param_groups[0]["lr"])
    assert rates == [1 - quarter / 4 for quarter in quarters]


def test_training_takes_the_rates_of_its_epochs(trained: Path) -> None:
    log = torch.load(trained / "fold_0" / "checkpoint_final.pth", weights_only=True)["logging"]
    assert log["lrs"] == pytest.approx([0.01, 0.0075, 0.005, 0.0025])
    assert np.isfinite(log["train_losses"]).all()


def test_translations_move_image_and_labels_alike_by_up_to_20_pixels() -> None:
    image = torch.arange(70.0)[None, None, :] + 100 * torch.arange(60.0)[None, :, None]
    np.random.seed(0)
    corners = set()
    for _ in range(400):
        moved = Translation(20)(image=image, segmentation=image.clone())
        assert torch.equal(moved["image"], moved["segmentation"])
        assert moved["image"].shape == (1, 20, 30)
        row, column = divmod(int(moved["image"][0, 0, 0]), 100)
        assert moved["image"][0, -1, -1] == 100 * (row + 19) + column + 29
        corners.add((row, column))
    assert {row for row, _ in corners} == {column for _, column in corners} == set(range(41))


def test_rotated_and_shifted_patches_show_no_padding_and_turn_10_degrees_at_most() -> None:
    """A vertical step edge: its slant within the patch is the angle, its place the shift."""
    size = rigid_patch_to_load([64, 64])
    assert size == [115, 115]  # 64 (cos 10 + sin 10) = 74.14, and 20 on each side
    assert rigid_patch_to_load([64, 32]) == [109, 83]
    labels = torch.zeros(1, *size, dtype=torch.int16)
    labels[:, :, size[1] // 2 :] = 1
    transforms, angles = rigid_transforms([64, 64]), []
    np.random.seed(0)
    for _ in range(60):
        out = transforms(image=labels.float() + 1, segmentation=labels)
        assert out["image"].shape == out["segmentation"].shape == (1, 64, 64)
        assert out["image"].min() > 0.99
        widths = out["segmentation"][0].sum(dim=1).float()
        slant = float(widths[-1] - widths[0])
        if widths.min() > 0 and widths.max() < 64:
            angles.append(np.degrees(np.arctan(slant / 63)))
    assert len(angles) > 30
    assert max(map(abs, angles)) < 11
    assert max(angles) > 6
    assert min(angles) < -6

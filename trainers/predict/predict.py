"""``python -m trainers.predict.predict RUN MODEL``: predict the test images of one trained model."""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from dataset_converters.atomic import DiskFullError, replacing
from trainers.command_line import exit_code
from trainers.errors import TrainerError
from trainers.lock import only_one_in
from trainers.run_folder import RunFolder, open_run, point_nnunet_at

ENDING = ".nii.gz"


def predict(run: RunFolder, model: Mapping[str, Any], device: str) -> None:
    """Write ``predictions/<model>/<image id>.nii.gz`` for every test image that has none.

    An image that cannot be read or predicted does not stop the others; all faults are raised together at the end.

    The label maps are those of ``nnUNetv2_predict --disable_tta``: same preprocessing, tiles, resampling and export, on
    the image's own grid, with the last checkpoint. Everything runs in this process; the model is loaded once.

    Raises
    ------
    TrainerError
        The model is not trained, its checkpoint cannot be read, or it gives no finite scores.
    """
    folder = run.predictions(model)
    missing = [image for image in model["test"] if not (folder / f"{image}{ENDING}").exists()]
    if not missing:
        print(f"{model['model']}: {len(model['test'])} images predicted already")
        return
    point_nnunet_at(run, loader_processes=0)
    predictor = _load_model(run.fold_folder(model), model, device)
    with only_one_in(folder):
        faults = {}
        for image in tqdm(missing, desc=model["model"], unit="image"):
            try:
                _predict_one(predictor, run.image(image), folder / f"{image}{ENDING}")
            except DiskFullError:
                raise
            except Exception as error:  # readers of damaged files raise many kinds
                faults[image] = f"{type(error).__name__}: {error}"
    if faults:
        raise TrainerError(
            model["model"],
            found="; ".join(f"{image}: {fault}" for image, fault in faults.items()),
            wanted="images that can be read and predicted",
            action="check the converted images (python -m dataset_converters check), mend them and run again",
        )


def _load_model(fold_folder: Path, model: Mapping[str, Any], device: str) -> Any:
    """Return nnU-Net's predictor; like its own loading, but with ``weights_only``."""
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
    from nnunetv2.utilities.label_handling.label_handling import determine_num_input_channels
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    from trainers.checkpoint import load_checkpoint
    from trainers.compat import find_trainer
    from trainers.device import find_device
    from trainers.reproducible import limit_threads

    checkpoint = load_checkpoint(fold_folder / "checkpoint_final.pth")
    if checkpoint["trainer_name"] != model["trainer"]:
        raise TrainerError(
            str(fold_folder),
            found=f"a model of {checkpoint['trainer_name']}",
            wanted=model["trainer"],
            action="train it again",
        )
    dataset_json = json.loads((fold_folder.parent / "dataset.json").read_text(encoding="utf-8"))
    plans = PlansManager(json.loads((fold_folder.parent / "plans.json").read_text(encoding="utf-8")))
    configuration = plans.get_configuration(checkpoint["init_args"]["configuration"])
    network = find_trainer(model["trainer"]).build_network_architecture(
        plans,
        configuration,
        determine_num_input_channels(plans, configuration, dataset_json),
        plans.get_label_manager(dataset_json).num_segmentation_heads,
        enable_deep_supervision=False,
    )
    where = find_device(device)
    limit_threads(where)
    predictor = nnUNetPredictor(use_mirroring=False, device=where, allow_tqdm=False)
    weights = [checkpoint["network_weights"]]
    predictor.manual_initialization(network, plans, configuration, weights, dataset_json, model["trainer"], None)
    return predictor


def _predict_one(predictor: Any, image: Path, output: Path) -> None:
    import torch
    from nnunetv2.inference.export_prediction import export_prediction_from_logits

    plans, configuration, dataset_json = (
        predictor.plans_manager,
        predictor.configuration_manager,
        predictor.dataset_json,
    )
    preprocessor = configuration.preprocessor_class(verbose=False)
    data, _, properties = preprocessor.run_case([str(image)], None, plans, configuration, dataset_json)
    logits = predictor.predict_logits_from_preprocessed_data(torch.from_numpy(data)).cpu()
    if not bool(torch.isfinite(logits).all()):
        raise TrainerError(
            str(image), found="scores that are not numbers", wanted="finite ones", action="train the model again"
        )
    with replacing(output, suffix=ENDING) as temporary:
        truncated = str(temporary).removesuffix(ENDING)
        export_prediction_from_logits(logits, properties, configuration, plans, dataset_json, truncated)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m trainers.predict.predict", description=__doc__)
    parser.add_argument("run", type=Path, metavar="RUN", help="run folder with matrix.json")
    parser.add_argument("model", metavar="MODEL", help="name of a trained model in matrix.json")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    arguments = parser.parse_args()

    def stage() -> None:
        run = open_run(arguments.run)
        predict(run, run.find_model(arguments.model, "trained"), arguments.device)

    return exit_code(stage)


if __name__ == "__main__":
    sys.exit(main())

"""A trained model as nnU-Net leaves it, loaded once: plans, dataset, and the checkpoints of one or more folds."""

import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_converters.volumes.nifti import sha256_of
from trainers.errors import TrainerError


@dataclass(frozen=True)
class TrainedModel:
    """Where a model is, and how it is to predict.

    Attributes
    ----------
    folder : Path
        With ``plans.json``, ``dataset.json`` and one ``fold_<n>`` for each of the folds, whose scores are averaged.
    mirroring : bool
        Average over mirrored images too, along the axes the checkpoint allows, as nnU-Net does by default.
    disease_inside_lung : bool
        Keep disease only where the model sees lung (``inside_lung``).
    """

    folder: Path
    folds: tuple[str, ...]
    mirroring: bool = False
    checkpoint: str = "checkpoint_final.pth"
    disease_inside_lung: bool = False

    @property
    def checkpoints(self) -> list[Path]:
        """The file of every fold."""
        return [self.folder / f"fold_{fold}" / self.checkpoint for fold in self.folds]

    def read(self, name: str) -> dict[str, Any]:
        """Return the content of ``plans.json`` or ``dataset.json``.

        Raises
        ------
        TrainerError
            It is not there, or not JSON.
        """
        try:
            content: dict[str, Any] = json.loads((self.folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise TrainerError(
                str(self.folder / name),
                found=f"no readable file ({type(error).__name__})",
                wanted="the folder of a trained model, with plans.json, dataset.json and fold_0",
                action="train it, or name another folder",
            ) from error
        return content

    def key(self) -> dict[str, Any]:
        """Return what decides a prediction besides the image: hashes of the model's files, and settings."""
        for name in ("plans.json", "dataset.json"):
            self.read(name)
        for path in self.checkpoints:
            if not path.is_file():
                raise TrainerError(
                    str(path), found="no file", wanted="a trained model", action="train it to its last epoch"
                )
        return {
            "checkpoint_sha256": [sha256_of(path) for path in self.checkpoints],
            "plans_sha256": sha256_of(self.folder / "plans.json"),
            "dataset_sha256": sha256_of(self.folder / "dataset.json"),
            "trainer": self.folder.name.partition("__")[0],
            "mirroring": self.mirroring,
            **({"disease_inside_lung": True} if self.disease_inside_lung else {}),  # absent, older records stay valid
        }


def find_folds(folder: Path, checkpoint: str = "checkpoint_final.pth") -> tuple[str, ...]:
    """Return the folds of a model folder that are trained.

    Raises
    ------
    TrainerError
        There is none.
    """
    folds = [path.parent.name.removeprefix("fold_") for path in sorted(folder.glob(f"fold_*/{checkpoint}"))]
    numbers = tuple(fold for fold in folds if fold.isdecimal()) or tuple(folds)
    if not numbers:
        raise TrainerError(
            str(folder),
            found=f"no fold_<n>/{checkpoint}",
            wanted="the folder of a trained model: <trainer>__<plans>__<configuration>",
            action="train it, or name another folder",
        )
    return numbers


def load_predictor(model: TrainedModel, device: str, *, trainer: str | None = None) -> Any:
    """Return nnU-Net's predictor of a model; like its own loading, but with ``weights_only``.

    Parameters
    ----------
    trainer : str, optional
        Which trainer the model has to be of.

    Raises
    ------
    TrainerError
        A checkpoint cannot be read, or is of another trainer.
    """
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    from trainers.checkpoint import load_checkpoint
    from trainers.device import find_device
    from trainers.predict.slice_predictor import SlicePredictor
    from trainers.reproducible import limit_threads

    checkpoints = [load_checkpoint(path, numpy_scalars=True) for path in model.checkpoints]
    for path, checkpoint in zip(model.checkpoints, checkpoints, strict=True):
        wanted = trainer or checkpoints[0]["trainer_name"]
        if checkpoint["trainer_name"] != wanted:
            raise TrainerError(
                str(path), found=f"a model of {checkpoint['trainer_name']}", wanted=wanted, action="train it again"
            )
    first, dataset = checkpoints[0], model.read("dataset.json")
    plans = PlansManager(model.read("plans.json"))
    configuration = plans.get_configuration(first["init_args"]["configuration"])
    network = _network(first["trainer_name"], plans, configuration, dataset)
    weights = [checkpoint["network_weights"] for checkpoint in checkpoints]
    network.load_state_dict(weights[0])
    where = find_device(device)
    limit_threads(where)
    predictor = SlicePredictor(use_mirroring=model.mirroring, device=where, allow_tqdm=False)
    axes = first.get("inference_allowed_mirroring_axes")
    predictor.manual_initialization(network, plans, configuration, weights, dataset, first["trainer_name"], axes)
    return predictor


def _network(trainer: str, plans: Any, configuration: Any, dataset: Mapping[str, Any]) -> Any:
    from nnunetv2.utilities.label_handling.label_handling import determine_num_input_channels

    from trainers.compat import find_trainer

    kind = find_trainer(trainer)
    if kind is None:
        raise TrainerError(
            trainer,
            found="no trainer of this name",
            wanted="the trainer the model was trained with",
            action="set nnUNet_extTrainer to the folder it is found in",
        )
    channels = determine_num_input_channels(plans, configuration, dataset)
    heads = plans.get_label_manager(dataset).num_segmentation_heads
    described: Sequence[Any] = (plans, configuration)
    if "plans_manager" not in inspect.signature(kind.build_network_architecture).parameters:  # before nnU-Net 2.7
        described = (
            configuration.network_arch_class_name,
            configuration.network_arch_init_kwargs,
            configuration.network_arch_init_kwargs_req_import,
        )
    return kind.build_network_architecture(*described, channels, heads, enable_deep_supervision=False)

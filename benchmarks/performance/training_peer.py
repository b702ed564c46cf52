"""nnU-Net's own trainer made to train what one of ours trains: same network, loss, optimiser, patch and batch."""

from copy import deepcopy
from typing import Any

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from trainers.settings import read_settings

NAMED = ("initial_lr", "weight_decay", "oversample_foreground_percent", "enable_deep_supervision", "augmentation")
"""Attributes of our trainers that decide what is trained."""
SHARED = (
    "build_network_architecture",
    "_build_loss",
    "configure_optimizers",
    "configure_rotation_dummyDA_mirroring_and_inital_patch_size",
    "set_deep_supervision_enabled",
)


def peer_of(ours: Any) -> Any:
    """Return a trainer that is nnU-Net's in every loop, loader, hook and file, with what ``ours`` trains.

    Not shared: our base class, drawing slices, checks, checkpoints and ``progress.json``. Augmentation is ``ours``, but
    for kernel emulation, which lives in the loader.
    """
    content = {name: _found(type(ours), name) for name in SHARED}
    if type(ours).__mro__[1].__name__ != "CTShiftTrainer" or "_build_loss" in vars(type(ours)):
        content["get_training_transforms"] = _augmentation(ours)
    peer = type(f"{type(ours).__name__}Peer", (nnUNetTrainer,), content | {"__init__": _with_names(ours)})
    arguments = deepcopy(ours.my_init_kwargs)
    plans = arguments["plans"] | {"continue_training": False}
    return peer(plans, arguments["configuration"], arguments["fold"], arguments["dataset_json"], ours.device)


def _found(kind: type, name: str) -> Any:
    """Return a method as its class holds it, so that a static one stays static."""
    return next(vars(entry)[name] for entry in kind.__mro__ if name in vars(entry))


def _with_names(ours: Any) -> Any:
    def __init__(  # noqa: N807
        self: Any, plans: Any, configuration: Any, fold: Any, dataset_json: Any, device: Any
    ) -> None:
        nnUNetTrainer.__init__(self, plans, configuration, fold, dataset_json, device)
        self.settings = read_settings(plans)
        self.num_iterations_per_epoch = ours.num_iterations_per_epoch
        self.num_val_iterations_per_epoch = ours.num_val_iterations_per_epoch
        for name in NAMED:
            if hasattr(ours, name):
                setattr(self, name, getattr(ours, name))

    return __init__


def _augmentation(ours: Any) -> Any:
    from trainers.augmentation import training_transforms

    def get_training_transforms(self: Any, patch_size: Any, *args: Any, **kwargs: Any) -> Any:
        return training_transforms(patch_size, ours.augmentation)

    return get_training_transforms

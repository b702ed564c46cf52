"""nnU-Net's own trainer made to train what one of ours trains: same network, loss, optimiser, patch and batch."""

from copy import deepcopy
from typing import Any

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from trainers.base import CTShiftTrainer

NAMED = ("initial_lr", "weight_decay", "oversample_foreground_percent", "enable_deep_supervision")
COUNTED = ("num_iterations_per_epoch", "num_val_iterations_per_epoch", "num_epochs")
"""Attributes of nnU-Net's trainer that our trainers change."""
OURS_ALONE = ("loader_class", "adapt_plans", "adapt_dataset")
"""How slices are drawn, and what is done before a trainer is made."""


def peer_of(ours: Any) -> Any:
    """Return a trainer that is nnU-Net's in every loop, loader, hook and file, with what ``ours`` trains.

    Not shared: our base class, drawing slices, checks, checkpoints and ``progress.json``. Augmentation is ``ours``, but
    for kernel emulation, which lives in the loader.
    """
    content: dict[str, Any] = {}
    for kind in reversed([kind for kind in type(ours).__mro__ if _is_a_trainer_of_ours(kind)]):
        content |= {name: value for name, value in vars(kind).items() if not name.startswith("__")}
    for name in OURS_ALONE:
        content.pop(name, None)
    peer = type(f"{type(ours).__name__}Peer", (nnUNetTrainer,), content | {"__init__": _with_names(ours)})
    arguments = deepcopy(ours.my_init_kwargs)
    plans = arguments["plans"] | {"continue_training": False}
    return peer(plans, arguments["configuration"], arguments["fold"], arguments["dataset_json"], ours.device)


def _is_a_trainer_of_ours(kind: type) -> bool:
    """Say whether a class decides what is trained: not our base, nor one that only emulates kernels in the loader."""
    return issubclass(kind, CTShiftTrainer) and kind is not CTShiftTrainer and not kind.__name__.endswith("KernelAug")


def _with_names(ours: Any) -> Any:
    def __init__(  # noqa: N807
        self: Any, plans: Any, configuration: Any, fold: Any, dataset_json: Any, device: Any
    ) -> None:
        nnUNetTrainer.__init__(self, plans, configuration, fold, dataset_json, device)
        for name in (*NAMED, *COUNTED, *(vars(ours).keys() - vars(self).keys())):
            setattr(self, name, getattr(ours, name))

    return __init__

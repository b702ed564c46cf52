"""The 2021 kernel study's model: a U-Net with weighted cross entropy, slice by slice."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from trainers.augmentation import patch_size_to_load, training_transforms
from trainers.losses.weighted_cross_entropy import WeightedCrossEntropy
from trainers.networks.unet2015 import UNet2015
from trainers.optimisation import adam
from trainers.plans import require_labels
from trainers.settings import KEY, Augmentation
from trainers.slice_trainer import SliceTrainer


class nnUNetTrainerWeightedCE2D(SliceTrainer):  # noqa: N801
    """U-Net with weighted cross entropy on 2D slices, Adam 1e-4 (Hoang-Thi et al. 2021, section 2.5).

    Hoang-Thi et al. 2021, Diagn Interv Imaging 102:691-695: blocks of two Conv2D-BN-ReLU, transposed convolutions,
    skips; disease weight 60 (COVID-19) or 65 (ILD), else background / disease pixels of the training slices; Adam
    with learning rate 1e-4; the same number of iterations for every arm.

    A study's small budget may name another learning rate (plans entry ``learning_rate``), a deviation its tables print.
    Ours where the paper is silent: widths 64 to 512 (plans entry ``width``), five levels, constant learning rate,
    every annotated slice equally likely, no augmentation (plans entry ``augmentation``), no mirroring in training
    or prediction, He's initialisation. Kept from nnU-Net: gradients clipped to norm 12, mixed precision on a GPU,
    tiles blended with a Gaussian, the last checkpoint is the model.
    """

    def __init__(
        self, plans: dict[str, Any], configuration: str, fold: int | str, dataset_json: dict[str, Any], device: Any
    ) -> None:
        super().__init__(plans, configuration, fold, dataset_json, device)
        require_labels(self.label_manager, type(self).__name__)
        self.weight_decay = 0.0
        self.augmentation: Augmentation = "none" if self.settings is None else self.settings.augmentation

    @staticmethod
    def build_network_architecture(
        plans_manager: Any,
        configuration_manager: Any,
        num_input_channels: int,
        num_output_channels: int,
        enable_deep_supervision: bool = False,
    ) -> nn.Module:
        """Return the network, of the width the plans name."""
        width = plans_manager.plans.get(KEY, {}).get("width", 64)
        return UNet2015(num_input_channels, num_output_channels, width)

    def _build_loss(self) -> nn.Module:
        labels = {name: label for name, label in self.dataset_json["labels"].items() if name != "ignore"}
        values = self.weigh(labels, self.census(), self.fixed_weights, self.published_weights())
        return WeightedCrossEntropy(values, self.label_manager.ignore_label, distributed=self.is_ddp).to(self.device)

    def published_weights(self) -> Mapping[str, float]:
        """Return the loss weights of a paper by name; a structure without one gets the measured one."""
        return {}

    def configure_optimizers(self) -> Any:
        """Return Adam at a constant rate."""
        return adam(self.network.parameters(), self.initial_lr)

    def patch_to_load(self) -> list[int]:
        """Return the (y, x) size to cut from a slice, before augmentation."""
        return patch_size_to_load(self.configuration_manager.patch_size, self.augmentation)

    def get_training_transforms(self, patch_size: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the study's augmentation."""
        return training_transforms(patch_size, self.augmentation)

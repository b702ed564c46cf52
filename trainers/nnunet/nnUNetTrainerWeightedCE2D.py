"""The 2021 kernel study's model: a U-Net with weighted cross entropy, slice by slice."""

from pathlib import Path
from typing import Any

from torch import nn

from dataset_converters.atomic import write_json
from trainers.augmentation import patch_size_to_load, training_transforms
from trainers.base import CTShiftTrainer
from trainers.losses.class_weights import weigh_classes
from trainers.losses.weighted_cross_entropy import WeightedCrossEntropy
from trainers.networks.unet2015 import UNet2015
from trainers.optimisation import adam
from trainers.plans import require_2d, require_labels, with_patch_multiple
from trainers.sampling.census import take_census
from trainers.sampling.slices import UniformSliceLoader
from trainers.settings import KEY, Augmentation


class nnUNetTrainerWeightedCE2D(CTShiftTrainer):  # noqa: N801
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

    loader_class = UniformSliceLoader

    def __init__(
        self, plans: dict[str, Any], configuration: str, fold: int | str, dataset_json: dict[str, Any], device: Any
    ) -> None:
        super().__init__(plans, configuration, fold, dataset_json, device)
        require_labels(self.label_manager, type(self).__name__)
        self.initial_lr = 1e-4 if self.settings is None else self.settings.learning_rate
        self.weight_decay = 0.0
        self.oversample_foreground_percent = 0.0
        self.enable_deep_supervision = False
        self.augmentation: Augmentation = "none" if self.settings is None else self.settings.augmentation

    @classmethod
    def adapt_plans(cls, plans: dict[str, Any], configuration: str) -> dict[str, Any]:
        """Return the plans with a patch that five down-samplings divide."""
        require_2d(plans, configuration, cls.__name__)
        return with_patch_multiple(plans, configuration, 32)

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
        train, _ = self.get_tr_and_val_datasets()
        census = take_census(train, self.label_manager.ignore_label)
        labels = {name: label for name, label in self.dataset_json["labels"].items() if name != "ignore"}
        fixed = {} if self.settings is None else self.settings.class_weights
        where = f"{self.plans_manager.dataset_name}, {self.plans_manager.plans_name}, fold {self.fold}"
        weights = weigh_classes(labels, census.pixels, fixed, where=where)
        slices = sum(len(z) for z in census.annotated.values())
        self.print_to_log_file(f"{slices} annotated training slices; class weights: {weights}")
        if self.local_rank == 0:
            write_json(Path(self.output_folder) / "class_weights.json", {"slices": slices, "classes": weights})
        values, ignored = [w["weight"] for w in weights.values()], self.label_manager.ignore_label
        return WeightedCrossEntropy(values, ignored, distributed=self.is_ddp).to(self.device)

    def configure_optimizers(self) -> Any:
        """Return Adam at a constant rate."""
        return adam(self.network.parameters(), self.initial_lr)

    def configure_rotation_dummyDA_mirroring_and_inital_patch_size(self) -> Any:  # noqa: N802
        """Switch mirroring off, in prediction too."""
        self.inference_allowed_mirroring_axes = None
        return None, False, patch_size_to_load(self.configuration_manager.patch_size, self.augmentation), None

    def get_training_transforms(self, patch_size: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the study's augmentation."""
        return training_transforms(patch_size, self.augmentation)

    def set_deep_supervision_enabled(self, enabled: bool) -> None:
        """Do nothing: the network has one output."""

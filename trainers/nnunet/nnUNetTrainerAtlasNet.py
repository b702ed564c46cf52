"""One network of AtlasNet: lung and disease from two decoders that share an encoder."""

from dataclasses import replace
from typing import Any

from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from batchgeneratorsv2.transforms.utils.remove_label import RemoveLabelTansform
from batchgeneratorsv2.transforms.utils.seg_to_regions import ConvertSegmentationToRegionsTransform
from torch import nn

from trainers.augmentation import OUTSIDE
from trainers.losses.atlasnet import AtlasNetLoss
from trainers.networks.atlasnet import MULTIPLE, AtlasNet
from trainers.optimisation import sgd
from trainers.region_view import REGIONS, lung_and_disease, region_pixels, region_weights, with_regions
from trainers.settings import KEY
from trainers.slice_trainer import SliceTrainer

WEIGHTS = {"lung": 4.0, "disease": 65.0}


class nnUNetTrainerAtlasNet(SliceTrainer):  # noqa: N801
    """AtlasNet's network and loss on 2D slices, SGD 0.01 (Chassagnon et al. 2020, "Deep Learning-based Algorithm").

    Chassagnon et al. 2020, Radiol Artif Intell 2:e190006. Class weights 4 (lung) and 65 (disease), learning rate 0.01
    falling in quarters (``optimisation``), momentum 0.9, weight decay 5e-4; no augmentation, whatever the study says
    of it: mapping every patient to several templates is AtlasNet's. The six networks, one a template, are six
    arms of warped images; this trainer is one of them. ``networks.atlasnet`` and ``losses.atlasnet`` say where
    they differ from the paper.

    The dataset has integer labels for healthy lung and disease (``region_view`` lists the names); the network
    predicts the regions lung, disease in it, and disease. In a label map disease wins over lung, also where the lung
    decoder sees none. Width, learning rate and class weights may be the study's. Ours where the paper is silent:
    every annotated slice equally likely, no mirroring in training or prediction. Kept from nnU-Net: gradients
    clipped to norm 12, mixed precision on a GPU, tiles blended with a Gaussian, the last checkpoint is the model.
    """

    patch_multiple = MULTIPLE
    published_rate = 0.01

    def __init__(
        self, plans: dict[str, Any], configuration: str, fold: int | str, dataset_json: dict[str, Any], device: Any
    ) -> None:
        self.names = lung_and_disease(dataset_json["labels"], type(self).__name__)
        super().__init__(plans, configuration, fold, dataset_json, device)

    @classmethod
    def adapt_dataset(cls, dataset_json: dict[str, Any]) -> dict[str, Any]:
        """Return the dataset with lung and disease as regions."""
        return with_regions(dataset_json, cls.__name__)

    @staticmethod
    def build_network_architecture(
        plans_manager: Any,
        configuration_manager: Any,
        num_input_channels: int,
        num_output_channels: int,
        enable_deep_supervision: bool = False,
    ) -> nn.Module:
        """Return the network, of the width the plans name; its outputs are the two regions."""
        return AtlasNet(num_input_channels, plans_manager.plans.get(KEY, {}).get("width", 64))

    def _build_loss(self) -> nn.Module:
        census = self.census()
        seen = replace(census, pixels=region_pixels(census.pixels, self.dataset_json["labels"]))
        labels = {"background": 0} | {name: number for number, name in enumerate(REGIONS, start=1)}
        fixed = region_weights(self.fixed_weights, self.names, self.where())
        _, lung, disease = self.weigh(labels, seen, fixed, WEIGHTS)
        return AtlasNetLoss(lung, disease, distributed=self.is_ddp).to(self.device)

    def configure_optimizers(self) -> Any:
        """Return SGD and its rate, which falls in quarters."""
        return sgd(self.network.parameters(), self.initial_lr, self.num_epochs)

    def get_training_transforms(self, *args: Any, regions: Any = None, ignore_label: Any = None, **kwargs: Any) -> Any:
        """Return what makes regions of labels, and no augmentation."""
        wanted = [*regions, *([] if ignore_label is None else [ignore_label])]
        return ComposeTransforms(
            [RemoveLabelTansform(OUTSIDE, 0), ConvertSegmentationToRegionsTransform(wanted, channel_in_seg=0)]
        )

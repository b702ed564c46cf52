"""The U-Net that AtlasNet was compared with."""

from collections.abc import Mapping
from typing import Any

from trainers.nnunet.nnUNetTrainerWeightedCE2D import nnUNetTrainerWeightedCE2D
from trainers.optimisation import sgd
from trainers.region_view import lung_and_disease
from trainers.rigid_augmentation import rigid_patch_to_load, rigid_transforms


class nnUNetTrainerSScUNet(nnUNetTrainerWeightedCE2D):  # noqa: N801
    """U-Net with AtlasNet's optimiser, class weights and small rigid augmentation (Chassagnon et al. 2020, Figure 3).

    Chassagnon et al. 2020, Radiol Artif Intell 2:e190006: "we also trained a U-Net architecture on the same data",
    with "the same parameters" as AtlasNet: SGD, learning rate 0.01 falling in quarters (``optimisation``), momentum
    0.9, weight decay 5e-4; random rotations of up to 10 degrees and translations of up to 20 pixels per axis, no
    local deformation, whatever augmentation the study names.

    Ours where the paper is silent: it reports the U-Net's lung and disease, so it has one softmax over background,
    healthy lung and disease, with AtlasNet's weights 1, 4 and 65; the network is ``networks.unet2015`` (Ronneberger
    et al. 2015, which the paper cites; five levels, batch normalisation). Lung and disease labels, sampling and what
    nnU-Net adds are those of ``nnUNetTrainerAtlasNet``, so that the two differ only in what is compared.
    """

    published_rate = 0.01

    @classmethod
    def adapt_dataset(cls, dataset_json: dict[str, Any]) -> dict[str, Any]:
        """Return the dataset as it is, once it has lung and disease and nothing else."""
        lung_and_disease(dataset_json["labels"], cls.__name__)
        return dataset_json

    def published_weights(self) -> Mapping[str, float]:
        """Return AtlasNet's weights, for the labels of this dataset."""
        lung, disease = lung_and_disease(self.dataset_json["labels"], type(self).__name__)
        return dict.fromkeys(lung, 4.0) | dict.fromkeys(disease, 65.0)

    def configure_optimizers(self) -> Any:
        """Return SGD and its rate, which falls in quarters."""
        return sgd(self.network.parameters(), self.initial_lr, self.num_epochs)

    def patch_to_load(self) -> list[int]:
        """Return the (y, x) size to cut from a slice, before augmentation."""
        return rigid_patch_to_load(self.configuration_manager.patch_size)

    def get_training_transforms(self, patch_size: Any, *args: Any, **kwargs: Any) -> Any:
        """Return rotations and translations."""
        return rigid_transforms(patch_size)

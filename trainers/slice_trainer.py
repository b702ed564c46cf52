"""What our trainers of 2D networks share: annotated slices equally likely, no mirroring, one output."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dataset_converters.atomic import write_json
from trainers.base import CTShiftTrainer
from trainers.losses.class_weights import weigh_classes
from trainers.plans import require_2d, with_patch_multiple
from trainers.sampling.census import SliceCensus, take_census
from trainers.sampling.slices import UniformSliceLoader


class SliceTrainer(CTShiftTrainer):
    """A trainer of a 2D network with one output; a subclass gives network, loss and optimiser."""

    loader_class = UniformSliceLoader
    patch_multiple = 32
    published_rate = 1e-4

    def __init__(
        self, plans: dict[str, Any], configuration: str, fold: int | str, dataset_json: dict[str, Any], device: Any
    ) -> None:
        super().__init__(plans, configuration, fold, dataset_json, device)
        named = None if self.settings is None else self.settings.learning_rate
        self.initial_lr = self.published_rate if named is None else named
        self.oversample_foreground_percent = 0.0
        self.enable_deep_supervision = False

    @classmethod
    def adapt_plans(cls, plans: dict[str, Any], configuration: str) -> dict[str, Any]:
        """Return the plans with a patch that the network's down-samplings divide."""
        require_2d(plans, configuration, cls.__name__)
        return with_patch_multiple(plans, configuration, cls.patch_multiple)

    def patch_to_load(self) -> list[int]:
        """Return the (y, x) size to cut from a slice, before augmentation."""
        return list(self.configuration_manager.patch_size)

    @property
    def fixed_weights(self) -> Mapping[str, float]:
        """The loss weights that the study names."""
        return {} if self.settings is None else self.settings.class_weights

    def census(self) -> SliceCensus:
        """Count the annotated slices and pixels of the training side."""
        train, _ = self.get_tr_and_val_datasets()
        return take_census(train, self.label_manager.ignore_label)

    def weigh(
        self,
        labels: Mapping[str, int],
        census: SliceCensus,
        fixed: Mapping[str, float],
        published: Mapping[str, float] | None = None,
    ) -> list[float]:
        """Return the loss weight of each label, in their order; ``class_weights.json`` says where each comes from."""
        weights = weigh_classes(labels, census.pixels, fixed, where=self.where(), published=published or {})
        slices = sum(len(z) for z in census.annotated.values())
        self.print_to_log_file(f"{slices} annotated training slices; class weights: {weights}")
        if self.local_rank == 0:
            write_json(Path(self.output_folder) / "class_weights.json", {"slices": slices, "classes": weights})
        return [entry["weight"] for entry in weights.values()]

    def where(self) -> str:
        """Return which training this is, for messages."""
        return f"{self.plans_manager.dataset_name}, {self.plans_manager.plans_name}, fold {self.fold}"

    def configure_rotation_dummyDA_mirroring_and_inital_patch_size(self) -> Any:  # noqa: N802
        """Switch mirroring off, in prediction too."""
        self.inference_allowed_mirroring_axes = None
        return None, False, self.patch_to_load(), None

    def set_deep_supervision_enabled(self, enabled: bool) -> None:
        """Do nothing: the network has one output."""

"""The 2021 kernel study's model, trained on emulated kernels beside the one its images were reconstructed with."""

from pathlib import Path
from typing import Any

from trainers.kernel_emulation import LARGEST_PIXEL_MM, KernelEmulation, read_kernels, refuse_unfit
from trainers.nnunet.nnUNetTrainerWeightedCE2D import nnUNetTrainerWeightedCE2D
from trainers.sampling.emulating import EmulatingSliceLoader


class nnUNetTrainerWeightedCE2DKernelAug(nnUNetTrainerWeightedCE2D):  # noqa: N801
    """`nnUNetTrainerWeightedCE2D` with kernel emulation in the loader: does one kernel then do for two?

    Each training slice becomes, with probability 0.5, one of the other fitted kernels (``physics.conversion``), so that
    a model trained on one kernel has met the others. Not in the paper, which needs every patient reconstructed
    twice. Validation slices and predictions stay as reconstructed. The kernel of every case is read from
    ``kernels.json`` beside the plans, which ``trainers.prepare`` writes.
    """

    loader_class = EmulatingSliceLoader
    largest_pixel_mm = LARGEST_PIXEL_MM

    def get_training_transforms(self, patch_size: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the study's augmentation, with the emulation the loader applies after it."""
        transforms = super().get_training_transforms(patch_size, *args, **kwargs)
        where = f"{type(self).__name__}, {self.plans_manager.plans_name}, fold {self.fold}"
        kernels = read_kernels(Path(self.preprocessed_dataset_folder_base), where)
        spacing = [float(mm) for mm in self.configuration_manager.spacing[-2:]]
        pixel_yx_mm = (spacing[0], spacing[1])
        refuse_unfit(kernels, self.do_split()[0], pixel_yx_mm, where)
        window = self.plans_manager.foreground_intensity_properties_per_channel["0"]
        transforms.emulation = KernelEmulation(kernels, pixel_yx_mm, float(window["mean"]), float(window["std"]))
        return transforms

"""Plan a study dataset with nnU-Net's planner, with spacing, patch, batch and HU window fixed by the study."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from batchgenerators.utilities.file_and_folder_operations import load_json
from nnunetv2.experiment_planning.dataset_fingerprint import fingerprint_extractor
from nnunetv2.experiment_planning.experiment_planners.default_experiment_planner import ExperimentPlanner
from nnunetv2.preprocessing.resampling.default_resampling import compute_new_shape
from nnunetv2.utilities.json_export import recursive_fix_for_json_export

from trainers import compat
from trainers.errors import TrainerError
from trainers.run_folder import SLICES

VOXELS_FOR_STATISTICS = 10_000  # nnU-Net draws 1e8 voxels; the fixed window leaves them unused


FULLRES = "3d_fullres"
ANY_MEMORY_GB = 1e9
"""In 3D the study fixes the patch, whatever memory it takes: nnU-Net would else shrink it to 8 GB."""


def plan_study(
    dataset: str, budget: dict[str, Any], hu_window: tuple[float, float], *, configurations: Collection[str] = (SLICES,)
) -> dict[str, Any]:
    """Extract nnU-Net's fingerprint and return its plans with the study's settings.

    Parameters
    ----------
    dataset : str
        ``Dataset<id>_<name>`` in ``nnUNet_raw``.
    budget : dict
        With ``spacing_mm`` (y, x), ``patch_size`` (y, x) and ``batch_size``; for 3D also ``three_d`` with the same
        in (z, y, x).
    hu_window : (float, float)
        HU that become 0 and 1; values outside are clipped.
    configurations : collection of str
        ``2d``, ``3d_fullres`` or both.

    Raises
    ------
    TrainerError
        nnU-Net has no network for the 3D patch as it is.
    """
    extractor = fingerprint_extractor.DatasetFingerprintExtractor(dataset, num_processes=1)
    extractor.num_foreground_voxels_for_intensitystats = VOXELS_FOR_STATISTICS
    with compat.in_this_process(fingerprint_extractor):
        extractor.run(overwrite_existing=True)
    planner = _StudyPlanner(dataset, budget, in_3d=FULLRES in configurations)
    planner.plan_experiment()
    plans: dict[str, Any] = planner.plans
    plans["configurations"] = {name: plans["configurations"][name] for name in configurations}
    plans["foreground_intensity_properties_per_channel"] = {"0": _window_properties(hu_window)}
    recursive_fix_for_json_export(plans)
    return plans


class _StudyPlanner(ExperimentPlanner):
    """nnU-Net's planner, made to plan 2d slices of the first axis at the study's spacing and patch size.

    nnU-Net takes the axis of the largest spacing for the slice axis: an in-plane target coarser than the
    slice distance would turn axial slices into coronal ones. The transpose is therefore suppressed.

    In 3D spacing, patch and batch are the study's too; the network is nnU-Net's own for that patch and spacing (Isensee
    et al. 2021, Nat Methods 18:203-211: blocks, poolings and kernels from both, 32 to 320 channels). There is no
    low-resolution stage, so the Dice loss is that of each sample (``batch_dice`` false), as nnU-Net plans it then.
    """

    UNet_vram_target_GB: float

    def __init__(self, dataset: str, budget: dict[str, Any], *, in_3d: bool) -> None:
        super().__init__(dataset, suppress_transpose=True)
        self._budget, self._in_3d = budget, in_3d
        self.lowres_creation_threshold = 0.0  # else it searches for 3d_lowres step by step, for minutes

    def determine_fullres_target_spacing(self) -> np.ndarray:
        """Return the median slice distance and the study's in-plane spacing, in mm (z, y, x)."""
        slice_distance = np.median(np.vstack(self.dataset_fingerprint["spacings"])[:, 0])
        return np.array([slice_distance, *self._budget["spacing_mm"]])

    def get_plans_for_configuration(
        self, spacing: Any, median_shape: Any, data_identifier: str, approximate_n_voxels_dataset: float, _cache: Any
    ) -> dict[str, Any]:
        """Return a configuration; planning 3d where it is not used would only cost time."""
        if len(spacing) == 3:
            if self._in_3d:
                return self._plan_3d(data_identifier, approximate_n_voxels_dataset, _cache)
            return {"patch_size": median_shape, "spacing": np.asarray(spacing)}
        patch = np.array(self._budget["patch_size"])
        plan: dict[str, Any] = super().get_plans_for_configuration(
            spacing, patch, data_identifier, approximate_n_voxels_dataset, _cache
        )
        median = [round(float(n)) for n in median_shape]
        return plan | {"batch_size": self._budget["batch_size"], "median_image_size_in_voxels": median}

    def _plan_3d(self, data_identifier: str, voxels: float, cache: Any) -> dict[str, Any]:
        budget = self._budget["three_d"]
        spacing, patch = np.array(budget["spacing_mm"]), np.array(budget["patch_size"])
        memory, self.UNet_vram_target_GB = self.UNet_vram_target_GB, ANY_MEMORY_GB
        plan: dict[str, Any] = super().get_plans_for_configuration(spacing, patch, data_identifier, voxels, cache)
        self.UNet_vram_target_GB = memory
        planned = [int(n) for n in plan["patch_size"]]
        if planned != list(budget["patch_size"]):
            raise TrainerError(
                f"{self.dataset_name}, {FULLRES}",
                found=f"patch_size {budget['patch_size']} at {budget['spacing_mm']} mm",
                wanted=f"one that nnU-Net has a network for, such as {planned}",
                action="change three_d in the study's budget",
            )
        sizes = zip(self.dataset_fingerprint["spacings"], self.dataset_fingerprint["shapes_after_crop"], strict=True)
        median = np.median([compute_new_shape(shape, before, spacing) for before, shape in sizes], axis=0)
        whole = [round(float(n)) for n in median]
        return plan | {"batch_size": budget["batch_size"], "median_image_size_in_voxels": whole}

    def save_plans(self, plans: dict[str, Any]) -> None:
        """Write nothing: the caller does, atomically."""


def read_json(path: Path) -> Any:
    """Return the content of a JSON file."""
    return load_json(str(path))


def _window_properties(hu_window: tuple[float, float]) -> dict[str, float]:
    """Return what makes nnU-Net's CTNormalization map the window to [0, 1]: clip, subtract the mean, divide by std."""
    low, high = float(hu_window[0]), float(hu_window[1])
    return {
        "mean": low,
        "median": (low + high) / 2,
        "std": high - low,
        "min": low,
        "max": high,
        "percentile_00_5": low,
        "percentile_99_5": high,
    }

"""Plan a study dataset with nnU-Net's planner, with spacing, patch, batch and HU window fixed by the study."""

from pathlib import Path
from typing import Any

import numpy as np
from batchgenerators.utilities.file_and_folder_operations import load_json
from nnunetv2.experiment_planning.dataset_fingerprint import fingerprint_extractor
from nnunetv2.experiment_planning.experiment_planners.default_experiment_planner import ExperimentPlanner
from nnunetv2.utilities.json_export import recursive_fix_for_json_export

from trainers import compat

VOXELS_FOR_STATISTICS = 10_000  # nnU-Net draws 1e8 voxels; the fixed window leaves them unused


def plan_study(dataset: str, budget: dict[str, Any], hu_window: tuple[float, float]) -> dict[str, Any]:
    """Extract nnU-Net's fingerprint and return its 2d plans with the study's settings.

    Parameters
    ----------
    dataset : str
        ``Dataset<id>_<name>`` in ``nnUNet_raw``.
    budget : dict
        With ``spacing_mm`` (y, x), ``patch_size`` (y, x) and ``batch_size``.
    hu_window : (float, float)
        HU that become 0 and 1; values outside are clipped.
    """
    extractor = fingerprint_extractor.DatasetFingerprintExtractor(dataset, num_processes=1)
    extractor.num_foreground_voxels_for_intensitystats = VOXELS_FOR_STATISTICS
    with compat.in_this_process(fingerprint_extractor):
        extractor.run(overwrite_existing=True)
    planner = _StudyPlanner(dataset, budget)
    planner.plan_experiment()
    plans: dict[str, Any] = planner.plans
    plans["configurations"] = {"2d": plans["configurations"]["2d"]}
    plans["foreground_intensity_properties_per_channel"] = {"0": _window_properties(hu_window)}
    recursive_fix_for_json_export(plans)
    return plans


class _StudyPlanner(ExperimentPlanner):
    """nnU-Net's planner, made to plan 2d slices of the first axis at the study's spacing and patch size.

    nnU-Net takes the axis of the largest spacing for the slice axis: an in-plane target coarser than the
    slice distance would turn axial slices into coronal ones. The transpose is therefore suppressed.
    """

    def __init__(self, dataset: str, budget: dict[str, Any]) -> None:
        super().__init__(dataset, suppress_transpose=True)
        self._budget = budget

    def determine_fullres_target_spacing(self) -> np.ndarray:
        """Return the median slice distance and the study's in-plane spacing, in mm (z, y, x)."""
        slice_distance = np.median(np.vstack(self.dataset_fingerprint["spacings"])[:, 0])
        return np.array([slice_distance, *self._budget["spacing_mm"]])

    def get_plans_for_configuration(
        self, spacing: Any, median_shape: Any, data_identifier: str, approximate_n_voxels_dataset: float, _cache: Any
    ) -> dict[str, Any]:
        """Return the 2d configuration; planning 3d, which is not used, would only cost time."""
        if len(spacing) == 3:
            return {"patch_size": median_shape, "spacing": np.asarray(spacing)}
        patch = np.array(self._budget["patch_size"])
        plan: dict[str, Any] = super().get_plans_for_configuration(
            spacing, patch, data_identifier, approximate_n_voxels_dataset, _cache
        )
        median = [round(float(n)) for n in median_shape]
        return plan | {"batch_size": self._budget["batch_size"], "median_image_size_in_voxels": median}

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

"""What surface-distance 0.1 gives for empty masks, beside our values."""

import warnings
from unittest import mock

import numpy as np
import pandas as pd

from analysis.mask_pair import Mask, MaskPair
from analysis.metrics.dice import dice
from analysis.metrics.hausdorff95 import hausdorff95
from analysis.metrics.mean_surface_distance import mean_surface_distance
from analysis.metrics.normalised_surface_distance import normalised_surface_distance
from benchmarks.performance.scoring_routes import TOLERANCE_MM

COLUMNS = ("empty", "metric", "CTShift", "surface-distance", "surface-distance, NumPy 2")
OURS = {
    "HD95": hausdorff95, "MSD": mean_surface_distance, "NSD": normalised_surface_distance, "DSC": dice,
}  # fmt: skip


def compare_empties() -> pd.DataFrame:
    """Return what each kind of empty mask gives: ``COLUMNS``, as text.

    The package's own values need the names ``np.Inf`` and ``np.NaN`` that NumPy 2 took away; the last column is what
    happens without them. Its mean distance is a pair, reference to prediction and back.
    """
    full = np.zeros((4, 4, 4), dtype=bool)
    full[1:3, 1:3, 1:3] = True
    empty = np.zeros_like(full)
    masks = {"prediction": (full, empty), "reference": (empty, full), "both": (empty, empty)}
    rows = []
    for kind, (reference, prediction) in masks.items():
        with mock.patch.object(np, "Inf", np.inf, create=True), mock.patch.object(np, "NaN", np.nan, create=True):
            patched = {name: _by_package(name, reference, prediction) for name in OURS}
        for name, metric in OURS.items():
            ours = f"{metric(MaskPair(reference, prediction)):g}"
            rows.append((kind, name, ours, patched[name], _by_package(name, reference, prediction)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _by_package(name: str, reference: Mask, prediction: Mask) -> str:
    """Return the value of a metric, or the error raised instead."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import surface_distance

        try:
            if name == "DSC":
                return f"{surface_distance.compute_dice_coefficient(reference, prediction):g}"
            found = surface_distance.compute_surface_distances(reference, prediction, (1.0, 1.0, 1.0))
            if name == "HD95":
                return f"{surface_distance.compute_robust_hausdorff(found, 95):g}"
            if name == "NSD":
                return f"{surface_distance.compute_surface_dice_at_tolerance(found, TOLERANCE_MM):g}"
            return ", ".join(f"{mean:g}" for mean in surface_distance.compute_average_surface_distance(found))
        except AttributeError as error:
            return type(error).__name__

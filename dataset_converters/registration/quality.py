"""How well a case was registered, and from where on the registration counts as failed."""

from dataclasses import dataclass
from math import isnan, nan

import numpy as np
from numpy.typing import NDArray

DONE, FAILED = "done", "failed"


@dataclass(frozen=True)
class Quality:
    """Figures of one registration; NaN where there is nothing to measure.

    Attributes
    ----------
    status, reason : str
        ``done``, or ``failed`` with the reason.
    lung_dice_before, lung_dice : float
        Overlap of given lung masks on the template's grid, after laying the lungs' boxes on each other, and after all.
    air_dice : float
        The same of the air found inside the two bodies at working resolution: known without any mask.
    covered : float
        Share of the case's lung air that lies inside the template's box: beyond it nothing can be predicted.
    folding_share : float
        Share of the working voxels with a Jacobian determinant of 0 or less.
    inverse_mean_mm, inverse_p95_mm : float
        Distance from its start of a point that went there and back.
    correlation_before, correlation : float
        Of the windowed images at working resolution, before (boxes only) and after.
    """

    status: str
    reason: str = ""
    lung_dice_before: float = nan
    lung_dice: float = nan
    air_dice: float = nan
    covered: float = nan
    folding_share: float = nan
    inverse_mean_mm: float = nan
    inverse_p95_mm: float = nan
    correlation_before: float = nan
    correlation: float = nan


@dataclass(frozen=True)
class Limits:
    """From where on a registration has failed. The defaults lie far from what usable ones reach.

    Attributes
    ----------
    lung_dice, air_dice : float
        Smallest overlap: 0.90, about what an affine alignment alone gives; 0.80, since disease is not air.
    covered : float
        Smallest share of the lung inside the template's box: 0.95, so that a template of half a chest is noticed.
    folding_share : float
        Largest share of folds: 0.001.
    inverse_p95_mm : float
        Largest 95th percentile of the way there and back: 2 mm, two or three pixels.
    correlation : float
        Smallest correlation afterwards: 0.80.
    """

    lung_dice: float = 0.90
    air_dice: float = 0.80
    covered: float = 0.95
    folding_share: float = 0.001
    inverse_p95_mm: float = 2.0
    correlation: float = 0.80


def failure(quality: Quality, limits: Limits) -> str:
    """Return why a registration counts as failed: every limit it misses; empty if none. NaN misses no limit."""
    least = {name: getattr(limits, name) for name in ("lung_dice", "air_dice", "covered", "correlation")}
    least["correlation"] = max(least["correlation"], quality.correlation_before - 0.01)
    most = {name: getattr(limits, name) for name in ("folding_share", "inverse_p95_mm")}
    missed = [
        _told(name, quality, "at least", limit) for name, limit in least.items() if getattr(quality, name) < limit
    ]
    missed += [_told(name, quality, "at most", limit) for name, limit in most.items() if getattr(quality, name) > limit]
    return "; ".join(missed)


def dice(reference: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Return the Dice coefficient of two masks; NaN if both are empty."""
    total = np.count_nonzero(reference) + np.count_nonzero(other)
    return float(2.0 * np.count_nonzero(reference & other) / total) if total else nan


def correlation(reference: NDArray[np.floating], other: NDArray[np.floating], weight: NDArray[np.floating]) -> float:
    """Return the correlation of two images where the weight is above 0; NaN if one is constant there."""
    first, second = (image[weight > 0].astype(np.float64) for image in (reference, other))
    if not first.size or first.std() == 0.0 or second.std() == 0.0:
        return nan
    found = float(np.corrcoef(first, second)[0, 1])
    return nan if isnan(found) else found


def _told(name: str, quality: Quality, bound: str, limit: float) -> str:
    return f"{name.replace('_', ' ')} {getattr(quality, name):.3g}, wanted {bound} {limit:.3g}"

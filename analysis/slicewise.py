"""A metric slice by slice: for slices that are no neighbours, and for papers that average over slices."""

import numpy as np

from analysis.mask_pair import MaskPair
from analysis.metric import Metric


def slice_by_slice(metric: Metric, pair: MaskPair) -> float:
    """Return the mean of a metric over the slices that show at least one of the two masks.

    Surface metrics are computed in 2-D, with the contour elements and the in-plane spacing of each slice. Slices on
    which the metric is undefined are left out. Metrics in ml have no value: a slice has no volume.

    Returns
    -------
    float
        NaN if no slice shows either mask. A slice that shows only one of them makes a mean distance inf, and enters
        the mean of an overlap with 0.

    Raises
    ------
    AnalysisError
        If the masks are not (z, y, x), or the metric is a volume.
    """
    values = [metric.compute(entry) for entry in pair.slices]
    defined = [value for value in values if not np.isnan(value)]
    return float(np.mean(defined)) if defined else float("nan")

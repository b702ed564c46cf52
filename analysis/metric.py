"""The record of a metric: one function and one row that says what its value means."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.discovery import find_modules
from analysis.errors import AnalysisError

Mask: TypeAlias = npt.NDArray[np.bool_]
MetricFunction: TypeAlias = Callable[[Mask, Mask, tuple[float, float, float]], float]


@dataclass(frozen=True)
class Metric:
    """One way to compare a prediction with a reference.

    Attributes
    ----------
    name, label : str
        Value of the score column ``metric``, and the words a table prints.
    unit : str
        ``1`` for a ratio, otherwise ``mm``, ``ml``...
    direction : str
        Whether a ``higher`` or a ``lower`` value is better, or ``none`` for a measurement.
    range : tuple of float
        Smallest and largest possible value.
    needs_spacing : bool
        Whether the value changes with the voxel spacing.
    dimension : str
        ``3d``: all scored slices of an examination together; ``2d``: slice by slice.
    definition, backend : str
        What exactly is computed, and by which library.
    compute : callable
        ``(reference, prediction, spacing_zyx_mm) -> value`` on boolean arrays (z, y, x) of the scored slices. It
        returns the mathematical value: NaN where undefined, inf where a distance has no end. How empty masks
        count is decided in ``analysis.empties``, not here.
    """

    name: str
    label: str
    unit: str
    direction: Literal["higher", "lower", "none"]
    range: tuple[float, float]
    needs_spacing: bool
    dimension: Literal["2d", "3d"]
    definition: str
    backend: str
    compute: MetricFunction


def find_metrics() -> dict[str, Metric]:
    """Return every metric in ``analysis/metrics`` by name."""
    modules = find_modules("analysis.metrics", attributes=("METRIC",))
    return {module.METRIC.name: module.METRIC for module in modules.values()}


def find_metric(name: str) -> Metric:
    """Return one metric.

    Raises
    ------
    AnalysisError
        If no file defines it.
    """
    metrics = find_metrics()
    if name not in metrics:
        raise AnalysisError(f"metric {name!r} not found; the choices are: {', '.join(metrics)}")
    return metrics[name]

"""The record of a metric: one function and one row that says what its value means."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from analysis.discovery import find_modules
from analysis.errors import AnalysisError
from analysis.mask_pair import MaskPair

MetricFunction: TypeAlias = Callable[[MaskPair], float]
Source: TypeAlias = Literal["reference", "prediction", "reference_lung", "prediction_lung", "reference_tumour"]


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
    definition : str
        What exactly is computed, in words that tell it from other definitions of the same name; ``definition_at``
        fills in what a study chooses.
    compute : callable
        ``MaskPair -> value`` over the scored slices. It returns the mathematical value: NaN where undefined, inf
        where a distance has no end. How empty masks count is decided in ``analysis.empties``, not here.
    uses : tuple of str
        Which masks are given as the pair's reference and prediction: of the scored structure, or of the lung or
        tumour the study names. What measures one side alone takes both masks from that side, for example predicted
        disease (the pair's prediction) over predicted lung (the pair's reference).
    applies_to : str
        ``any`` structure, or only the one the study names as ``lung`` or ``disease``.
    symmetric : bool
        Whether exchanging the masks gives the same value, so that two readers can be compared with it.
    on_surface : bool
        Whether it measures distances between surfaces: slices that are no neighbours are then scored one by one.
    surroundings : bool
        Whether it asks where a voxel outside the lung lies: it then needs the lung on every slice, and the image.
    """

    name: str
    label: str
    unit: str
    direction: Literal["higher", "lower", "none"]
    range: tuple[float, float]
    needs_spacing: bool
    definition: str
    compute: MetricFunction
    uses: tuple[Source, Source] = ("reference", "prediction")
    applies_to: Literal["any", "lung", "disease"] = "any"
    symmetric: bool = False
    on_surface: bool = False
    surroundings: bool = False

    def definition_at(self, nsd_tolerance_mm: float) -> str:
        """Return the definition with the tolerance of a study in it."""
        return self.definition.format(nsd_tolerance_mm=nsd_tolerance_mm)

    def backend_of(self, chosen: str) -> str:
        """Return what computes the metric if ``chosen`` is the study's backend for surface distances."""
        return chosen if self.on_surface else "numpy"


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

"""Two masks on one grid, with what is costly to compute kept for all metrics of the pair."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.errors import AnalysisError
from analysis.surface.surface_distances import SurfaceDistances

Mask: TypeAlias = npt.NDArray[np.bool_]
Spacing: TypeAlias = tuple[float, float, float] | tuple[float, float]
BACKENDS = ("ctshift", "surface-distance")


@dataclass(frozen=True)
class MaskPair:
    """A reference and a prediction mask.

    Attributes
    ----------
    reference, prediction : bool array (z, y, x), or (y, x) for one slice
        The scored slices of an examination.
    spacing_zyx_mm : tuple of float
        Voxel spacing in the order of the array axes; (y, x) for one slice.
    nsd_tolerance_mm : float
        Tolerance of the normalised surface distance.
    backend : str
        What computes surface distances: ``ctshift`` or ``surface-distance``.
    body, air : bool array (z, y, x) or None
        Of the image, for metrics that ask where a voxel outside the lung lies; None: not known.

    Raises
    ------
    AnalysisError
        If the masks are not boolean or differ in shape, the spacing does not fit them, or the backend is unknown.
    """

    reference: Mask
    prediction: Mask
    spacing_zyx_mm: Spacing = (1.0, 1.0, 1.0)
    nsd_tolerance_mm: float = field(default=1.0, kw_only=True)
    backend: str = field(default="ctshift", kw_only=True)
    body: Mask | None = field(default=None, kw_only=True)
    air: Mask | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        for name, mask in (("reference", self.reference), ("prediction", self.prediction)):
            if not isinstance(mask, np.ndarray) or mask.dtype != bool:
                kind = getattr(mask, "dtype", type(mask).__name__)
                raise AnalysisError(f"{name} mask: {kind}, wanted a bool array; compare the label map with a label")
        if self.reference.shape != self.prediction.shape:
            shapes = f"{self.reference.shape} and {self.prediction.shape}"
            raise AnalysisError(f"reference and prediction: shapes {shapes}, wanted one grid; resample the prediction")
        if self.reference.ndim not in (2, 3) or len(self.spacing_zyx_mm) != self.reference.ndim:
            found = f"{self.reference.ndim} axes with {len(self.spacing_zyx_mm)} spacings"
            raise AnalysisError(f"masks: {found}, wanted (z, y, x) or (y, x) and one spacing for each axis")
        if not all(np.isfinite(size) and size > 0 for size in self.spacing_zyx_mm):
            raise AnalysisError(f"masks: spacing {self.spacing_zyx_mm} mm, wanted positive numbers; mend the header")
        if self.backend not in BACKENDS:
            raise AnalysisError(f"backend {self.backend!r} not found; the choices are: {', '.join(BACKENDS)}")

    @cached_property
    def voxel_ml(self) -> float:
        """Volume of one voxel; of a slice without thickness there is none.

        Raises
        ------
        AnalysisError
            If the masks are one slice (y, x).
        """
        if len(self.spacing_zyx_mm) != 3:
            raise AnalysisError("masks: one slice (y, x) has no volume; give it as (1, y, x) with its slice distance")
        return float(np.prod(self.spacing_zyx_mm)) / 1000.0

    @cached_property
    def reference_size(self) -> int:
        """Number of voxels of the reference."""
        return int(np.count_nonzero(self.reference))

    @cached_property
    def prediction_size(self) -> int:
        """Number of voxels of the prediction."""
        return int(np.count_nonzero(self.prediction))

    @cached_property
    def shared_size(self) -> int:
        """Number of voxels in both."""
        return int(np.count_nonzero(self.reference & self.prediction))

    @cached_property
    def distances(self) -> SurfaceDistances:
        """Distances between the two surfaces, by the chosen backend."""
        if self.backend == "surface-distance":
            from analysis.surface.package_distances import package_distances as compute
        else:
            from analysis.surface.ordered_search import ordered_search_distances as compute
        return compute(self.reference, self.prediction, tuple(float(size) for size in self.spacing_zyx_mm))

    @cached_property
    def outside_ml(self) -> dict[str, float]:
        """Volume of the prediction outside the reference, which is the lung, in each of ``lung_surroundings.REGIONS``.

        Raises
        ------
        AnalysisError
            If the masks are one slice (y, x).
        """
        from analysis.lung_surroundings import REGIONS, regions_outside

        if not (self.prediction & ~self.reference).any():
            return dict.fromkeys(REGIONS, 0.0 * self.voxel_ml)
        places = regions_outside(self.reference, spacing_zyx_mm=self.spacing_zyx_mm, body=self.body, air=self.air)[
            self.prediction
        ]
        counts = np.bincount(places, minlength=len(REGIONS) + 1)[1:]
        return {name: float(count) * self.voxel_ml for name, count in zip(REGIONS, counts, strict=True)}

    @cached_property
    def slices(self) -> tuple["MaskPair", ...]:
        """The slices that show at least one of the masks, each as a pair (y, x) with its in-plane spacing.

        Raises
        ------
        AnalysisError
            If the masks are not (z, y, x).
        """
        if self.reference.ndim != 3:
            raise AnalysisError(f"masks: {self.reference.ndim} axes, wanted (z, y, x) to go slice by slice")
        shown = self.reference.any(axis=(1, 2)) | self.prediction.any(axis=(1, 2))
        y, x = self.spacing_zyx_mm[-2:]
        return tuple(
            MaskPair(
                self.reference[place],
                self.prediction[place],
                (y, x),
                nsd_tolerance_mm=self.nsd_tolerance_mm,
                backend=self.backend,
            )
            for place in np.flatnonzero(shown)
        )

"""Two sets of masks on the same slices to the values of every metric."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.empties import Status, status_of_masks
from analysis.lung_surroundings import upright, upright_order
from analysis.mask_pair import Mask, MaskPair, Spacing
from analysis.metric import Metric, Source
from analysis.scoring.sides import Masks, Sides
from analysis.slicewise import slice_by_slice
from benchmarks.study import Scoring


@dataclass(frozen=True)
class MetricScore:
    """One value of one structure, with what a score row says about it."""

    structure: str
    metric: Metric
    dimension: str
    value: float
    status: Status
    reason: str

    def columns(self, scoring: Scoring) -> dict[str, Any]:
        """Return the columns of a score row that this score fills."""
        return {
            "structure": self.structure,
            "dimension": self.dimension,
            "metric": self.metric.name,
            "definition": self.metric.definition.format(nsd_tolerance_mm=scoring.nsd_tolerance_mm),
            "backend": scoring.backend if self.metric.on_surface else "numpy",
            "value": self.value,
            "unit": self.metric.unit,
            "status": self.status,
            "reason": self.reason,
        }


def score_sides(
    sides: Sides, structures: Sequence[str], metrics: Sequence[Metric], scoring: Scoring
) -> Iterator[MetricScore]:
    """Yield the value of every metric of every structure to which it applies, in both dimensions if asked for.

    A metric is left out for a structure it does not apply to, and where a side has no label for a mask it needs.
    """
    for structure in structures:
        pairs: dict[tuple[str, str, bool], MaskPair] = {}
        for metric in metrics:
            names = _masks_of(metric, structure, scoring)
            if not _applies(metric, structure, scoring) or not _known(metric, names, sides):
                continue
            if metric.surroundings and not sides.complete:
                continue
            for dimension in dimensions(metric, scoring, contiguous=sides.contiguous):
                if sides.missed:
                    status, reason = _missed(metric, names, sides, sides.missed)
                    yield MetricScore(structure, metric, dimension, float("nan"), status, reason)
                    continue
                key = (*metric.uses, metric.surroundings)
                if key not in pairs:
                    pairs[key] = _pair(metric, names, sides, scoring)
                pair = pairs[key]
                yield _score(structure, metric, dimension, pair, _status(structure, metric, pair, sides))


def dimensions(metric: Metric, scoring: Scoring, *, contiguous: bool) -> tuple[str, ...]:
    """Return the dimensions a metric is computed in.

    Volumes and what is made of them are always of all slices together; distances between surfaces on slices that are
    no neighbours are always slice by slice.
    """
    if not metric.symmetric or metric.unit not in ("1", "mm"):
        return ("3d",)
    return ("2d",) if metric.on_surface and not contiguous else scoring.dimensions


def _applies(metric: Metric, structure: str, scoring: Scoring) -> bool:
    return metric.applies_to == "any" or structure == getattr(scoring, metric.applies_to)


def _masks_of(metric: Metric, structure: str, scoring: Scoring) -> tuple[str, str]:
    """Return the names of the structures whose masks are compared."""
    first, second = (_structure_of(source, structure, scoring) for source in metric.uses)
    return first, second


def _structure_of(source: Source, structure: str, scoring: Scoring) -> str:
    _, _, part = source.partition("_")
    return str(getattr(scoring, part)) if part else structure


def _known(metric: Metric, names: tuple[str, str], sides: Sides) -> bool:
    return all(name in _side(source, sides) for source, name in zip(metric.uses, names, strict=True))


def _side(source: Source, sides: Sides) -> Masks:
    return sides.reference if source.startswith("reference") else sides.prediction


def _missed(metric: Metric, names: tuple[str, str], sides: Sides, missed: tuple[Status, str]) -> tuple[Status, str]:
    """Return why there is no value; a case without the tumour or lung a metric asks about is no missed case."""
    asks_for_part = missed[0] != "no_reference" and metric.uses[0] in ("reference_tumour", "reference_lung")
    if asks_for_part and not sides.reference[names[0]].any():
        return "empty_reference", f"empty reference; {missed[1]}"
    return missed


def _pair(metric: Metric, names: tuple[str, str], sides: Sides, scoring: Scoring) -> MaskPair:
    first, second = (_side(source, sides)[name] for source, name in zip(metric.uses, names, strict=True))
    spacing_zyx_mm = sides.spacing_zyx_mm
    body = air = None
    if metric.surroundings:
        first, second, spacing_zyx_mm = _upright(first, second, sides)
        body, air = sides.surroundings() if sides.surroundings else (None, None)
    box = _box(first, second)
    return MaskPair(
        first[box],
        second[box],
        spacing_zyx_mm,
        nsd_tolerance_mm=scoring.nsd_tolerance_mm,
        backend=scoring.backend,
        body=None if body is None else body[box],
        air=None if air is None else air[box],
    )


def _upright(first: Mask, second: Mask, sides: Sides) -> tuple[Mask, Mask, Spacing]:
    """Return both masks with slices from the feet upwards, as body and air are."""
    order = upright_order(sides.direction)
    z, y, x = (sides.spacing_zyx_mm[axis] for axis in order)
    return upright(first, sides.direction), upright(second, sides.direction), (z, y, x)


def _box(first: Mask, second: Mask) -> tuple[slice, slice, slice]:
    """Return the rows and columns that show either mask, on all slices; one voxel if neither is there."""
    flat: Mask = np.any(first, axis=0) | np.any(second, axis=0)
    rows, columns = np.flatnonzero(flat.any(axis=1)), np.flatnonzero(flat.any(axis=0))
    if not rows.size:
        return slice(None), slice(0, 1), slice(0, 1)
    return slice(None), slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _status(structure: str, metric: Metric, pair: MaskPair, sides: Sides) -> Status:
    """Return which mask is empty; a metric of one side says so of that side's masks and of the other's structure."""
    first, second = (source.startswith("reference") for source in metric.uses)
    empty = (pair.reference_size == 0, pair.prediction_size == 0)
    if first != second:
        return status_of_masks(reference_empty=empty[0], prediction_empty=empty[1])
    other = sides.prediction if first else sides.reference
    other_empty = structure in other and not other[structure].any()
    if first:
        return status_of_masks(reference_empty=any(empty), prediction_empty=other_empty)
    return status_of_masks(reference_empty=other_empty, prediction_empty=any(empty))


def _score(structure: str, metric: Metric, dimension: str, pair: MaskPair, status: Status) -> MetricScore:
    value = slice_by_slice(metric, pair) if dimension == "2d" else metric.compute(pair)
    reason = "" if status == "ok" else status.replace("_", " ")
    if status == "ok" and np.isinf(value):
        reason = _one_sided_slices(pair)
    return MetricScore(structure, metric, dimension, float(value), status, reason)


def _one_sided_slices(pair: MaskPair) -> str:
    """Return why a mean distance over slices is infinite although both masks are there."""
    shown = [np.any(mask, axis=(1, 2)) for mask in (pair.reference, pair.prediction)]
    either, both = int((shown[0] | shown[1]).sum()), int((shown[0] & shown[1]).sum())
    return f"{either - both} of {either} slices show one mask only, so the mean distance is infinite"

"""The grid of voxel corners around two masks, with the margins that let a search step over its edges."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.mask_pair import Mask

Box: TypeAlias = tuple[slice, ...]


@dataclass(frozen=True)
class CornerGrid:
    """Corners in one flat array: rows with a gap after each, in planes, with empty planes before and after all.

    Attributes
    ----------
    planes, rows, columns : int
        Corners along each axis: one more than voxels (2-D masks: one plane).
    gap : int
        Empty corners after each row, so that a step of at most ``gap`` columns never meets the next row.
    margin : int
        Empty planes before the first and after the last.
    """

    planes: int
    rows: int
    columns: int
    gap: int
    margin: int

    @property
    def width(self) -> int:
        """Length of a row with its gap."""
        return self.columns + self.gap

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the array without the margin."""
        return (self.planes, self.rows, self.width)

    @property
    def size(self) -> int:
        """Number of cells without the margin."""
        return self.planes * self.rows * self.width

    @property
    def start(self) -> int:
        """Number of cells before the first corner; as many follow the last."""
        return self.margin * self.rows * self.width + self.gap

    def step(self, planes: int, columns: int) -> int:
        """Return the difference of flat index of corners that lie so many planes and columns apart."""
        return planes * self.rows * self.width + columns


def union_box(reference: Mask, prediction: Mask) -> Box | None:
    """Return the smallest box that holds both masks; None if both are empty."""
    spans = [_joined(*pair) for pair in zip(_spans(reference), _spans(prediction), strict=True)]
    return None if any(span is None for span in spans) else tuple(span for span in spans if span is not None)


def _spans(mask: Mask) -> list[slice | None]:
    """Return first and last foreground index per axis; None if there is none."""
    if mask.ndim == 2:
        return [_span(np.any(mask, axis=axis)) for axis in (1, 0)]
    # Plane by plane stops at the first voxel found, where reducing two axes at once reads everything.
    first = _span(np.array([plane.any() for plane in mask], dtype=bool))
    shadow: Mask = np.logical_or.reduce(mask[first], axis=0) if first else np.zeros(mask.shape[1:], dtype=bool)
    return [first, *(_span(np.any(shadow, axis=axis)) for axis in (1, 0))]


def _span(present: npt.NDArray[np.bool_] | np.bool_) -> slice | None:
    indices = np.flatnonzero(present)
    return slice(int(indices[0]), int(indices[-1]) + 1) if indices.size else None


def _joined(first: slice | None, second: slice | None) -> slice | None:
    if first is None or second is None:
        return first or second
    return slice(min(first.start, second.start), max(first.stop, second.stop))

"""CT slices as one uniform stack in patient coordinates (LPS, millimetres), or the reason why they are none."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataset_converters.errors import ConversionError

DIRECTION_TOLERANCE = 1e-3
"""Largest difference of a direction cosine between slices, and from unit length or a right angle."""
DUPLICATE_TOLERANCE_MM = 0.01
"""Slices closer together than this lie at one position."""
TILT_TOLERANCE_MM = 0.1
"""Largest distance of a slice's origin from the line through the first origin along the slice normal."""
GAP_TOLERANCE_MM = 0.1
"""Largest difference of a slice distance from the median one (of two, the smaller), and of a slice from its place in a
uniform stack."""
GAP_TOLERANCE_SHARE = 0.2
"""The same as a share of the median slice distance; the smaller of the two counts."""


_SPACING_DECIMALS = 9  # positions such as -881.32 would else give 3.2700000000000014


@dataclass(frozen=True)
class SliceStack:
    """Uniform stack of slices, sorted along the normal (row direction x column direction).

    Attributes
    ----------
    order : tuple of int
        Indices of the given slices from first to last along the normal.
    origin_mm : tuple of float
        Centre of the first voxel of the first slice, LPS.
    slice_spacing_mm : float
        Distance of neighbouring slices.
    direction : tuple of float
        SimpleITK direction matrix (row-major; columns are the x, y, z axes), orthonormal and right-handed.
    """

    order: tuple[int, ...]
    origin_mm: tuple[float, ...]
    slice_spacing_mm: float
    direction: tuple[float, ...]


def stack_slices(
    positions_mm: NDArray[np.float64], orientations: NDArray[np.float64], *, dataset: str, case: str
) -> SliceStack:
    """Sort slices along their normal and check that they are one uniform, untilted stack.

    Parameters
    ----------
    positions_mm : array (slices, 3)
        ImagePositionPatient of every slice.
    orientations : array (slices, 6)
        ImageOrientationPatient of every slice: cosines of the row, then of the column direction.

    Raises
    ------
    ConversionError
        Fewer than two slices, different orientations, gantry tilt, two slices at one position, missing slices.
    """
    where = (dataset, case)
    if len(positions_mm) < 2:
        raise ConversionError(*where, found="1 slice", wanted="2 or more", action="add the slices that are missing")
    axes = _common_axes(orientations, where)
    offsets = positions_mm - positions_mm[0]
    along_mm = offsets @ axes[2]
    order = np.argsort(along_mm, kind="stable")
    _refuse_tilt(offsets[order] - offsets[order[0]], axes, where)
    spacing_mm = _uniform_spacing(along_mm[order] + float(positions_mm[0] @ axes[2]), where)
    return SliceStack(
        order=tuple(int(i) for i in order),
        origin_mm=tuple(float(v) for v in positions_mm[order[0]]),
        slice_spacing_mm=spacing_mm,
        direction=tuple(float(v) for v in axes.T.ravel()),
    )


def _common_axes(orientations: NDArray[np.float64], where: tuple[str, str]) -> NDArray[np.float64]:
    """Rows: x (row), y (column) and z (normal) axes, made exactly orthonormal."""
    deviation = np.abs(orientations - orientations[0]).max()
    if not deviation <= DIRECTION_TOLERANCE:
        kinds = len(np.unique(np.round(orientations / DIRECTION_TOLERANCE), axis=0))
        raise ConversionError(
            *where,
            found=f"{kinds} slice orientations, cosines {deviation:.3g} apart",
            wanted=f"one orientation (within {DIRECTION_TOLERANCE})",
            action="keep one series per folder; leave localizers out",
        )
    row, column = orientations[0][:3], orientations[0][3:]
    faults = [abs(np.linalg.norm(row) - 1), abs(np.linalg.norm(column) - 1), abs(row @ column)]
    if not max(faults) <= DIRECTION_TOLERANCE:
        raise ConversionError(
            *where,
            found=f"ImageOrientationPatient {_text(orientations[0])}",
            wanted="two unit vectors at a right angle",
            action="export the series again from the scanner or archive",
        )
    row = row / np.linalg.norm(row)
    column = column - (column @ row) * row
    column = column / np.linalg.norm(column)
    return np.stack([row, column, np.cross(row, column)])


def _refuse_tilt(offsets_mm: NDArray[np.float64], axes: NDArray[np.float64], where: tuple[str, str]) -> None:
    sideways_mm = float(np.linalg.norm(offsets_mm @ axes[:2].T, axis=1).max())
    if sideways_mm <= TILT_TOLERANCE_MM:
        return
    along_mm = float(offsets_mm[-1] @ axes[2])
    angle = np.degrees(np.arctan2(sideways_mm, along_mm))
    raise ConversionError(
        *where,
        found=f"a sheared stack (gantry tilt): slices shift sideways by {sideways_mm:.4g} mm over {along_mm:.4g} mm, "
        f"{angle:.1f} degrees off the slice normal",
        wanted=f"slices along their normal (within {TILT_TOLERANCE_MM} mm)",
        action="correct the tilt by resampling with a tool made for it, or leave the case out",
    )


def _uniform_spacing(sorted_mm: NDArray[np.float64], where: tuple[str, str]) -> float:
    gaps_mm = np.diff(sorted_mm)
    duplicated = sorted_mm[:-1][gaps_mm <= DUPLICATE_TOLERANCE_MM]
    if duplicated.size:
        raise ConversionError(
            *where,
            found=f"several slices at one position along the normal: {_text(np.unique(duplicated))} mm",
            wanted="one slice per position",
            action="remove repeated files, or keep one acquisition of the series",
        )
    common_mm = float(
        np.sort(gaps_mm)[(len(gaps_mm) - 1) // 2]
    )  # of two, the smaller: a gap is too wide, not too narrow
    tolerance_mm = min(GAP_TOLERANCE_MM, GAP_TOLERANCE_SHARE * common_mm)
    uneven = np.flatnonzero(np.abs(gaps_mm - common_mm) > tolerance_mm)
    if uneven.size:
        places = [f"{gaps_mm[i]:.4g} mm between {sorted_mm[i]:.6g} and {sorted_mm[i + 1]:.6g}" for i in uneven[:5]]
        raise ConversionError(
            *where,
            found=f"{uneven.size} uneven slice distances: {'; '.join(places)}{'; ...' if uneven.size > 5 else ''}",
            wanted=f"{common_mm:.4g} mm everywhere (within {tolerance_mm:.2g} mm)",
            action="add the slices that are missing there, or leave the case out",
        )
    spacing_mm = float(sorted_mm[-1] - sorted_mm[0]) / len(gaps_mm)
    drift_mm = float(np.abs(sorted_mm - sorted_mm[0] - spacing_mm * np.arange(len(sorted_mm))).max())
    if drift_mm > tolerance_mm:
        raise ConversionError(
            *where,
            found=f"slices up to {drift_mm:.3g} mm from their place in a uniform stack",
            wanted=f"at most {tolerance_mm:.2g} mm",
            action="reconstruct the series with one slice distance, or leave the case out",
        )
    return round(spacing_mm, _SPACING_DECIMALS)


def _text(values: object) -> str:
    return "(" + ", ".join(f"{float(v):.6g}" for v in np.ravel(np.asarray(values))[:6]) + ")"

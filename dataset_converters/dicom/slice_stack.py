"""CT slices as one uniform stack in patient coordinates (LPS, millimetres), or the reason why they are none."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dataset_converters.errors import ConversionError

DIRECTION_TOLERANCE = 1e-3
"""Largest difference of a direction cosine between slices, and from unit length or a right angle."""
DUPLICATE_TOLERANCE_MM = 0.01
"""Slices closer together than this lie at one position."""
TILT_TOLERANCE_MM = 0.1
"""Largest distance of a slice's origin from the line through the first origin along the slice normal; of a tilted
stack, from the line through the first and last origin."""
LARGEST_TILT_DEG = 45.0
"""Gantries tilt by 30 degrees at most; more is a fault of the headers."""
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
    shift_mm_xy : tuple of float
        Of each slice against the one before, along rows and columns: 0 unless the stack is sheared (gantry tilt).
    tilt_deg : float
        Angle between the line of the origins and the slice normal; 0 unless the stack is sheared.
    """

    order: tuple[int, ...]
    origin_mm: tuple[float, ...]
    slice_spacing_mm: float
    direction: tuple[float, ...]
    shift_mm_xy: tuple[float, float] = (0.0, 0.0)
    tilt_deg: float = 0.0


def stack_slices(
    positions_mm: NDArray[np.float64],
    orientations: NDArray[np.float64],
    *,
    dataset: str,
    case: str,
    tilt: Literal["refuse", "shear"] = "refuse",
) -> SliceStack:
    """Sort slices along their normal and check that they are one uniform stack.

    Parameters
    ----------
    positions_mm : array (slices, 3)
        ImagePositionPatient of every slice.
    orientations : array (slices, 6)
        ImageOrientationPatient of every slice: cosines of the row, then of the column direction.
    tilt : str
        ``refuse`` a stack that is sheared, or accept it with the shift of its slices (``shear``).

    Raises
    ------
    ConversionError
        Fewer than two slices, different orientations, gantry tilt, two slices at one position, missing slices.
    """
    where = (dataset, case)
    if len(positions_mm) < 2:
        raise ConversionError(*where, found="1 slice", wanted="2 or more", action="add the slices that are missing")
    axes = common_axes(orientations, dataset=dataset, case=case)
    offsets = positions_mm - positions_mm[0]
    along_mm = offsets @ axes[2]
    order = np.argsort(along_mm, kind="stable")
    shift_mm_xy, tilt_deg = _tilt(offsets[order] - offsets[order[0]], axes, tilt, where)
    spacing_mm = _uniform_spacing(along_mm[order] + float(positions_mm[0] @ axes[2]), where)
    return SliceStack(
        order=tuple(int(i) for i in order),
        origin_mm=tuple(float(v) for v in positions_mm[order[0]]),
        slice_spacing_mm=spacing_mm,
        direction=tuple(float(v) for v in axes.T.ravel()),
        shift_mm_xy=shift_mm_xy,
        tilt_deg=tilt_deg,
    )


def common_axes(orientations: NDArray[np.float64], *, dataset: str, case: str) -> NDArray[np.float64]:
    """Return x (row), y (column) and z (normal) axes of all slices as rows of a matrix, made exactly orthonormal.

    Raises
    ------
    ConversionError
        Different orientations, or ones that are not two unit vectors at a right angle.
    """
    where = (dataset, case)
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


def _tilt(
    offsets_mm: NDArray[np.float64], axes: NDArray[np.float64], tilt: str, where: tuple[str, str]
) -> tuple[tuple[float, float], float]:
    """Shift per slice along rows and columns (mm) and angle (degrees) of a sheared stack, zeros if it is upright."""
    shifts_mm, along_mm = offsets_mm @ axes[:2].T, offsets_mm @ axes[2]
    sideways_mm, last_mm = float(np.linalg.norm(shifts_mm, axis=1).max()), float(along_mm[-1])
    if sideways_mm <= TILT_TOLERANCE_MM:
        return (0.0, 0.0), 0.0
    angle = float(np.degrees(np.arctan2(sideways_mm, last_mm)))
    line_mm = np.outer(along_mm / last_mm, shifts_mm[-1]) if last_mm > 0 else 0 * shifts_mm
    stray_mm = float(np.linalg.norm(shifts_mm - line_mm, axis=1).max())
    if stray_mm <= TILT_TOLERANCE_MM and angle <= LARGEST_TILT_DEG:
        if tilt == "shear":
            step_x, step_y = shifts_mm[-1] / (len(offsets_mm) - 1)
            return (float(step_x), float(step_y)), angle
        crooked = ""
        action = "correct it by resampling (option tilt=shear where the dataset offers it), or leave the case out"
    else:
        crooked = f", up to {stray_mm:.2g} mm from a straight line" if stray_mm > TILT_TOLERANCE_MM else ""
        action = "it is no gantry tilt that could be corrected; leave the case out"
    raise ConversionError(
        *where,
        found=f"a sheared stack (gantry tilt): slices shift sideways by {sideways_mm:.4g} mm over {last_mm:.4g} mm, "
        f"{angle:.1f} degrees off the slice normal{crooked}",
        wanted=f"slices along their normal (within {TILT_TOLERANCE_MM} mm)",
        action=action,
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

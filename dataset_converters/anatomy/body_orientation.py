"""How a patient lies in a CT, from the image alone: what is back, what is up, on which side the heart is.

Each function gives a verdict only where the evidence is strong. The limits were set on whole-chest CT of two real
patients and of simulated ones, so how often they err on other patients is not known; the ranges seen stand beside the
limits. A heart on the right, a removed or collapsed lung and a large tumour can look like a mirrored image.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull

from dataset_converters.anatomy.body_regions import BONE_HU, SIDE_CM2, CoarseCt, Mask

MIDLINE_MM = 30.0
SPINE_SHARE = 0.75
"""Share of the bone near the midline that lies behind the middle of the body: 0.87 to 1.00 seen."""
RECESS_MM, ROUNDNESS = 8.0, 0.12
"""Base behind the apex by 13 to 27 mm, and less round by 0.22 to 0.46 seen."""
HEART_MM, SIDE_RATIO = 5.0, 1.1
"""Heart left of the spine by 8 to 24 mm, and lower right lung 1.23 to 1.42 times the left seen."""
WHOLE_LUNGS_ML = 1000.0
_END_SHARE, _CUT_SHARE = 0.05, 0.15
_FEWEST_BONE, _FEWEST_PIXELS = 50, 12


@dataclass(frozen=True)
class Evidence:
    """What a direction was judged by.

    Attributes
    ----------
    verdict : int
        1: as the header says; -1: the other way round; 0: not to be told.
    found : str
        The measured values in words.
    """

    verdict: int
    found: str


def back(ct: CoarseCt) -> Evidence:
    """Judge where the back is: the spine lies behind the middle of the body wherever there is lung."""
    if not ct.lungs.any() or ct.side_cm2 > SIDE_CM2:
        return Evidence(0, "no lung, or cut at the sides")
    bone, (_, y_body, x_body) = _body_with_lung(ct)
    near = abs(np.nonzero(bone)[2] - x_body) * ct.spacing_mm[2] < MIDLINE_MM
    rows = np.nonzero(bone)[1][near]
    if len(rows) < _FEWEST_BONE:
        return Evidence(0, f"{len(rows)} voxels of bone near the midline")
    share = float((rows > y_body).mean())
    verdict = 1 if share >= SPINE_SHARE else -1 if share <= 1 - SPINE_SHARE else 0
    return Evidence(verdict, f"{share:.0%} of the bone near the midline in the back half of the body")


def up(ct: CoarseCt, *, back_sign: int) -> Evidence:
    """Judge where the head is: lungs are round at the apex; at the base a crescent far back, round the liver.

    Parameters
    ----------
    back_sign : int
        -1 where the back was found in front.
    """
    if not _whole_lungs(ct):
        return Evidence(0, "no two whole lungs")
    lower, upper = _ends(ct)
    y_mm = np.arange(ct.lungs.shape[1]) * ct.spacing_mm[1]
    recess = back_sign * (_centre(ct.lungs[lower], y_mm) - _centre(ct.lungs[upper], y_mm))
    rounder = _roundness(ct.lungs[upper]) - _roundness(ct.lungs[lower])
    place, shape = _signed(recess, "farther back", "farther front"), f"{abs(rounder):.2f} {_less(rounder)} round"
    found = f"lung at the lower end {place} and {shape} than at the upper end"
    if back_sign and recess >= RECESS_MM and rounder >= ROUNDNESS:
        return Evidence(1, found)
    return Evidence(-1 if back_sign and recess <= -RECESS_MM and rounder <= -ROUNDNESS else 0, found)


def left(ct: CoarseCt, *, up_sign: int) -> Evidence:
    """Judge where the left is: the heart lies left of the spine and takes its room from the left lung.

    Parameters
    ----------
    up_sign : int
        -1 where the head was found at the lower end; 0: not to be told, then nor is this.
    """
    if not up_sign or not _whole_lungs(ct):
        return Evidence(0, "no two whole lungs, or up and down unclear")
    lungs = ct.lungs[::up_sign]
    reached = np.cumsum(lungs.sum(axis=(1, 2))) / lungs.sum()
    lower = np.flatnonzero((reached > 2 * _END_SHARE) & (reached < 0.5))
    if not len(lower):
        return Evidence(0, "too few slices")
    middle = _spine_column(ct)
    if middle is None:
        return Evidence(0, "no spine")
    right_size, left_size = (float(part.sum()) for part in np.split(lungs[lower], [round(middle)], axis=2))
    ratio = right_size / max(left_size, 1.0)
    heart_mm = _between_lungs(ct.hu[::up_sign][lower], lungs[lower], middle) * ct.spacing_mm[2]
    place = _signed(heart_mm, "to the left", "to the right")
    found = f"tissue between the lungs {place} of the spine, lower right lung {ratio:.2f} times the left"
    if heart_mm >= HEART_MM and ratio >= SIDE_RATIO:
        return Evidence(1, found)
    return Evidence(-1 if heart_mm <= -HEART_MM and ratio <= 1 / SIDE_RATIO else 0, found)


def _signed(distance_mm: float, positive: str, negative: str) -> str:
    return f"{abs(distance_mm):.0f} mm {positive if distance_mm >= 0 else negative}"


def _less(difference: float) -> str:
    return "less" if difference >= 0 else "more"


def _body_with_lung(ct: CoarseCt) -> tuple[Mask, NDArray[np.float64]]:
    """Return the bone of the slices that show lung, and the middle (z, y, x) of the body in them."""
    shown = ct.lungs.any(axis=(1, 2))
    bone = ct.body[shown] & (ct.hu[shown] > BONE_HU)
    return bone, np.array(ndimage.center_of_mass(ct.body[shown]))


def _spine_column(ct: CoarseCt) -> float | None:
    """Return the column (x) of the bone near the midline, front and back alike; None without bone."""
    bone, (_, _, x_body) = _body_with_lung(ct)
    columns = np.nonzero(bone)[2]
    near = columns[abs(columns - x_body) * ct.spacing_mm[2] < MIDLINE_MM]
    return float(np.median(near)) if len(near) >= _FEWEST_BONE else None


def _whole_lungs(ct: CoarseCt) -> bool:
    """Say whether the lungs begin and end inside the image."""
    if ct.lung_ml < WHOLE_LUNGS_ML or ct.side_cm2 > SIDE_CM2:
        return False
    areas = ct.lungs.sum(axis=(1, 2))
    return bool(max(areas[0], areas[-1]) < _CUT_SHARE * areas.max())


def _ends(ct: CoarseCt) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the lowest and the highest slices, which hold a twentieth of the lungs each."""
    areas = ct.lungs.sum(axis=(1, 2))
    below = np.cumsum(areas) / areas.sum()
    above = np.cumsum(areas[::-1])[::-1] / areas.sum()
    shown = np.flatnonzero(areas)
    lower, upper = (np.flatnonzero((share <= _END_SHARE) & (areas > 0)) for share in (below, above))
    return (lower if len(lower) else shown[:1]), (upper if len(upper) else shown[-1:])


def _centre(lungs: Mask, y_mm: NDArray[np.floating]) -> float:
    rows = lungs.sum(axis=(0, 2))
    return float((rows * y_mm).sum() / rows.sum())


def _roundness(lungs: Mask) -> float:
    """Return the middle share that the largest part of each slice has of its convex hull: 1 for a disc."""
    shares = [share for plane in lungs if (share := _hull_share(plane)) is not None]
    return float(np.median(shares)) if shares else float("nan")


def _hull_share(plane: Mask) -> float | None:
    parts, count = ndimage.label(plane)
    if not count:
        return None
    pixels = np.argwhere(parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:])))
    if len(pixels) < _FEWEST_PIXELS:
        return None
    corners = np.concatenate([pixels + offset for offset in ((0, 0), (0, 1), (1, 0), (1, 1))])
    return float(len(pixels) / ConvexHull(corners).volume)


def _between_lungs(hu: NDArray[np.float32], lungs: Mask, middle: float) -> float:
    """Return how far left of the middle the tissue between the lungs lies, in voxels, as the median of the slices."""
    offsets = []
    for plane, shown in zip(hu, lungs, strict=True):
        inside = np.zeros(shown.shape, dtype=bool)
        for row in np.flatnonzero(shown.any(axis=1)):
            columns = np.flatnonzero(shown[row])
            inside[row, columns[0] : columns[-1]] = True
        tissue = np.nonzero(inside & ~shown & (plane > -200))[1]
        if len(tissue) >= _FEWEST_PIXELS:
            offsets.append(tissue.mean() - middle)
    return float(np.median(offsets)) if offsets else 0.0

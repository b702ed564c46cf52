"""Regions of interest in text files, as the HUG interstitial lung disease database (MedGIFT) has them.

The authors' own readers (``loadROIfiles``, Java and MATLAB, MedGIFT group 2012) call the coordinates millimetres and
count slices from 1. No published overlay confirms it, so coordinates that cannot be of that unit are refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from dataset_converters.annotations.polygon_fill import fill_even_odd
from dataset_converters.errors import ConversionError
from dataset_converters.privacy.known_texts import shown_texts
from dataset_converters.privacy.shown_name import shown_name
from dataset_converters.records import IGNORED
from dataset_converters.volumes.stored_voxels import UnreadableFileError, read_bytes

LARGEST_BYTES = 2**24
SPACING_TOLERANCE = 0.01
"""Largest difference of the file's spacing from the grid's, as a part of it."""


@dataclass(frozen=True)
class TextRoi:
    """One contour: its label, the slice's number in the file, and its points (n, 2), x and y, in the file's unit."""

    label: str
    slice_number: int
    points: NDArray[np.float64]


def read_text_rois(
    file: Path,
    grid: sitk.Image,
    *,
    labels: Mapping[str, int],
    slices: Mapping[int, int],
    dataset: str,
    case: str,
    unit: Literal["mm", "pixel"] = "mm",
    unmarked: int = IGNORED,
) -> sitk.Image:
    """Label map (uint8) of the marked regions; what no reader marked is unknown, not healthy: `unmarked`.

    A pixel is inside if its centre is. Pixels in regions of two labels become `IGNORED`.

    Parameters
    ----------
    file : Path
        Lines ``label:``, ``slice_number:``, ``nb_points_on_contour:`` and then ``x y`` for every point.
    grid : SimpleITK.Image
        The CT, x along the columns and y along the rows of its slices.
    labels : mapping
        Label in the file (case does not count) to label value.
    slices : mapping
        Slice number in the file to z index: it counts as the file names of the slices do, which says nothing of
        head or feet.
    unit : str
        Of the coordinates, from the middle of the first pixel.

    Raises
    ------
    ConversionError
        Not such a file, another spacing than the grid's, unknown labels or slices, points outside the slice.
    """
    try:
        rois, spacing = parse_text_rois(file)
        _check_spacing(spacing, grid)
        marked = _drawn(rois, grid, {name.lower(): value for name, value in labels.items()}, slices, unit, unmarked)
    except UnreadableFileError as error:
        raise ConversionError(
            dataset,
            case,
            found=f"{shown_name(file)}: {error.found}",
            wanted=error.wanted,
            action="use the text file of this series, or state its labels, slices and unit",
        ) from None
    image = sitk.GetImageFromArray(marked)
    image.CopyInformation(grid)
    return image


def parse_text_rois(file: Path) -> tuple[list[TextRoi], tuple[float, float]]:
    """Return all contours of a file, and SpacingX and SpacingY (NaN if they are not there).

    Raises
    ------
    UnreadableFileError
        A contour without label or slice, or with fewer points than announced.
    """
    content = read_bytes(file)
    if len(content) > LARGEST_BYTES:
        raise UnreadableFileError(found="a very large text file", wanted=f"at most {LARGEST_BYTES} bytes")
    lines = [line.strip() for line in content.decode("latin-1").splitlines()]
    entries: dict[str, str] = {}
    rois = []
    position = 0
    while position < len(lines):
        name, colon, value = lines[position].partition(":")
        position += 1
        if not colon:
            continue
        entries[name.strip().lower()] = value.strip()
        if name.strip().lower() == "nb_points_on_contour":
            count = _whole(entries, "nb_points_on_contour")
            points = _points(lines[position : position + count], count)
            rois.append(TextRoi(entries.get("label", ""), _whole(entries, "slice_number"), points))
            position += count
    if not rois or not all(roi.label for roi in rois):
        raise UnreadableFileError(found="no contours, or contours without label", wanted="labelled contours")
    return rois, (_number(entries.get("spacingx", "nan")), _number(entries.get("spacingy", "nan")))


def _points(lines: list[str], count: int) -> NDArray[np.float64]:
    points = [[_number(text) for text in line.split()] for line in lines]
    if len(points) != count or count < 1 or any(len(point) != 2 for point in points) or not np.isfinite(points).all():
        raise UnreadableFileError(found=f"a contour without {count} points of x and y", wanted="all points of it")
    return np.array(points)


def _drawn(
    rois: list[TextRoi],
    grid: sitk.Image,
    labels: Mapping[str, int],
    slices: Mapping[int, int],
    unit: str,
    unmarked: int,
) -> NDArray[np.uint8]:
    unknown = sorted({roi.label for roi in rois if roi.label.lower() not in labels})
    if unknown:
        raise UnreadableFileError(found=f"labels {shown_texts(unknown)}", wanted=f"only {', '.join(labels)}")
    columns, rows, depth = grid.GetSize()
    step = np.array(grid.GetSpacing()[:2] if unit == "mm" else (1.0, 1.0))
    marked = np.full((depth, rows, columns), unmarked, np.uint8)
    claimed = np.zeros(marked.shape, bool)
    for roi in rois:
        index = slices.get(roi.slice_number, -1)
        if not 0 <= index < depth:
            raise UnreadableFileError(found=f"a contour on slice {roi.slice_number}", wanted="slices of the series")
        pixels = roi.points / step
        if pixels.min() < -0.51 or (pixels > np.array([columns, rows]) - 0.49).any():
            raise UnreadableFileError(
                found=f"points up to {roi.points.max():g} on a slice of {columns} x {rows} pixels "
                f"of {step[0]:.4g} x {step[1]:.4g} {unit}",
                wanted=f"points inside the slice, in {unit}",
            )
        inside = fill_even_odd([pixels], (rows, columns))
        value = labels[roi.label.lower()]
        other = inside & claimed[index] & (marked[index] != value)
        marked[index][inside] = value
        marked[index][other] = IGNORED
        claimed[index] |= inside
    return marked


def _check_spacing(spacing: tuple[float, float], grid: sitk.Image) -> None:
    for own, other in zip(spacing, grid.GetSpacing(), strict=False):
        if np.isfinite(own) and abs(own - other) > SPACING_TOLERANCE * other:
            raise UnreadableFileError(
                found=f"spacing {own:g} mm of the pixels", wanted=f"{other:g} mm, the spacing of the series"
            )


def _whole(entries: Mapping[str, str], name: str) -> int:
    text = entries.get(name, "")
    if not (text.isdecimal() and len(text) < 7):
        raise UnreadableFileError(found=f"a contour without {name}", wanted=f"{name} as a whole number")
    return int(text)


def _number(text: str) -> float:
    try:
        return float(text.replace("_", "?"))  # Python alone knows 1_000
    except ValueError:
        return float("nan")

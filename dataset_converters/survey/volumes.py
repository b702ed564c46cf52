"""One CT series, volume file or label map for the survey: what it holds, and what was noted."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from dataset_converters.annotations.mask_file import read_labels
from dataset_converters.dicom.series import inspect_dicom_series, load_dicom_series
from dataset_converters.dicom.tree import FoundSeries
from dataset_converters.errors import ConversionError
from dataset_converters.privacy.found_text import what_was_found
from dataset_converters.records import IGNORED, CtImage
from dataset_converters.survey.reading import Reading
from dataset_converters.volumes.grid import grid_of
from dataset_converters.volumes.image_file import read_image, read_voxels

_NAME = "survey"
_MOST_LABELS = 64
_LARGEST_LABEL = 1100  # of the lung regions and types of the Chest Imaging Platform
_SHOWN = 8
_TILT = "gantry tilt"


@dataclass(frozen=True)
class Volume:
    """A CT volume that was read: where it lies on the disk, and an empty image on its grid."""

    folder: Path
    grid: sitk.Image


def survey_ct_series(series: FoundSeries, volumes: list[Volume]) -> Reading:
    """Read a CT series and keep its grid; where it is refused for a tilted gantry, also try to correct it."""
    try:
        read = load_dicom_series(inspect_dicom_series(list(series.headers), dataset=_NAME, case=""))
    except ConversionError as error:
        refusal = what_was_found(error)
        return Reading(refused=refusal + (_sheared(series) if _TILT in refusal else ""))
    volumes.append(_volume(series.files[0].parent, read))
    notes = [read.facts.get("geometry_repair", ""), "no series UID" if series.blank_uid else ""]
    return Reading(_described(read), note="; ".join(note for note in notes if note))


def survey_volume(path: Path, volumes: list[Volume]) -> Reading:
    """Read a CT volume and keep its grid; or say that it looks like a label map."""
    voxels, _ = read_voxels(path, dataset=_NAME, case="")
    if _is_label_map(voxels):
        return Reading(label_map=True)
    read = read_image(path, dataset=_NAME, case="")
    volumes.append(_volume(path.parent, read))
    return Reading(_described(read), note=read.facts.get("geometry_repair", ""))


def survey_label_map(path: Path, volumes: list[Volume]) -> Reading:
    """Put a label map on the grid of a CT beside it or below its folder; refused if it fits none of them."""
    voxels, _ = read_voxels(path, dataset=_NAME, case="")
    values = {int(value): min(int(value), IGNORED - 1) for value in np.unique(voxels)}
    counts = {value: int((voxels == value).sum()) for value in values if value}
    shown = ", ".join(f"{value}: {count}" for value, count in sorted(counts.items())[:_SHOWN])
    more = f" and {len(counts) - _SHOWN} more" if len(counts) > _SHOWN else ""
    what = (
        f"{_size(voxels.shape[::-1])}; voxels of label {shown}{more}"
        if counts
        else f"{_size(voxels.shape[::-1])}; empty"
    )
    near = [volume for volume in volumes if volume.folder == path.parent or path.parent in volume.folder.parents]
    if not near:
        return Reading(what, note="no CT beside it to lie on")
    for volume in near:
        try:
            read_labels(path, volume.grid, values=values, dataset=_NAME, case="")
            return Reading(what)
        except ConversionError as error:
            refusal = what_was_found(error)
    moved = read_labels(path, near[0].grid, values=values, dataset=_NAME, case="", resampled=True)
    covered = float((sitk.GetArrayViewFromImage(moved) != IGNORED).mean())
    return Reading(what, refused=f"{refusal}; if resampling is asked for: read, covering {covered:.0%} of the CT")


def _sheared(series: FoundSeries) -> str:
    try:
        corrected = inspect_dicom_series(list(series.headers), dataset=_NAME, case="", tilt="shear")
        return f"; if correction is asked for (tilt=shear): {_described(load_dicom_series(corrected))}"
    except ConversionError as error:
        return f"; if correction is asked for (tilt=shear): {what_was_found(error)}"


def _volume(folder: Path, read: CtImage) -> Volume:
    grid = sitk.Image(read.image.GetSize(), sitk.sitkUInt8)
    grid.CopyInformation(read.image)
    return Volume(folder, grid)


def _described(read: CtImage) -> str:
    values = sitk.GetArrayViewFromImage(read.image)
    grid = grid_of(read.image)
    spacing = " x ".join(f"{mm:.4g}" for mm in grid.spacing_mm)
    kernel = f", kernel {read.facts['kernel']}" if read.facts.get("kernel") else ""
    return f"{_size(grid.size_xyz)}, {spacing} mm, {values.min():g} to {values.max():g} HU{kernel}"


def _size(size_xyz: tuple[int, ...]) -> str:
    return " x ".join(str(n) for n in size_xyz)


def _is_label_map(voxels: np.ndarray) -> bool:
    if not np.isfinite([voxels.min(), voxels.max()]).all() or voxels.min() < 0 or voxels.max() > _LARGEST_LABEL:
        return False
    values = np.unique(voxels)
    return len(values) <= _MOST_LABELS and bool(np.array_equal(values, np.rint(values)))

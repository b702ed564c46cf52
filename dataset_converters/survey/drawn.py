"""Contours, segments and boxes for the survey, each on the CT it was drawn on: voxels of every structure."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from dataset_converters.annotations.dicom_seg import list_segments, read_segments
from dataset_converters.annotations.rtstruct import list_rois, rasterise_rtstruct
from dataset_converters.annotations.structure_set import read_structures
from dataset_converters.annotations.xml_contours import read_boxes
from dataset_converters.dicom.series import DicomSeries, inspect_dicom_series
from dataset_converters.dicom.tree import FoundSeries, ct_of
from dataset_converters.errors import ConversionError
from dataset_converters.privacy.found_text import what_was_found
from dataset_converters.privacy.known_texts import shown_texts
from dataset_converters.survey.reading import Reading

_NAME = "survey"
_SHOWN = 8


def survey_contours(file: Path, drawn: FoundSeries, found: Sequence[FoundSeries]) -> Reading:
    """Rasterise every ROI of a contour set; a refused one is noted."""
    structures = read_structures(file, dataset=_NAME, case="")
    series, grid = _drawn_on(drawn, found)
    frame = series.frame_of_reference
    masks, refusals = [], []
    for name in list_rois(structures, dataset=_NAME, case=""):
        try:
            mask = rasterise_rtstruct(structures, name, grid, dataset=_NAME, case="", frame_of_reference=frame)
            masks.append((name, mask))
        except ConversionError as error:
            refusals.append(what_was_found(error))
    return _outcome("ROIs", masks, refusals)


def survey_segments(file: Path, drawn: FoundSeries, found: Sequence[FoundSeries]) -> Reading:
    """Read every segment of a DICOM SEG by itself, so that overlaps do no harm; refused ones are noted."""
    names = list_segments(file, dataset=_NAME, case="")
    series, grid = _drawn_on(drawn, found)
    repeated = {name for name, count in Counter(names).items() if count > 1}
    masks, refusals = [], []
    for number, name in enumerate(names, start=1):
        wanted = {f"#{number}" if name in repeated or not name else name: 1}
        try:
            mask = read_segments(
                file,
                grid,
                segments=wanted,
                dataset=_NAME,
                case="",
                frame_of_reference=series.frame_of_reference,
            )
            masks.append((name, mask))
        except ConversionError as error:
            refusals.append(what_was_found(error))
    return _outcome("segments", masks, refusals)


def survey_boxes(folder: Path, found: Sequence[FoundSeries]) -> Reading:
    """Put the boxes of a folder of ``<SOPInstanceUID>.xml`` files on every CT series they were drawn on."""
    names = {path.name.removesuffix(".xml") for path in folder.glob("*.xml")}
    parts = []
    for one in found:
        if one.modality == "CT" and any(str(header.get("SOPInstanceUID")) in names for header in one.headers):
            series = inspect_dicom_series(list(one.headers), dataset=_NAME, case="")
            mask = read_boxes(folder, _empty(series), slice_uids=series.sop_instance_uids, dataset=_NAME, case="")
            values = sitk.GetArrayViewFromImage(mask)
            slices = int(values.any(axis=(1, 2)).sum())
            parts.append(
                f"{slices} slices, {int(values.sum())} voxels on kernel {series.facts.get('kernel', 'not given')}"
            )
    return Reading("; ".join(parts)) if parts else Reading(note="no CT series of these slices")


def _drawn_on(drawn: FoundSeries, found: Sequence[FoundSeries]) -> tuple[DicomSeries, sitk.Image]:
    near = _nearby(drawn, found)
    if drawn.references and not any(one.uid in drawn.references for one in near):
        raise ConversionError(
            _NAME,
            "",
            found="a drawing on a CT series that is not among the files",
            wanted="the series it names",
            action="add the CT series",
        )
    scan = ct_of(near, drawn, dataset=_NAME, case="")
    series = inspect_dicom_series(list(scan.headers), dataset=_NAME, case="")
    return series, _empty(series)


def _nearby(drawn: FoundSeries, found: Sequence[FoundSeries]) -> list[FoundSeries]:
    """The series below the folder above the drawing's: a patient or study holds images and drawings side by side."""
    above = drawn.files[0].parent.parent
    near = [one for one in found if above in one.files[0].parents]
    return near if any(one.modality == "CT" for one in near) else list(found)


def _empty(series: DicomSeries) -> sitk.Image:
    return series.on_grid(np.zeros(series.size_xyz[::-1], np.uint8))


def _outcome(kind: str, masks: Sequence[tuple[str, sitk.Image]], refusals: Sequence[str]) -> Reading:
    parts = []
    for name, mask in masks[:_SHOWN]:
        voxels = int(np.count_nonzero(sitk.GetArrayViewFromImage(mask)))
        volume_ml = voxels * float(np.prod(mask.GetSpacing())) / 1000
        parts.append(f"{shown_texts([name])}: {voxels} voxels ({volume_ml:.4g} ml)")
    note = "; ".join(dict.fromkeys(refusals))
    if not masks:
        return Reading(refused=note or f"no {kind}")
    return Reading(f"{len(masks)} {kind}: {'; '.join(parts)}", note=note)

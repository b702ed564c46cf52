"""Regions of interest in text files, by hand."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from dataset_converters.annotations.text_rois import read_text_rois
from dataset_converters.errors import ConversionError
from dataset_converters.records import IGNORED

WHERE = {"dataset": "demo", "case": "C1"}
LABELS = {"healthy": 1, "fibrosis": 4}
SLICES = {1: 2, 2: 1, 3: 0}  # the file counts from the head
HEADER = "Study: 1.2.3\nSeries: 1.2.4\nSpacingX: 0.5\nSpacingY: 1.25\nSpacingZ: 10\n"


def _grid() -> sitk.Image:
    grid = sitk.Image(6, 5, 3, sitk.sitkInt16)
    grid.SetSpacing((0.5, 1.25, 10.0))
    return grid


def _contour(x0: float, y0: float, x1: float, y1: float) -> str:
    points = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    return "nb_points_on_contour: 4\n" + "".join(f"{x} {y}\n" for x, y in points)


def _file(path: Path, body: str) -> Path:
    path.write_text(HEADER + body)
    return path


def test_millimetres_slices_and_what_nobody_marked(tmp_path: Path) -> None:
    body = (
        f"label: fibrosis\nslice_number: 1\n{_contour(0.3, 0.7, 1.7, 3.0)}\nslice_number: 3\n{_contour(0, 0, 1, 1.5)}"
    )
    path = _file(tmp_path / "CT.txt", body)
    labels = sitk.GetArrayFromImage(read_text_rois(path, _grid(), labels=LABELS, slices=SLICES, **WHERE))
    assert np.argwhere(labels == 4).tolist() == [
        *([0, y, x] for y in (0, 1) for x in (0, 1)),
        *([2, y, x] for y in (1, 2) for x in (1, 2, 3)),
    ]
    assert (labels[labels != 4] == IGNORED).all()
    pixels = read_text_rois(path, _grid(), labels=LABELS, slices=SLICES, unit="pixel", unmarked=0, **WHERE)
    assert np.argwhere(sitk.GetArrayFromImage(pixels)[2]).tolist() == [[1, 1], [2, 1]]


def test_regions_of_two_labels_leave_their_overlap_open_and_of_one_join(tmp_path: Path) -> None:
    first, second = _contour(0.25, 1, 1.25, 2), _contour(0.75, 1, 1.75, 2)
    body = f"label: healthy\nslice_number: 1\n{first}label: Fibrosis\nslice_number: 1\n{second}"
    labels = read_text_rois(_file(tmp_path / "a.txt", body), _grid(), labels=LABELS, slices=SLICES, **WHERE)
    assert sitk.GetArrayFromImage(labels)[2, 1].tolist() == [IGNORED, 1, IGNORED, 4, IGNORED, IGNORED]
    joined = body.replace("Fibrosis", "healthy")
    labels = read_text_rois(_file(tmp_path / "a.txt", joined), _grid(), labels=LABELS, slices=SLICES, **WHERE)
    assert sitk.GetArrayFromImage(labels)[2, 1].tolist() == [IGNORED, 1, 1, 1, IGNORED, IGNORED]


FAULTS = {
    "pixels called mm": ("0.3 0.7", "5.0 3.0", r"points up to 5 on a slice of 6 x 5 pixels of 0\.5 x 1\.25 mm"),
    "negative": ("0.3 0.7", "-0.3 0.7", "inside the slice, in mm"),
    "label": ("fibrosis", "DOE JOHN", "labels 1 with words that are not shown; wanted only healthy, fibrosis"),
    "slice": ("slice_number: 1", "slice_number: 9", "a contour on slice 9"),
    "no slice": ("slice_number: 1\n", "", "without slice_number"),
    "too few": ("contour: 4", "contour: 5", "without 5 points"),
    "many": ("contour: 4", "contour: 99999999999", "without nb_points_on_contour"),
    "text": ("0.3 0.7", "DOE 0.7", "without 4 points"),
    "spacing": ("SpacingX: 0.5", "SpacingX: 0.7", "spacing 0.7 mm of the pixels; wanted 0.5 mm"),
    "no label": ("label: fibrosis", "", "without label"),
    "no contours": ("nb_points", "points", "no contours"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_named_without_quoting_the_file(tmp_path: Path, fault: str) -> None:
    old, new, message = FAULTS[fault]
    path = _file(tmp_path / "DOE.txt", f"label: fibrosis\nslice_number: 1\n{_contour(0.3, 0.7, 1.7, 3.0)}")
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(ConversionError, match=r"^demo: C1: found a \.txt file: .*; wanted .*; ") as caught:
        read_text_rois(path, _grid(), labels=LABELS, slices=SLICES, **WHERE)
    assert caught.match(message)
    assert "DOE" not in str(caught.value)

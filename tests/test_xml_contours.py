"""LIDC-IDRI readings and boxes in XML, by hand; hostile XML is refused."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from dataset_converters.annotations.safe_xml import read_xml
from dataset_converters.annotations.xml_contours import read_boxes, read_lidc
from dataset_converters.errors import ConversionError
from dataset_converters.volumes.stored_voxels import UnreadableFileError

WHERE = {"dataset": "demo", "case": "C1"}
UIDS = ("1.2.840.1", "1.2.840.2", "1.2.840.3")


def _grid() -> sitk.Image:
    grid = sitk.Image(8, 7, 3, sitk.sitkInt16)
    grid.SetSpacing((0.5, 0.5, 2.5))
    grid.SetOrigin((-40.0, 12.5, -300.0))
    return grid


def _ring(x0: int, y0: int, x1: int, y1: int) -> list[tuple[int, int]]:
    """Pixels on the border of a rectangle, clockwise, the first one again at the end."""
    top = [(x, y0) for x in range(x0, x1)]
    right = [(x1, y) for y in range(y0, y1)]
    bottom = [(x, y1) for x in range(x1, x0, -1)]
    return [*top, *right, *bottom, *((x0, y) for y in range(y1, y0, -1)), (x0, y0)]


def _roi(index: int, points: list[tuple[int, int]], *, inclusion: str = "TRUE") -> str:
    edges = "".join(f"<edgeMap><xCoord>{x}</xCoord><yCoord>{y}</yCoord></edgeMap>" for x, y in points)
    return (
        f"<roi><imageZposition>{-300 + 2.5 * index}</imageZposition><imageSOP_UID>{UIDS[index]}</imageSOP_UID>"
        f"<inclusion>{inclusion}</inclusion>{edges}</roi>"
    )


def _lidc(path: Path, *sessions: str) -> Path:
    body = "".join(
        f"<readingSession><servicingRadiologistID>DOE</servicingRadiologistID>{session}</readingSession>"
        for session in sessions
    )
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?><LidcReadMessage uid="1.3.6" xmlns="http://www.nih.gov"><ResponseHeader>'
        f"<DateRequest>2004-06-04</DateRequest></ResponseHeader>{body}</LidcReadMessage>"
    )
    return path


def _nodule(*rois: str, tag: str = "unblindedReadNodule") -> str:
    return f"<{tag}><noduleID>1</noduleID>{''.join(rois)}</{tag}>"


@pytest.mark.parametrize("uids", [(), UIDS])
def test_outline_is_outside_and_hole_is_taken_out(tmp_path: Path, uids: tuple[str, ...]) -> None:
    nodule = _nodule(
        _roi(1, _ring(3, 2, 4, 3), inclusion="FALSE"), _roi(1, _ring(0, 0, 6, 6)), _roi(2, _ring(1, 1, 3, 3))
    )
    point, other = _nodule(_roi(0, [(4, 4)])), _nodule(_roi(0, _ring(1, 1, 4, 4)), tag="nonNodule")
    first, second = read_lidc(
        _lidc(tmp_path / "069.xml", nodule + point + other, point), _grid(), slice_uids=uids, **WHERE
    )
    mask = sitk.GetArrayFromImage(first)
    assert mask[1].tolist() == [
        [0, 0, 0, 0, 0, 0, 0, 0],
        [0, 1, 1, 1, 1, 1, 0, 0],
        [0, 1, 1, 0, 0, 1, 0, 0],
        [0, 1, 1, 0, 0, 1, 0, 0],
        [0, 1, 1, 1, 1, 1, 0, 0],
        [0, 1, 1, 1, 1, 1, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0],
    ]
    assert np.argwhere(mask[2]).tolist() == [[2, 2]]
    assert not mask[0].any()
    assert not sitk.GetArrayFromImage(second).any()


def test_hole_of_one_nodule_is_not_taken_out_of_another(tmp_path: Path) -> None:
    ringed = _nodule(_roi(0, _ring(0, 0, 6, 6)), _roi(0, _ring(1, 1, 5, 5), inclusion="FALSE"))
    core = _nodule(_roi(0, _ring(2, 2, 4, 4)))
    (mask,) = read_lidc(_lidc(tmp_path / "1.xml", core + ringed), _grid(), **WHERE)
    assert np.argwhere(sitk.GetArrayFromImage(mask)).tolist() == [[0, 3, 3]]


def test_distant_points_are_joined_by_the_line_between_them(tmp_path: Path) -> None:
    sparse = _nodule(_roi(0, [(1, 1), (5, 1), (5, 5), (1, 5)]))
    (mask,) = read_lidc(_lidc(tmp_path / "1.xml", sparse), _grid(), **WHERE)
    (dense,) = read_lidc(_lidc(tmp_path / "1.xml", _nodule(_roi(0, _ring(1, 1, 5, 5)))), _grid(), **WHERE)
    assert sitk.GetArrayFromImage(mask).tolist() == sitk.GetArrayFromImage(dense).tolist()
    assert sitk.GetArrayFromImage(mask).sum() == 9


LIDC_FAULTS = {
    "between slices": ("<imageZposition>-297.5<", "<imageZposition>-297<", "a contour at z = -297 mm; wanted 3 slices"),
    "no number": ("<xCoord>1</xCoord>", "<xCoord>DOE</xCoord>", "xCoord that is no number"),
    "half": ("<xCoord>1</xCoord>", "<xCoord>1.5</xCoord>", "between pixels"),
    "outside": ("<xCoord>4</xCoord>", "<xCoord>8</xCoord>", "outside the slice; wanted 8 columns, 7 rows"),
    "inclusion": ("TRUE", "DOE", "another inclusion"),
    "no coordinate": ("<yCoord>1</yCoord>", "", "without yCoord"),
    "no session": ("readingSession", "reading", "no reading session"),
    "entity": ("<LidcReadMessage", '<!DOCTYPE a [<!ENTITY b "DOE">]><LidcReadMessage', "document type or entities"),
    "cut": ("</LidcReadMessage>", "", "no well-formed XML"),
    "encoding": ("UTF-8", "DOE-9", "no well-formed XML"),
}


@pytest.mark.parametrize("fault", LIDC_FAULTS)
def test_lidc_fault_is_named_without_quoting_the_file(tmp_path: Path, fault: str) -> None:
    old, new, message = LIDC_FAULTS[fault]
    path = _lidc(tmp_path / "DOE_JOHN.xml", _nodule(_roi(1, _ring(1, 1, 4, 4))))
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ConversionError, match=r"^demo: C1: found a \.xml file: .*; wanted .*; ") as caught:
        read_lidc(path, _grid(), **WHERE)
    assert caught.match(message)
    assert "DOE" not in str(caught.value)


def test_slices_of_another_series(tmp_path: Path) -> None:
    path = _lidc(tmp_path / "1.xml", _nodule(_roi(1, _ring(1, 1, 4, 4))))
    with pytest.raises(ConversionError, match="a slice that the series does not have") as caught:
        read_lidc(path, _grid(), slice_uids=("1.2.3", "1.2.4", "1.2.5"), **WHERE)
    assert "1.2.840" not in str(caught.value)
    with pytest.raises(ConversionError, match="2 slices with a UID; wanted 3"):
        read_lidc(path, _grid(), slice_uids=UIDS[:2], **WHERE)


def _box(path: Path, name: str, box: tuple[int, int, int, int], *, width: int = 8) -> None:
    left, top, right, bottom = box
    path.write_text(
        f"<annotation><size><width>{width}</width><height>7</height></size><object><name>{name}</name><bndbox><xmin>{left}"
        f"</xmin><ymin>{top}</ymin><xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox></object></annotation>"
    )


def test_boxes_by_hand_with_those_of_other_series_left_out(tmp_path: Path) -> None:
    _box(tmp_path / f"{UIDS[0]}.xml", "A", (1, 2, 3, 2))
    _box(tmp_path / f"{UIDS[2]}.xml", "B", (7, 6, 7, 6))
    _box(tmp_path / "1.9.9.xml", "A", (0, 0, 7, 6))
    mask = sitk.GetArrayFromImage(read_boxes(tmp_path, _grid(), slice_uids=UIDS, **WHERE))
    assert np.argwhere(mask).tolist() == [[0, 2, 1], [0, 2, 2], [0, 2, 3], [2, 6, 7]]
    only = sitk.GetArrayFromImage(read_boxes(tmp_path, _grid(), slice_uids=UIDS, names=("B",), **WHERE))
    assert np.argwhere(only).tolist() == [[2, 6, 7]]


@pytest.mark.parametrize(
    ("box", "width", "message"),
    [
        ((1, 2, 8, 2), 8, "a box outside the slice"),
        ((3, 2, 1, 2), 8, "a box outside the slice"),
        ((1, 2, 3, 2), 512, "no boxes on slices of this size; wanted 8 columns, 7 rows"),
    ],
)
def test_box_that_does_not_fit(tmp_path: Path, box: tuple, width: int, message: str) -> None:
    _box(tmp_path / f"{UIDS[1]}.xml", "A", box, width=width)
    with pytest.raises(ConversionError, match=f"found box file 1 of this series .*{message}") as caught:
        read_boxes(tmp_path, _grid(), slice_uids=UIDS, **WHERE)
    assert "1.2.840" not in str(caught.value)


def test_no_boxes_for_the_series(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="no box file for any slice"):
        read_boxes(tmp_path, _grid(), slice_uids=UIDS, **WHERE)


HOSTILE = {
    "entities": '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>',
    "file": '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "external type": '<!DOCTYPE a SYSTEM "http://localhost/a.dtd"><a/>',
    "deep": "<a>" * 200_000,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_xml_is_refused(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a.xml").write_text(HOSTILE[kind])
    with pytest.raises(UnreadableFileError, match=r"document type or entities|more or deeper elements"):
        read_xml(tmp_path / "a.xml")


def test_real_boxes_lie_on_tumour_not_on_air(shared_data: Path, lung_dx_root: Path) -> None:
    for folder, slices in (("2.000000", range(41, 52)), ("3.000000", range(42, 51))):
        (series,) = [path for path in lung_dx_root.rglob(f"{folder}*") if path.is_dir()]
        headers = [pydicom.dcmread(path) for path in series.glob("*.dcm")]
        headers.sort(key=lambda header: float(header.ImagePositionPatient[2]))
        grid = sitk.Image(512, 512, len(headers), sitk.sitkInt16)
        uids = [str(header.SOPInstanceUID) for header in headers]
        boxes = read_boxes(shared_data / "lung_dx_a0001" / "tumour_boxes_xml", grid, slice_uids=uids, **WHERE)
        mask = sitk.GetArrayFromImage(boxes)
        assert np.flatnonzero(mask.any(axis=(1, 2))).tolist() == list(slices)
        middle = slices[len(slices) // 2]
        hu = headers[middle].pixel_array * float(headers[middle].RescaleSlope) + float(headers[middle].RescaleIntercept)
        assert np.median(hu[mask[middle] > 0]) > -200

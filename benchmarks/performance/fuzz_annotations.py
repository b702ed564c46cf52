"""The tiny annotations that fuzzing damages, DICOM SEG and XML: written, read by us, and read by plain arithmetic."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from numpy.typing import NDArray

from benchmarks.performance.fuzz_readings import (
    NotComparableError,
    Reading,
    inside_polygon,
    plain_float,
    read_dicom,
    reading_of,
)
from dataset_converters.annotations.dicom_seg import read_segments
from dataset_converters.annotations.dicom_seg_sample import write_seg
from dataset_converters.annotations.xml_contours import read_boxes, read_lidc

FRAME = "1.2.826.0.1.3680043.8.498.1"
_SEGMENTS = {"lung": 1, "disease": 2}
_SLICES = ("1.2.3.0", "1.2.3.1", "1.2.3.2")
_RINGS = {0: [(2, 2), (6, 2), (9, 5), (6, 8), (2, 8)], 2: [(3, 3), (8, 3), (8, 7), (3, 7)]}


def annotated_grid() -> sitk.Image:
    """Return the empty image that all annotations lie on."""
    image = sitk.Image([12, 10, 3], sitk.sitkInt16)
    image.SetSpacing((0.7, 0.9, 2.5))
    image.SetOrigin((-20.0, 10.0, -300.0))
    return image


def write_segments(folder: Path, *, kind: str = "BINARY") -> None:
    """Write two segments that do not overlap, one of them on two slices."""
    lung, disease = np.zeros((2, 3, 10, 12), np.uint8)
    lung[0, 2:5, 3:9] = lung[2, 4:8, 1:7] = disease[2, 1:3, 6:10] = 1
    masks = {}
    for name, mask in (("lung", lung), ("disease", disease)):
        masks[name] = sitk.GetImageFromArray(mask)
        masks[name].CopyInformation(annotated_grid())
    write_seg(folder / "seg.dcm", masks, frame_of_reference=FRAME, kind=kind)  # type: ignore[arg-type]


def read_segment_file(folder: Path) -> sitk.Image:
    """Read the segments as a converter does."""
    return read_segments(
        folder / "seg.dcm",
        annotated_grid(),
        segments=_SEGMENTS,
        dataset="fuzz",
        case="input",
        frame_of_reference=FRAME,
    )


def reread_segment_file(folder: Path) -> Reading:
    """Place every frame by its position, for files of unchanged orientation and spacing."""
    file, grid = read_dicom(folder / "seg.dcm"), annotated_grid()
    planes = _planes(file)
    shared = file.SharedFunctionalGroupsSequence[0]
    axes = [float(value) for value in shared.PlaneOrientationSequence[0].ImageOrientationPatient]
    spacing = [float(value) for value in shared.PixelMeasuresSequence[0].PixelSpacing]
    if axes != [1, 0, 0, 0, 1, 0] or spacing != [0.9, 0.7]:
        raise NotComparableError("another orientation or spacing")
    numbers = {str(item.SegmentLabel).strip(): int(item.SegmentNumber) for item in file.SegmentSequence}
    values = {numbers[name]: value for name, value in _SEGMENTS.items()}
    labels = np.zeros(grid.GetSize()[::-1], np.uint8)
    for plane, groups in zip(planes, file.PerFrameFunctionalGroupsSequence, strict=True):
        place = [float(value) for value in groups.PlanePositionSequence[0].ImagePositionPatient]
        x, y, z = (round(value) for value in grid.TransformPhysicalPointToContinuousIndex(place))
        block = labels[z, y : y + plane.shape[0], x : x + plane.shape[1]]
        for number, value in values.items():
            if "SegmentIdentificationSequence" not in groups:
                block[plane == number] = value
            elif groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber == number:
                block[plane > 0] = value
    return Reading(labels, reading_of(grid).affine_lps)


def write_readings(folder: Path) -> None:
    """Write an LIDC-IDRI reading session with a nodule on two slices, one of them with a hole."""
    rois = [_roi(_SLICES[z], ring, "TRUE") for z, ring in _RINGS.items()]
    rois.append(_roi(_SLICES[2], [(5, 5), (6, 5), (6, 6), (5, 6)], "FALSE"))
    nodule = f"<unblindedReadNodule><noduleID>1</noduleID>{''.join(rois)}</unblindedReadNodule>"
    text = f'<LidcReadMessage xmlns="http://www.nih.gov"><readingSession>{nodule}</readingSession></LidcReadMessage>'
    (folder / "readings.xml").write_text(f'<?xml version="1.0" encoding="UTF-8"?>{text}')


def write_boxes(folder: Path) -> None:
    """Write one box in the form of Pascal VOC."""
    box = "<bndbox><xmin>2</xmin><ymin>3</ymin><xmax>7</xmax><ymax>6</ymax></bndbox>"
    size = "<size><width>12</width><height>10</height><depth>1</depth></size>"
    text = f"<annotation><folder>x</folder>{size}<object><name>A</name>{box}</object></annotation>"
    (folder / f"{_SLICES[1]}.xml").write_text(text)


def read_xml_file(folder: Path) -> sitk.Image:
    """Read whichever of the two the folder holds."""
    grid = annotated_grid()
    if (folder / "readings.xml").exists():
        return read_lidc(folder / "readings.xml", grid, slice_uids=_SLICES, dataset="fuzz", case="input")[0]
    return read_boxes(folder, grid, slice_uids=_SLICES, dataset="fuzz", case="input")


def reread_xml_file(folder: Path) -> Reading:
    """Read the numbers with the standard library; only outlines of straight and diagonal steps are compared."""
    grid = annotated_grid()
    (path,) = folder.iterdir()
    root = ElementTree.fromstring(path.read_bytes())
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    mask = np.zeros(grid.GetSize()[::-1], np.uint8)
    if path.name == "readings.xml":
        for nodule in root.findall("readingSession")[0].iter("unblindedReadNodule"):
            _draw_nodule(mask, nodule)
    else:
        for box in root.iterfind(".//object/bndbox"):
            left, top, right, bottom = (int(plain_float(box.findtext(n, ""))) for n in ("xmin", "ymin", "xmax", "ymax"))
            mask[1, top : bottom + 1, left : right + 1] = 1
    return Reading(mask, reading_of(grid).affine_lps)


def _planes(file: pydicom.Dataset) -> NDArray[np.uint8]:
    shape = (int(file.NumberOfFrames), int(file.Rows), int(file.Columns))
    if file.file_meta.TransferSyntaxUID.is_encapsulated or int(file.BitsAllocated) not in (1, 8):
        raise NotComparableError("compressed or of another depth")
    content = np.frombuffer(file.PixelData, np.uint8)
    if int(file.BitsAllocated) == 1:
        content = np.unpackbits(content, bitorder="little")
    return content[: int(np.prod(shape))].reshape(shape)


def _roi(uid: str, ring: list[tuple[int, int]], inclusion: str) -> str:
    edges = "".join(f"<edgeMap><xCoord>{x}</xCoord><yCoord>{y}</yCoord></edgeMap>" for x, y in [*ring, ring[0]])
    head = f"<imageZposition>0</imageZposition><imageSOP_UID>{uid}</imageSOP_UID><inclusion>{inclusion}</inclusion>"
    return f"<roi>{head}{edges}</roi>"


def _draw_nodule(mask: NDArray[np.uint8], nodule: ElementTree.Element) -> None:
    own = np.zeros_like(mask)
    rois = sorted(nodule.iter("roi"), key=lambda roi: roi.findtext("inclusion", "").strip().upper() != "TRUE")
    for roi in rois:
        points = [
            (int(plain_float(e.findtext("xCoord", ""))), int(plain_float(e.findtext("yCoord", ""))))
            for e in roi.iter("edgeMap")
        ]
        points = points[:-1] if len(points) > 1 and points[0] == points[-1] else points
        if len(points) < 3:
            continue
        z = _SLICES.index(roi.findtext("imageSOP_UID", "").strip())
        part, edge = inside_polygon(np.array(points, float), mask.shape[1:]) > 0, _edge(points, mask.shape[1:])
        if roi.findtext("inclusion", "").strip().upper() == "TRUE":
            own[z] |= part & ~edge
        else:
            own[z] &= ~(part | edge)
    mask |= own


def _edge(points: list[tuple[int, int]], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    edge = np.zeros(shape, bool)
    for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[0]], strict=True):
        steps = max(abs(x1 - x0), abs(y1 - y0))
        if min(abs(x1 - x0), abs(y1 - y0)) not in (0, steps):
            raise NotComparableError("an oblique outline")
        for step in range(steps + 1):
            edge[y0 + step * np.sign(y1 - y0), x0 + step * np.sign(x1 - x0)] = True
    return edge

"""Contours and boxes of readers in XML: LIDC-IDRI readings, and boxes in the form of Pascal VOC."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar
from xml.etree.ElementTree import Element

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from dataset_converters.annotations.polygon_fill import fill_even_odd
from dataset_converters.annotations.safe_xml import read_xml
from dataset_converters.errors import ConversionError
from dataset_converters.privacy.shown_name import shown_name
from dataset_converters.volumes.stored_voxels import UnreadableFileError

SLICE_TOLERANCE_MM = 0.05
"""Largest distance of a contour's imageZposition from the slice it is put on."""

_T = TypeVar("_T")


def read_lidc(
    file: Path, grid: sitk.Image, *, dataset: str, case: str, slice_uids: Sequence[str] = ()
) -> tuple[sitk.Image, ...]:
    """Nodules (3 mm or larger) of every reading session of an LIDC-IDRI file: uint8 masks, 1 inside, in file order.

    An outline's pixels lie just outside the nodule (LIDC-IDRI XML documentation), so they are not part of the mask;
    of an outline with ``inclusion`` FALSE, a hole, both pixels and inside are taken out. Nodules of a single point
    and non-nodules are left out: they have no outline. A session without nodules gives an empty mask.

    Parameters
    ----------
    file : Path
        ``LidcReadMessage`` XML.
    grid : SimpleITK.Image
        The CT the readers saw, x along the columns and y along the rows of its slices.
    slice_uids : sequence of str
        SOPInstanceUID of every slice by z index; without them, contours are placed by ``imageZposition`` on an axial
        grid.

    Raises
    ------
    ConversionError
        Not such a file, contours on slices the grid does not have, or outside the slice.
    """

    def read() -> tuple[sitk.Image, ...]:
        root = read_xml(file)
        sessions = [element for element in root if element.tag == "readingSession"]
        if root.tag != "LidcReadMessage" or not sessions:
            raise UnreadableFileError(found="no reading session", wanted="a LidcReadMessage with readingSession")
        places = _slices(grid, slice_uids)
        return tuple(_session_mask(session, grid, places) for session in sessions)

    return _converted(read, file, dataset, case)


def read_boxes(
    folder: Path,
    grid: sitk.Image,
    *,
    slice_uids: Sequence[str],
    dataset: str,
    case: str,
    names: Sequence[str] = (),
) -> sitk.Image:
    """Boxes around lesions as a uint8 mask: 1 in every box, its border pixels included.

    Parameters
    ----------
    folder : Path
        ``<SOPInstanceUID>.xml`` files with ``object``/``bndbox``; files of other series do not count.
    grid : SimpleITK.Image
        The CT, x along the columns and y along the rows of its slices.
    slice_uids : sequence of str
        SOPInstanceUID of every slice by z index.
    names : sequence of str
        Names of objects that count; empty for all.

    Raises
    ------
    ConversionError
        No file for this series, no such form, or a box outside the slice.
    """
    places = {f"{uid}.xml": index for index, uid in enumerate(slice_uids)}
    files = sorted(path for path in folder.glob("*.xml") if path.name in places)
    if not files:
        raise ConversionError(
            dataset,
            case,
            found="no box file for any slice of the series",
            wanted="<SOPInstanceUID>.xml files",
            action="give the folder of this patient's boxes, and the series they were drawn on",
        )
    mask = np.zeros(grid.GetSize()[::-1], np.uint8)
    for position, path in enumerate(files):
        boxes = _converted(partial(_boxes, path, mask.shape[1:], names), path, dataset, case, position)
        for left, top, right, bottom in boxes:
            mask[places[path.name], top : bottom + 1, left : right + 1] = 1
    return _image(mask, grid)


def _converted(read: Callable[[], _T], file: Path, dataset: str, case: str, position: int | None = None) -> _T:
    try:
        return read()
    except UnreadableFileError as error:
        name = shown_name(file) if position is None else f"box file {position + 1} of this series (sorted by name)"
        raise ConversionError(
            dataset,
            case,
            found=f"{name}: {error.found}",
            wanted=error.wanted,
            action="use the file of this series, or download it again",
        ) from None


def _slices(grid: sitk.Image, slice_uids: Sequence[str]) -> Callable[[Element], int]:
    """Return the function that gives the z index of an ``roi`` element."""
    depth = grid.GetSize()[2]
    if slice_uids:
        if len(slice_uids) != depth:
            raise UnreadableFileError(found=f"{len(slice_uids)} slices with a UID", wanted=f"{depth}, one per slice")
        places = {uid: index for index, uid in enumerate(slice_uids)}
        return lambda roi: _known_slice(places, _text(roi, "imageSOP_UID"))
    axis = np.reshape(grid.GetDirection(), (3, 3))[:, 2]
    if abs(axis[2]) < 1 - 1e-6:
        raise UnreadableFileError(found="a tilted grid and no UIDs of slices", wanted="the UIDs of the slices")
    origin, step = grid.GetOrigin()[2], grid.GetSpacing()[2] * float(axis[2])
    return lambda roi: _slice_at(_number(roi, "imageZposition"), origin, step, depth)


def _known_slice(places: Mapping[str, int], uid: str) -> int:
    if uid not in places:
        raise UnreadableFileError(found="a contour on a slice that the series does not have", wanted="its own series")
    return places[uid]


def _slice_at(z_mm: float, origin: float, step: float, depth: int) -> int:
    index = round((z_mm - origin) / step)
    if not 0 <= index < depth or abs(origin + index * step - z_mm) > SLICE_TOLERANCE_MM:
        raise UnreadableFileError(
            found=f"a contour at z = {z_mm:g} mm", wanted=f"{depth} slices from {origin:g} mm, {step:g} mm apart"
        )
    return index


def _session_mask(session: Element, grid: sitk.Image, slice_of: Callable[[Element], int]) -> sitk.Image:
    mask = np.zeros(grid.GetSize()[::-1], bool)
    for nodule in session.iter("unblindedReadNodule"):
        parts = np.zeros_like(mask)
        outlines = [(slice_of(roi), _is_part(roi), _outline(roi)) for roi in nodule.iter("roi")]
        for index, part, outline in sorted(outlines, key=lambda item: not item[1]):  # holes last
            if len(outline) < 3:
                continue
            inside, edge = _filled(outline, mask.shape[1:])
            parts[index] = parts[index] | (inside & ~edge) if part else parts[index] & ~(inside | edge)
        mask |= parts
    return _image(mask.astype(np.uint8), grid)


def _is_part(roi: Element) -> bool:
    text = _text(roi, "inclusion").upper()
    if text not in ("TRUE", "FALSE"):
        raise UnreadableFileError(found="an outline with another inclusion", wanted="TRUE or FALSE")
    return text == "TRUE"


def _outline(roi: Element) -> NDArray[np.int64]:
    """Return the pixels (column, row) of an outline, without the repeated first one."""
    points = [(_number(edge, "xCoord"), _number(edge, "yCoord")) for edge in roi.iter("edgeMap")]
    whole = np.array([(int(x), int(y)) for x, y in points], np.int64).reshape(-1, 2)
    if any(x != int(x) or y != int(y) for x, y in points):
        raise UnreadableFileError(found="an outline between pixels", wanted="whole columns and rows")
    return whole[:-1] if len(whole) > 1 and (whole[0] == whole[-1]).all() else whole


def _filled(outline: NDArray[np.int64], size_yx: tuple[int, ...]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the pixels inside an outline, and those on it (between distant points, on the line)."""
    rows, columns = size_yx
    if outline.min() < 0 or (outline >= (columns, rows)).any():
        raise UnreadableFileError(found="an outline outside the slice", wanted=f"{columns} columns, {rows} rows")
    edge = np.zeros((rows, columns), bool)
    for start, end in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        steps = int(np.abs(end - start).max()) + 1
        line = np.rint(np.linspace(start, end, steps)).astype(int)
        edge[line[:, 1], line[:, 0]] = True
    return fill_even_odd([outline.astype(float)], (rows, columns)), edge


def _boxes(file: Path, size_yx: tuple[int, ...], names: Sequence[str]) -> list[tuple[int, int, int, int]]:
    root = read_xml(file)
    rows, columns = size_yx
    stated = root.find("size")
    if root.tag != "annotation" or (
        stated is not None and (_pixels(stated, "width"), _pixels(stated, "height")) != (columns, rows)
    ):
        raise UnreadableFileError(found="no boxes on slices of this size", wanted=f"{columns} columns, {rows} rows")
    boxes = []
    for item in root.iter("object"):
        box = item.find("bndbox")
        if names and _text(item, "name") not in names:
            continue
        if box is None:
            raise UnreadableFileError(found="an object without bndbox", wanted="xmin, ymin, xmax, ymax")
        left, top, right, bottom = (_pixels(box, name) for name in ("xmin", "ymin", "xmax", "ymax"))
        if not (0 <= left <= right < columns and 0 <= top <= bottom < rows):
            raise UnreadableFileError(found="a box outside the slice", wanted=f"{columns} columns, {rows} rows")
        boxes.append((left, top, right, bottom))
    return boxes


def _pixels(element: Element, name: str) -> int:
    value = _number(element, name)
    if value != int(value):
        raise UnreadableFileError(found=f"{name} between pixels", wanted="a whole number")
    return int(value)


def _number(element: Element, name: str) -> float:
    try:
        text = _text(element, name)
        value = float(text.replace("_", "?")) if text.isascii() else np.nan  # Python alone knows 1_000 and other digits
    except ValueError:
        value = np.nan
    if not abs(value) < 1e6:
        raise UnreadableFileError(found=f"{name} that is no number", wanted="a number")
    return value


def _text(element: Element, name: str) -> str:
    found = element.find(name)
    if found is None:
        raise UnreadableFileError(found=f"an element without {name}", wanted=name)
    return (found.text or "").strip()


def _image(mask: NDArray[np.uint8], grid: sitk.Image) -> sitk.Image:
    image = sitk.GetImageFromArray(mask)
    image.CopyInformation(grid)
    return image

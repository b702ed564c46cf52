"""The DICOM series below a folder, and which contour set or segmentation belongs to which CT."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pydicom

from dataset_converters.dicom.headers import find_case_files, is_ct_slice, kernel_of, multiple, read_headers
from dataset_converters.errors import ConversionError

_MODALITIES = ("CT", "MR", "PT", "SEG", "RTSTRUCT", "RTPLAN", "RTDOSE", "RTIMAGE", "REG", "SR", "KO", "PR", "OT")
_SHOWN = 8


@dataclass(frozen=True)
class FoundSeries:
    """One DICOM series; all but ``modality`` and ``blank_uid`` is for programs only, never for output.

    Attributes
    ----------
    modality : str
        As given (``CT``, ``RTSTRUCT``, ``SEG``...), ``none`` if not given, ``localizer`` for CT that is no slice
        image (scout views, screen captures).
    uid : str
        SeriesInstanceUID, empty if blank.
    study : str
        StudyInstanceUID.
    frame_of_reference : str
        FrameOfReferenceUID; of an RTSTRUCT without one of its own, that of its structures.
    references : frozenset of str
        SeriesInstanceUIDs of the images that an RTSTRUCT or SEG says it was drawn on.
    headers : tuple of pydicom.Dataset
        One per slice, in the order of the files (`read_headers`).
    files : tuple of Path
        Sorted by path.
    blank_uid : bool
        The SeriesInstanceUID is blank: the files were put together by study, frame of reference, orientation, kernel
        and size.
    """

    modality: str
    uid: str
    study: str
    frame_of_reference: str
    references: frozenset[str]
    headers: tuple[pydicom.Dataset, ...]
    files: tuple[Path, ...]
    blank_uid: bool = False


def find_series(folder: Path, *, dataset: str, case: str) -> tuple[FoundSeries, ...]:
    """Return every DICOM series below a folder, by the path of its first file; reads headers only, each file once.

    Files that are not DICOM are left out (`find_case_files`). Two kernels under one SeriesInstanceUID are two series.

    Raises
    ------
    ConversionError
        A DICOM file is cut off within its header; links lead out of the folder.
    """
    return group_series(read_headers(find_case_files(folder, dataset=dataset, case=case), dataset=dataset, case=case))


def group_series(headers: Iterable[pydicom.Dataset]) -> tuple[FoundSeries, ...]:
    """Return the series among headers, in the order of their first headers."""
    groups: dict[tuple[str, ...], list[pydicom.Dataset]] = defaultdict(list)
    for header in headers:
        groups[_modality(header), *series_key(header)].append(header)
    return tuple(_series(group) for group in groups.values())


def only_series(found: Sequence[FoundSeries], *, modality: str, dataset: str, case: str) -> FoundSeries:
    """Return the one series of a modality.

    Raises
    ------
    ConversionError
        None or several; names how many series of each modality there are.
    """
    chosen = [series for series in found if series.modality == modality]
    if len(chosen) == 1:
        return chosen[0]
    raise ConversionError(
        dataset,
        case,
        found=list_series(found),
        wanted=f"1 {modality} series",
        action="unpack the case again" if not chosen else f"leave one {modality} series in the folder of the case",
    )


def ct_of(found: Sequence[FoundSeries], drawn: FoundSeries, *, dataset: str, case: str) -> FoundSeries:
    """Return the CT series that a contour set or segmentation was drawn on.

    By the SeriesInstanceUID it refers to; where it names none, the only CT with its frame of reference, of its study,
    or at all.

    Raises
    ------
    ConversionError
        No CT, several that are as likely, or a reference to a series that is not there.
    """
    scans = [series for series in found if series.modality == "CT"]
    if drawn.references:
        likely = [series for series in scans if series.uid in drawn.references]
    else:
        likely = _same(scans, drawn, "frame_of_reference") or _same(scans, drawn, "study") or scans
    if len(likely) == 1:
        return likely[0]
    named = "a CT series that it names" if drawn.references else "a CT series of its frame of reference"
    raise ConversionError(
        dataset,
        case,
        found=f"a {shown_modality(drawn.modality)} series and {len(likely)} such among {list_series(found)}",
        wanted=f"1: {named}",
        action="put the series it was drawn on into the folder of the case, and no second one",
    )


def list_series(found: Sequence[FoundSeries]) -> str:
    """Return how many series of each modality there are, for a message: ``2 CT (60, 64 slices), 1 RTSTRUCT``."""
    groups: dict[str, list[int]] = defaultdict(list)
    for series in found:
        groups[shown_modality(series.modality)].append(len(series.headers))
    parts = []
    for modality in sorted(groups):
        counts = sorted(groups[modality])
        slices = ", ".join(map(str, counts[:_SHOWN])) + (", ..." if len(counts) > _SHOWN else "")
        parts.append(f"{len(counts)} {modality}" + (f" ({slices} slices)" if modality == "CT" else ""))
    return ", ".join(parts) or "no DICOM series"


def shown_modality(modality: str) -> str:
    """Return a modality for a message: ``another modality`` if it is none of the usual codes."""
    return modality if modality in (*_MODALITIES, "none", "localizer") else "another modality"


def series_key(header: pydicom.Dataset) -> tuple[str, ...]:
    """What keeps two series apart: SeriesInstanceUID and kernel; for a blank UID further attributes of the image."""
    uid, kernel = str(header.get("SeriesInstanceUID") or "").strip(), kernel_of(header)
    if uid:
        return uid, kernel
    names = ("StudyInstanceUID", "FrameOfReferenceUID", "Rows", "Columns")
    turned = [_rounded(value) for value in multiple(header.get("ImageOrientationPatient"))]
    return "", kernel, *(str(header.get(name) or "") for name in names), *turned


def _rounded(cosine: object) -> str:
    """Return a direction cosine to two decimals, and what is no number as it stands: it is refused later."""
    try:
        return f"{float(str(cosine)):.2f}"
    except ValueError:
        return str(cosine)


def _modality(header: pydicom.Dataset) -> str:
    modality = str(header.get("Modality") or "none")
    return "localizer" if modality == "CT" and not is_ct_slice(header) else modality


def _series(headers: list[pydicom.Dataset]) -> FoundSeries:
    first = headers[0]
    uid = str(first.get("SeriesInstanceUID") or "").strip()
    return FoundSeries(
        modality=_modality(first),
        uid=uid,
        study=str(first.get("StudyInstanceUID") or ""),
        frame_of_reference=first.references.frame_of_reference,
        references=frozenset(uid for header in headers for uid in header.references.series),
        headers=tuple(headers),
        files=tuple(sorted({Path(str(header.filename)) for header in headers})),
        blank_uid=not uid,
    )


def _same(scans: Sequence[FoundSeries], drawn: FoundSeries, name: str) -> list[FoundSeries]:
    wanted = getattr(drawn, name)
    return [scan for scan in scans if wanted and getattr(scan, name) == wanted]

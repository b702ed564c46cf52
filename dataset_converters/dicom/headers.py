"""Headers of DICOM files: only the attributes that are needed, none that identifies a person."""

import mmap
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, cast

import pydicom

from dataset_converters.dicom.encoding import find_pixels, refuse_large_deflated
from dataset_converters.dicom.enhanced import is_enhanced_ct, split_frames
from dataset_converters.dicom.files_below import CLOSED, files_below, shown_left_out
from dataset_converters.dicom.quiet_pydicom import quiet
from dataset_converters.dicom.references import references_of
from dataset_converters.dicom.scan import HeaderScanner
from dataset_converters.errors import ConversionError
from dataset_converters.privacy.shown_name import shown_place

GEOMETRY_TAGS = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns")
RESCALE_TAGS = ("RescaleSlope", "RescaleIntercept")
PIXEL_TAGS = (
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
)
FACT_TAGS = (
    "Manufacturer",
    "ManufacturerModelName",
    "ConvolutionKernel",
    "KVP",
    "SliceThickness",
    "Exposure",
    "ExposureTime",
    "XRayTubeCurrent",
    "ReconstructionDiameter",
    "SpiralPitchFactor",
    "CTDIvol",
    "PatientPosition",
    "ScanOptions",
    "FilterType",
    "BodyPartExamined",
    "LossyImageCompression",
)
"""What `dicom_facts.facts_of` reads."""

_SEQUENCES = (
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "ReferencedFrameOfReferenceSequence",
    "ReferencedSeriesSequence",
)
_NAMES = (
    "SOPClassUID",
    "SOPInstanceUID",
    "Modality",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "AcquisitionNumber",
    "AcquisitionDate",
    "AcquisitionTime",
    "ImageType",
    "NumberOfFrames",
    "SpecificCharacterSet",
    "RescaleType",
    *PIXEL_TAGS,
    *GEOMETRY_TAGS,
    *RESCALE_TAGS,
    *FACT_TAGS,
    *_SEQUENCES,
)
_OVERLAY_BIT_POSITIONS = tuple((group << 16) + 0x0102 for group in range(0x6000, 0x6020, 2))
_TAGS = [*map(pydicom.tag.Tag, _NAMES), *map(pydicom.tag.Tag, _OVERLAY_BIT_POSITIONS)]
_SUFFIXES = (".dcm", ".ima", ".dicom")
_PREAMBLE_BYTES = 128
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def find_dicom_files(folder: Path) -> list[Path]:
    """DICOM files below a folder: named ``.dcm``, ``.ima``, ``.dicom``, or with the DICOM prefix.

    Sorted. Hidden files and folders are left out, and links that lead out of the folder (`files_below`).
    """
    return are_dicom(files_below(folder).files)


def find_case_files(folder: Path, *, dataset: str, case: str) -> list[Path]:
    """Return what `find_dicom_files` does, but leave no link out that may be a slice: a shorter series looks whole.

    Raises
    ------
    ConversionError
        A link named as DICOM files are, or any link where no file is, leads out of the folder or to nothing; a folder
        cannot be opened.
    """
    below = files_below(folder)
    files = are_dicom(below.files)
    left_out = below.left_out.items()
    missed = shown_left_out(what for path, what in left_out if not files or what == CLOSED or _is_named_dicom(path))
    if missed:
        raise ConversionError(
            dataset,
            case,
            found=f"{missed}, and {len(files) or 'no'} DICOM files",
            wanted="files, or links within the folder",
            action="copy the files to where the links are",
        )
    return files


def are_dicom(files: Iterable[Path]) -> list[Path]:
    """Those of the files that are DICOM by name or prefix, without ``DICOMDIR``."""
    return [p for p in files if p.name != "DICOMDIR" and (_is_named_dicom(p) or _has_prefix(p))]


def read_headers(files: Iterable[Path], *, dataset: str, case: str) -> list[pydicom.Dataset]:
    """Read the needed attributes of each file, without pixels: one header per slice.

    A multi-frame CT file gives one header per frame, with the attributes of a single-frame file (`split_frames`).
    ``filename`` of each is its path, ``frame`` its frame (from 0), ``pixels`` where its pixels lie in the file
    (`PixelSpan`; None if they are compressed), ``references`` what it was drawn on (`References`). Headers of several
    files share what they have in common, and must not be changed.

    Raises
    ------
    ConversionError
        A file is not DICOM, or is cut off within its header; a multi-frame file whose frames have no attributes.
    """
    paths = [Path(path) for path in files]
    scanner = HeaderScanner({int(tag): tag for tag in _TAGS})
    with quiet():
        return [header for path in paths for header in _read_headers(path, paths, scanner, (dataset, case))]


def is_ct_slice(header: pydicom.Dataset) -> bool:
    """Tell CT slices from localizers, dose reports, structure sets and whatever else a study holds."""
    kinds = [str(kind).upper() for kind in multiple(header.get("ImageType"))]
    capture = str(header.get("SOPClassUID") or "").startswith(_SECONDARY_CAPTURE)
    return header.get("Modality") == "CT" and "LOCALIZER" not in kinds and not capture


def kernel_of(header: pydicom.Dataset) -> str:
    r"""ConvolutionKernel of a header, several values joined by ``\``; empty if not given. Not for output as it is."""
    return "\\".join(str(value).strip() for value in multiple(header.get("ConvolutionKernel")))


def multiple(value: object) -> list[object]:
    """Values of a DICOM attribute as a list, whether it holds none, one or several."""
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, (pydicom.multival.MultiValue, list, tuple)) else [value]


def _is_named_dicom(path: Path) -> bool:
    return path.suffix.lower() in _SUFFIXES


def _has_prefix(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(_PREAMBLE_BYTES + 4)[_PREAMBLE_BYTES:] == b"DICM"
    except OSError:
        return True  # perhaps: reading it will say what is wrong


def _read_headers(
    path: Path, paths: list[Path], scanner: HeaderScanner, where: tuple[str, str]
) -> list[pydicom.Dataset]:
    try:
        header = _read_header(path, scanner)
        return split_frames(header, dataset=where[0], case=where[1]) if is_enhanced_ct(header) else [header]
    except ConversionError:
        raise
    except Exception as error:  # pydicom raises whatever a damaged byte leads to
        raise ConversionError(
            *where,
            found=f"{shown_place(path, paths)} whose header cannot be read ({type(error).__name__})",
            wanted="a complete DICOM file",
            action="copy the file again, or remove it if it is not part of the series",
        ) from None


def _read_header(path: Path, scanner: HeaderScanner) -> pydicom.Dataset:
    with path.open("rb") as stream:
        header = scanner.scan(stream) or _read_with_pydicom(stream)
    header.filename, header.frame, header.references = str(path), 0, references_of(header)
    return header


def _read_with_pydicom(stream: BinaryIO) -> pydicom.Dataset:
    with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        content = cast(BinaryIO, mapped)  # a file would be asked for as many bytes as a damaged length says
        refuse_large_deflated(content)
        header = pydicom.dcmread(content, stop_before_pixels=True, specific_tags=_TAGS)
        header.pixels = find_pixels(content, header.file_meta)
    for tag in list(header.keys()):
        if header.get_item(tag).VR != "SQ":
            header[tag]  # values are decoded on first use
    return header

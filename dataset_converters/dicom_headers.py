"""Headers of DICOM files: only the attributes that are needed, none that identifies a person."""

import warnings
from collections.abc import Iterable
from pathlib import Path

import pydicom

from dataset_converters.errors import ConversionError

GEOMETRY_TAGS = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns")
RESCALE_TAGS = ("RescaleSlope", "RescaleIntercept")
FACT_TAGS = {
    "manufacturer": "Manufacturer",
    "model": "ManufacturerModelName",
    "kvp": "KVP",
    "slice_thickness_mm": "SliceThickness",
    "exposure_mas": "Exposure",
    "reconstruction_diameter_mm": "ReconstructionDiameter",
}
"""Acquisition facts that may be kept with a case, and the attribute each comes from."""

_TAGS = [
    "SOPClassUID",
    "Modality",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "ImageType",
    "ConvolutionKernel",
    "NumberOfFrames",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "RescaleType",
    *GEOMETRY_TAGS,
    *RESCALE_TAGS,
    *FACT_TAGS.values(),
]
_SUFFIXES = (".dcm", ".ima", ".dicom")
_PREAMBLE_BYTES = 128
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def find_dicom_files(folder: Path) -> list[Path]:
    """DICOM files below a folder: named ``.dcm``, ``.ima``, ``.dicom``, or with the DICOM prefix; no hidden files."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".") and p.name != "DICOMDIR")
    return [p for p in files if p.suffix.lower() in _SUFFIXES or _has_prefix(p)]


def read_headers(files: Iterable[Path], *, dataset: str, case: str) -> list[pydicom.Dataset]:
    """Read the needed attributes of each file, without pixels; ``filename`` of each is its path.

    Raises
    ------
    ConversionError
        A file is not DICOM, or is cut off within its header.
    """
    return [_read_header(Path(path), (dataset, case)) for path in files]


def is_ct_slice(header: pydicom.Dataset) -> bool:
    """Tell CT slices from localizers, dose reports, structure sets and whatever else a study holds."""
    kinds = [str(kind).upper() for kind in multiple(header.get("ImageType"))]
    capture = str(header.get("SOPClassUID") or "").startswith(_SECONDARY_CAPTURE)
    return header.get("Modality") == "CT" and "LOCALIZER" not in kinds and not capture


def kernel_of(header: pydicom.Dataset) -> str:
    r"""ConvolutionKernel of a header, several values joined by ``\``; empty if not given."""
    return "\\".join(str(value).strip() for value in multiple(header.get("ConvolutionKernel")))


def multiple(value: object) -> list[object]:
    """Values of a DICOM attribute as a list, whether it holds none, one or several."""
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, (pydicom.multival.MultiValue, list, tuple)) else [value]


def short_uid(uid: str) -> str:
    """End of a UID, enough to tell two apart in a message; a full UID could be traced to a person."""
    return f"...{uid[-6:]}" if uid else "none"


def _has_prefix(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(_PREAMBLE_BYTES + 4)[_PREAMBLE_BYTES:] == b"DICM"


def _read_header(path: Path, where: tuple[str, str]) -> pydicom.Dataset:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's warnings quote attribute values
            header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_TAGS)
            for tag in _TAGS:
                header.get(tag)  # values are decoded on first use
    except Exception as error:
        raise ConversionError(
            *where,
            found=f"file {path.name} whose header cannot be read ({type(error).__name__})",
            wanted="a complete DICOM file",
            action="copy the file again, or remove it if it is not part of the series",
        ) from None
    header.filename = str(path)
    return header

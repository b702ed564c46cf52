"""One DICOM file that is no image (contour set, segmentation), read whole, with every failure as one of ours."""

import io
import warnings
from pathlib import Path

import pydicom

from dataset_converters.dicom.encoding import refuse_large_deflated
from dataset_converters.errors import ConversionError
from dataset_converters.privacy.shown_name import shown_name
from dataset_converters.volumes.stored_voxels import read_bytes

_MODALITIES = ("CT", "MR", "PT", "SEG", "RTSTRUCT", "RTPLAN", "RTDOSE", "RTIMAGE", "REG", "SR", "KO", "PR", "OT")


def read_object(file: Path, modality: str, *, dataset: str, case: str) -> pydicom.Dataset:
    """Read a file of the wanted modality.

    Raises
    ------
    ConversionError
        Not readable as DICOM, or of another modality.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's warnings quote attribute values
            stream = io.BytesIO(read_bytes(file))  # a file would be asked for as many bytes as a damaged length says
            refuse_large_deflated(stream)
            content = pydicom.dcmread(stream)
            found = str(content.get("Modality") or "none")
    except Exception as error:
        raise unreadable(file, modality, error, dataset=dataset, case=case) from None
    if found != modality:
        shown = found if found in (*_MODALITIES, "none") else "another"
        raise ConversionError(
            dataset,
            case,
            found=f"{shown_name(file)} of modality {shown}",
            wanted=f"modality {modality}",
            action="put the file of that modality there",
        )
    return content


def unreadable(file: Path, modality: str, error: Exception, *, dataset: str, case: str) -> ConversionError:
    """Return the error for a file that a library failed to read, without the library's text."""
    return ConversionError(
        dataset,
        case,
        found=f"{shown_name(file)} that cannot be read ({type(error).__name__})",
        wanted=f"a complete {modality} file",
        action="copy the file again",
    )

"""A CT the user names on the command line: a folder of one DICOM series, or a volume file."""

from pathlib import Path

from dataset_converters.dicom.series import read_dicom_series
from dataset_converters.records import CtImage
from dataset_converters.volumes.image_file import read_image


def read_ct(path: Path) -> CtImage:
    """Return the CT in HU.

    Raises
    ------
    ConversionError
        It is not one readable CT.
    """
    if path.is_dir():
        return read_dicom_series(path, dataset="CT", case="")
    return read_image(path, dataset="CT", case="")

"""A small CT series as DICOM files, and changes of them."""

from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk

from dataset_converters.dicom.sample import write_ct_series

WHERE = {"dataset": "demo", "case": "C1"}
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
UPSIDE_DOWN = (1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, -1.0)


def ct_image(direction=None, size_zyx=(4, 3, 5)) -> sitk.Image:
    image = sitk.GetImageFromArray(np.arange(np.prod(size_zyx), dtype=np.int16).reshape(size_zyx) - 1000)
    image.SetSpacing((0.7, 0.9, 2.5))
    image.SetOrigin((-12.5, 30.0, -881.32))
    if direction is not None:
        image.SetDirection(direction)
    return image


def write_series(folder: Path, **options) -> tuple[Path, ...]:
    options = {"kernel": "SOFT", "manufacturer": "GE MEDICAL SYSTEMS", **options}
    return write_ct_series(folder, ct_image(), **options).files


def edit(path: Path, **values) -> None:
    file = pydicom.dcmread(path)
    for keyword, value in values.items():
        if value is None:
            delattr(file, keyword)
        else:
            setattr(file, keyword, value)
    file.save_as(path)


def oblique() -> tuple[float, ...]:
    a, b = np.radians(20), np.radians(-35)
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    tip = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return tuple((turn @ tip).ravel())

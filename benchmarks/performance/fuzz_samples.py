"""The tiny valid files that fuzzing damages: one kind per reader, with how we read it and how another program does."""

import random
import struct
import tempfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk

from benchmarks.performance.fuzz_annotations import (
    FRAME,
    annotated_grid,
    read_segment_file,
    read_xml_file,
    reread_segment_file,
    reread_xml_file,
    write_boxes,
    write_readings,
    write_segments,
)
from benchmarks.performance.fuzz_dicom import damage_dicom
from benchmarks.performance.fuzz_mutations import (
    Damage,
    damage_bytes,
    damage_nifti,
    damage_text_header,
    damage_xml,
)
from benchmarks.performance.fuzz_readings import (
    Reading,
    read_contours,
    read_frames,
    read_itk,
    read_nibabel,
    read_slices,
)
from dataset_converters.annotations.rtstruct import rasterise_rtstruct
from dataset_converters.dicom.sample import write_contours, write_ct_series, write_enhanced_ct
from dataset_converters.dicom.series import read_dicom_series
from dataset_converters.volumes.image_file import ENDINGS, read_image
from dataset_converters.volumes.nifti import write_nifti

_SIZE_XYZ, _SPACING_MM = (5, 4, 3), (0.7, 0.9, 2.5)


@dataclass(frozen=True)
class Kind:
    """One kind of source file.

    Attributes
    ----------
    writers : tuple of callable
        Each writes one set of valid files into a folder.
    damage : callable
        Changes the bytes of one of them.
    read : callable
        Our reader: folder to volume, or a `ConversionError`.
    reread : callable
        What another program or plain arithmetic finds in the folder.
    """

    writers: tuple[Callable[[Path], object], ...]
    damage: Damage
    read: Callable[[Path], sitk.Image]
    reread: Callable[[Path], Reading]


@cache
def valid_files(kind: str, number: int = 0) -> Mapping[str, bytes]:
    """Return one set of undamaged files of a kind by name; equal in every process."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "fuzz" / kind / "source"
        folder.mkdir(parents=True)
        KINDS[kind].writers[number](folder)
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def damaged_files(kind: str, rng: random.Random) -> dict[str, bytes]:
    """Return files of a kind after one to three damages, most of them with regard to the structure.

    A quarter of the damages hits all files alike, as a wrong export does.
    """
    files = dict(valid_files(kind, rng.randrange(len(KINDS[kind].writers))))
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        damage = KINDS[kind].damage if rng.random() < 0.9 else damage_bytes
        seed, together = rng.randrange(2**32), rng.random() < 0.25
        for name in sorted(files) if together else [rng.choice(sorted(files))]:
            random_again = random.Random(seed)
            try:
                files[name] = damage(files[name], random_again)
            except (ValueError, IndexError, EOFError, OSError, ArithmeticError, zlib.error, struct.error):
                files[name] = damage_bytes(files[name], random_again)  # an earlier damage left no structure
    return files


def _ct() -> sitk.Image:
    values = np.arange(np.prod(_SIZE_XYZ), dtype=np.int16).reshape(_SIZE_XYZ[::-1]) * 17 - 1000
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(_SPACING_MM)
    image.SetOrigin((-20.0, 10.0, -300.0))
    return image


def _write_ct(folder: Path) -> None:
    write_ct_series(folder, _ct(), kernel="B", manufacturer="Philips", frame_of_reference=FRAME)


def _write_enhanced(folder: Path) -> None:
    write_enhanced_ct(folder / "ct.dcm", _ct(), kernel="B", manufacturer="Philips", FrameOfReferenceUID=FRAME)
    file = pydicom.dcmread(folder / "ct.dcm")
    file.SOPInstanceUID = file.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.UID(f"{FRAME}.1")
    file.save_as(folder / "ct.dcm")


def _reread_enhanced(folder: Path) -> Reading:
    return read_frames(folder / "ct.dcm")


def _write_contours(folder: Path) -> None:
    grid = annotated_grid()
    rings = [
        [(1.2, 1.1), (9.3, 2.2), (8.1, 8.2), (2.3, 7.4)],
        [(3.1, 3.2), (6.2, 3.3), (5.1, 6.1)],
    ]
    loops = [
        np.array([grid.TransformContinuousIndexToPhysicalPoint((x, y, z)) for x, y in ring])
        for z in (0, 2)
        for ring in rings
    ]
    write_contours(folder / "rs.dcm", {"disease": loops, "heart": loops[:1]}, frame_of_reference=FRAME)


def _read_ct(folder: Path) -> sitk.Image:
    return read_dicom_series(folder, dataset="fuzz", case="input").image


def _read_contours(folder: Path) -> sitk.Image:
    return rasterise_rtstruct(
        folder / "rs.dcm", "disease", annotated_grid(), frame_of_reference=FRAME, dataset="fuzz", case="input"
    )


def _reread_contours(folder: Path) -> Reading:
    return read_contours(folder / "rs.dcm", "disease", annotated_grid())


def _write_nifti(folder: Path) -> None:
    write_nifti(folder / "ct.nii.gz", _ct())


def _write_nifti_turned(folder: Path) -> None:
    image = _ct()
    image.SetDirection((0.8, -0.6, 0, -0.6, -0.8, 0, 0, 0, 1))  # left-handed
    sitk.WriteImage(sitk.Cast(image, sitk.sitkFloat32), folder / "ct.nii")


def _write_by_itk(name: str, folder: Path) -> None:
    sitk.WriteImage(_ct(), folder / name, useCompression="packed" in name)


def _read_file(folder: Path) -> sitk.Image:
    return read_image(_image_file(folder), dataset="fuzz", case="input").image


def _image_file(folder: Path) -> Path:
    return next(path for path in sorted(folder.iterdir()) if path.name.endswith(ENDINGS))


def _reread_nibabel(folder: Path) -> Reading:
    return read_nibabel(_image_file(folder))


def _reread_itk(folder: Path) -> Reading:
    return read_itk(_image_file(folder))


def _by_itk(*names: str) -> tuple[Callable[[Path], object], ...]:
    return tuple(partial(_write_by_itk, name) for name in names)


KINDS: dict[str, Kind] = {
    "dicom": Kind((_write_ct,), damage_dicom, _read_ct, read_slices),
    "enhanced": Kind((_write_enhanced,), damage_dicom, _read_ct, _reread_enhanced),
    "rtstruct": Kind((_write_contours,), damage_dicom, _read_contours, _reread_contours),
    "seg": Kind(
        (write_segments, partial(write_segments, kind="LABELMAP")), damage_dicom, read_segment_file, reread_segment_file
    ),
    "xml": Kind((write_readings, write_boxes), damage_xml, read_xml_file, reread_xml_file),
    "nifti": Kind((_write_nifti, _write_nifti_turned), damage_nifti, _read_file, _reread_nibabel),
    "metaimage": Kind(
        _by_itk("ct.mha", "packed.mha", "ct.mhd", "packed.mhd"), damage_text_header, _read_file, _reread_itk
    ),
    "nrrd": Kind(
        _by_itk("ct.nrrd", "packed.nrrd", "ct.nhdr", "packed.nhdr"), damage_text_header, _read_file, _reread_itk
    ),
}
"""Name of a kind to its files and readers."""

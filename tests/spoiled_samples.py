"""What can be wrong with a collection, each fault with markers in it: planted samples that a converter must refuse."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from planted_markers import DATES, MARKER

from dataset_converters.annotations.dicom_seg_sample import write_seg
from dataset_converters.volumes.nifti import write_nifti


def _edited(folder: Path, edit: Callable[[pydicom.Dataset], object], *, only: int | None = None) -> None:
    files = sorted(folder.rglob("*.dcm"))
    for path in files if only is None else files[only : only + 1]:
        file = pydicom.dcmread(path)
        edit(file)
        file.save_as(path)


def _each(folder: str, **values: object) -> Callable[[Path], None]:
    def edit(file: pydicom.Dataset) -> None:
        for keyword, value in values.items():
            setattr(file, keyword, value(file) if callable(value) else value)

    return lambda root: _edited(root / folder, edit)


def _raw(folder: str, keyword: str) -> Callable[[Path], None]:
    """Put a marker where a number belongs, past the library's own checks."""

    def edit(root: Path) -> None:
        for path in sorted((root / folder).rglob("*.dcm")):
            file = pydicom.dcmread(path)
            setattr(file, keyword, ["7" * 14] * len(np.ravel(file.get(keyword))))
            file.save_as(path)
            digits = b"7" * 14
            path.write_bytes(path.read_bytes().replace(digits, f"{MARKER}  Jane"[:14].encode().ljust(14)))

    return edit


def _cut(folder: str, keep: float) -> Callable[[Path], None]:
    def cut(root: Path) -> None:
        path = sorted((root / folder).rglob("*.dcm"))[:3][-1]
        path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])

    return cut


def _remove(folder: str) -> Callable[[Path], None]:
    return lambda root: sorted((root / folder).rglob("*.dcm"))[3].unlink()


def _tilt(file: pydicom.Dataset) -> list[str]:
    x, y, z = (float(value) for value in file.ImagePositionPatient)
    return [str(x), str(y + 0.3 * (z + 300)), str(z)]


def _structures(change: Callable[[pydicom.Dataset], object]) -> Callable[[Path], None]:
    def edit(file: pydicom.Dataset) -> None:
        if file.Modality == "RTSTRUCT":
            change(file)

    return lambda root: _edited(root, edit)


def _roi_named(name: str) -> Callable[[Path], None]:
    return _structures(lambda file: setattr(file.StructureSetROISequence[0], "ROIName", name))


def _contours(**values: object) -> Callable[[Path], None]:
    def change(file: pydicom.Dataset) -> None:
        for contour in file.ROIContourSequence[0].ContourSequence:
            for keyword, value in values.items():
                setattr(contour, keyword, value)

    return _structures(change)


def _frame(file: pydicom.Dataset) -> None:
    file.FrameOfReferenceUID = "1.2.826.0.1.77777.4.5.6"
    for item in file.StructureSetROISequence:
        item.ReferencedFrameOfReferenceUID = "1.2.826.0.1.77777.4.5.6"


def _new_mask(root: Path) -> None:
    mask = sitk.Image([4, 4, 4], sitk.sitkUInt8)
    write_nifti(root / "P01" / "annotations" / "reader1.nii.gz", mask)


def _many_values(root: Path) -> None:
    path = root / "P01" / "annotations" / "reader1.nii.gz"
    mask = sitk.ReadImage(path)
    write_nifti(path, sitk.Cast(mask, sitk.sitkInt16) * 20040504)


def _text(name: str, content: str) -> Callable[[Path], object]:
    return lambda root: (root / name).write_text(content)


def _moved(name: str, other: str) -> Callable[[Path], object]:
    return lambda root: (root / name).rename(root / other)


def _truncated(name: str) -> Callable[[Path], object]:
    return lambda root: (root / name).write_bytes((root / name).read_bytes()[:-20])


def _new_segments(root: Path) -> None:
    mask = sitk.ReadImage(root / "P01" / "annotations" / "reader1.nii.gz")
    path = root / "P01" / "annotations" / "reader2.dcm"
    write_seg(path, {f"{MARKER} Jane": mask, f"Lung {MARKER}": mask}, frame_of_reference="")


def _cell(old: str, new: str) -> Callable[[Path], object]:
    return lambda root: (root / "manifest.csv").write_text((root / "manifest.csv").read_text().replace(old, new))


def _broken_boxes(root: Path) -> None:
    for path in root.rglob("*.xml"):
        path.write_text(path.read_text().replace("xmin", f"{MARKER}") + f"<{MARKER}")


FAILURES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "missing slice": ("dicom_pairs", _remove("P01/lung")),
    "missing slice sts": ("sts", _remove("STS_001/CT/image")),
    "tilt": ("sts", _each("STS_001/CT/image", ImagePositionPatient=_tilt)),
    "truncated pixels": ("sts", _cut("STS_001/CT/image", 0.99)),
    "truncated header": ("sts", _cut("STS_001/CT/image", 0.1)),
    "truncated kernel pair": ("dicom_pairs", _cut("P01/lung", 0.3)),
    "no dicom": ("sts", lambda root: sorted((root / "STS_001").rglob("*.dcm"))[1].write_text(f"{MARKER} Jane")),
    "kernel": ("sts", _each("STS_001/CT/image", ConvolutionKernel=f"{MARKER} Jane")),
    "kernel of a pair": ("dicom_pairs", _each("P01/lung", ConvolutionKernel=f"{MARKER} Jane")),
    "mixed kernels": (
        "sts",
        lambda root: _edited(root, lambda f: setattr(f, "ConvolutionKernel", f"{MARKER} Jane"), only=1),
    ),
    "manufacturer": ("dicom_pairs", _each("P01/lung", Manufacturer=f"{MARKER} Jane")),
    "modality": ("sts", _each("STS_001/CT/image", Modality=f"{MARKER} Jane")),
    "image type": ("dicom_pairs", _each("P01/lung", ImageType=["DERIVED", f"{MARKER}", "LOCALIZER"])),
    "rescale type": ("sts", _each("STS_001/CT/image", RescaleType=f"{MARKER} Jane")),
    "photometric": ("sts", _each("STS_001/CT/image", PhotometricInterpretation=f"{MARKER}")),
    "transfer syntax": (
        "sts",
        lambda root: _edited(root, lambda f: setattr(f.file_meta, "TransferSyntaxUID", "1.2.826.0.1.77777.9.9")),
    ),
    "two series": (
        "sts",
        lambda root: _edited(root, lambda f: setattr(f, "SeriesInstanceUID", "1.2.826.0.1.77777.8.8"), only=1),
    ),
    "frame of a pair": ("dicom_pairs", _each("P01/lung", FrameOfReferenceUID="1.2.826.0.1.77777.7.7")),
    **{
        f"number {keyword}": ("sts", _raw("STS_001/CT/image", keyword))
        for keyword in ("KVP", "RescaleSlope", "PixelSpacing", "ImagePositionPatient", "SliceThickness")
    },
    "other roi": ("sts", _roi_named(f"{MARKER} Jane")),
    "other roi of a pair": ("dicom_pairs", _roi_named(f"Lung {MARKER}")),
    "contour type": ("sts", _contours(ContourGeometricType=f"{MARKER}")),
    "contour off slice": (
        "sts",
        _contours(ContourData=["0", "15", "-299.1", "5", "15", "-299.1", "5", "19", "-299.1"]),
    ),
    "contour outside": ("sts", _contours(ContourData=["900", "15", "-300", "5", "15", "-300", "5", "19", "-300"])),
    "structures of another modality": ("sts", _structures(lambda file: setattr(file, "Modality", f"{MARKER}"))),
    "structures of another frame": ("sts", _structures(_frame)),
    "structures cut": ("sts", _cut("STS_001/CT/mask", 0.2)),
    "mask cut": ("dicom_pairs", _truncated("P01/annotations/reader1.nii.gz")),
    "mask on another grid": ("dicom_pairs", _new_mask),
    "mask values": ("dicom_pairs", _many_values),
    "reader name": ("dicom_pairs", _moved("P01/annotations/reader1.nii.gz", f"P01/annotations/{MARKER} Doe.nii.gz")),
    "stray file": ("dicom_pairs", _text(f"P01/annotations/{MARKER}.txt", MARKER)),
    "stray MetaImage": ("luna16", _text(f"{MARKER} Doe, Jane.mhd", MARKER)),
    "patient folder": ("dicom_pairs", _moved("P01", f"{MARKER}, Jane {DATES[1]}")),
    "other folder": ("sts", lambda root: (root / "STS_001").rename(root / f"{MARKER} Doe")),
    "segments": ("dicom_pairs", _new_segments),
    "boxes": ("lung_dx", _broken_boxes),
    "image cut": ("msd", _truncated("imagesTr/case_001.nii.gz")),
    "kernel cell": ("manifest", _cell("B70f", f"{MARKER} Jane")),
    "case cell": ("manifest", _cell("P02a", f"{MARKER} Jane")),
    "patient cell": ("manifest", _cell("P01a,P01", f"P01a,{MARKER} Jane")),
    "image cell": ("manifest", _cell("P01/lung", f"P01/{MARKER} Jane")),
    "age cell": ("manifest", _cell("63", f"{MARKER} Jane")),
    "column": ("manifest", _cell("age", f"{MARKER} Jane")),
    "role": ("dicom_pairs", _text("patients.csv", f"patient,role\nP01,{MARKER} Jane\nP02,test\n")),
    "unknown patient": (
        "dicom_pairs",
        _text("patients.csv", f"patient,role\nP01,train\nP02,test\n{MARKER} Jane,test\n"),
    ),
    "columns": ("dicom_pairs", _text("patients.csv", f"{MARKER} Jane,role\nP01,train\n")),
    "slice number": ("dicom_pairs", _text("annotated_slices.csv", f"patient,reader,slice\nP02,reader1,{MARKER}\n")),
    "slice reader": ("dicom_pairs", _text("annotated_slices.csv", f"patient,reader,slice\nP02,{MARKER} Jane,3\n")),
    "no text table": ("dicom_pairs", lambda root: (root / "patients.csv").write_bytes(b"\xff\xfe" + MARKER.encode())),
}
"""What is wrong, to the dataset whose sample is spoiled, and how."""
CONVERTED = ("number KVP", "number SliceThickness", "other folder", "kernel cell")
"""Faults of what a conversion does not need."""

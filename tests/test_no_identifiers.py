"""No name, id, date or UID of a source file reaches an output, a message, a log or a file name.

Every text element of the DICOM dictionary, private elements, comments of other formats, and file and folder names are
given markers; then the real commands run, and every byte they leave is searched. What the user names himself is not a
source: the root folder, the patient folders of ``dicom_pairs`` (pseudonyms by its documented layout), case and reader
names of a manifest.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from planted_markers import (
    DATES,
    FORBIDDEN,
    MARKER,
    found_markers,
    plant,
    rename_dicom_files,
    rename_folders,
    text_keywords,
)

from dataset_converters.annotations.dicom_seg_sample import write_seg
from dataset_converters.registry import DatasetModule, list_datasets
from dataset_converters.volumes.nifti import write_nifti

REPOSITORY = Path(__file__).resolve().parents[1]
DICOM_WITH_FREE_NAMES = ("dicom_pairs", "sts", "lctsc", "lung1", "lung_dx", "nlst")
"""Datasets that find DICOM files by what they hold, not by their names."""
FREE_FOLDERS = ("lctsc", "lung1", "lung_dx")
"""Datasets that do not go by the names of the folders of studies and series, which archives make of descriptions."""


@pytest.fixture(scope="module", autouse=True)
def texts_of_any_form() -> Iterator[None]:
    """Let markers stand where the standard wants a code or a date."""
    settings = pydicom.config.settings
    before = settings.writing_validation_mode, settings.reading_validation_mode
    settings.writing_validation_mode = settings.reading_validation_mode = pydicom.config.IGNORE
    yield
    settings.writing_validation_mode, settings.reading_validation_mode = before


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


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run every command on every sample and every spoiled sample; return the folder of their logs and outputs."""
    folder = tmp_path_factory.mktemp("identifiers")
    plan: list[list[list[object]]] = [
        _sample_commands(folder, module) for module in list_datasets() if module.DATASET.name != "phantom"
    ]
    for name, (dataset, spoil) in FAILURES.items():
        place = folder / "failures" / re.sub(r"\W", "_", name)
        source = place / "in"
        shutil.copytree(_planted(folder, dataset, whole_dictionary=False), source)
        spoil(source)
        plan.append(
            [
                [place / "log", "convert", dataset, source, place / "out"],
                [place / "dry.log", "convert", dataset, source, place / "out", "--dry-run"],
                [place / "survey.log", "survey", source],
            ]
        )
    commands = [[str(word) for word in command] for commands in plan for command in commands]
    (folder / "plan.json").write_text(json.dumps(commands))
    runner = Path(__file__).with_name("command_runner.py")
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "TMPDIR": str(folder)}
    subprocess.run([sys.executable, runner, folder / "plan.json"], env=environment, check=True, cwd=folder, timeout=300)
    return folder


def _planted(folder: Path, name: str, *, whole_dictionary: bool) -> Path:
    source = folder / "planted" / ("whole" if whole_dictionary else "short") / name
    if not source.exists():
        module = next(module for module in list_datasets() if module.DATASET.name == name)
        source.mkdir(parents=True)
        module.make_sample(source)
        plant(source, whole_dictionary=whole_dictionary)
        if name in DICOM_WITH_FREE_NAMES:
            rename_dicom_files(source)
        if name in FREE_FOLDERS:
            rename_folders(source)
    return source


def _sample_commands(folder: Path, module: DatasetModule) -> list[list[object]]:
    name = module.DATASET.name
    place = folder / "samples" / name
    source = _planted(folder, name, whole_dictionary=name in ("dicom_pairs", "sts"))
    place.mkdir(parents=True)
    raw = f"Dataset{module.DATASET.dataset_id:03d}_{name}"
    commands: list[list[object]] = [
        [place / "log", "convert", name, source, place / "out"],
        [place / "check.log", "check", place / "out/nnUNet_raw" / raw],
        [place / "show.log", "show", name],
        [place / "dry.log", "convert", name, "--in", source, "--out", place / "dry", "--dry-run"],
        [place / "survey.log", "survey", source, "--csv", place / "survey.csv"],
    ]
    if name in ("dicom_pairs", "nlst", "lung_dx"):
        commands.append([place / "pairs.log", "pairs", source, "--csv", place / "pairs.csv"])
    if name == "dicom_pairs":
        commands.append([place / "workers.log", "convert", name, source, place / "workers", "--workers", "2"])
        commands[1] += ["--report", place / "report"]
    return commands


def _leaks(folder: Path, *, but: str = "in") -> list[str]:
    """Say what is found in every file below a folder, and in their names."""
    leaks = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name.split("/")[0] == but:
            continue
        leaks += [f"name {name}: {text}" for text in found_markers(name.encode())]
        if path.is_file():
            leaks += [f"{name}: {text}: {_around(path, text)}" for text in found_markers(path.read_bytes())]
    return leaks


def _around(path: Path, text: str) -> str:
    content = path.read_bytes()
    at = content.lower().find(text.lower().encode())
    return repr(content[max(at - 150, 0) : at + 60])


def _code(log: Path) -> str:
    return log.read_text(errors="replace").rsplit("exit code ", 1)[-1].strip()


NAMES = [module.DATASET.name for module in list_datasets() if module.DATASET.name != "phantom"]


@pytest.mark.parametrize("name", NAMES)
def test_conversion_of_a_sample_leaks_nothing(runs: Path, name: str) -> None:
    log = runs / "samples" / name / "log"
    assert _code(log) == "0", log.read_text()[-2000:]
    assert len(list((runs / "samples" / name).rglob("*.nii.gz"))) > 0
    assert all(_code(other) in ("0", "1") for other in log.parent.glob("*.log"))
    assert _leaks(runs / "samples" / name) == []


@pytest.mark.parametrize("name", FAILURES)
def test_refusal_leaks_nothing(runs: Path, name: str) -> None:
    place = runs / "failures" / re.sub(r"\W", "_", name)
    assert _code(place / "log") == ("0" if name in CONVERTED else "1"), (place / "log").read_text()[-2000:]
    assert _leaks(place) == []


def test_nothing_else_was_written(runs: Path) -> None:
    assert {path.name for path in runs.iterdir()} == {"planted", "samples", "failures", "plan.json"}


def test_markers_are_in_the_sources_and_are_found(runs: Path) -> None:
    assert len(text_keywords()) > 1500
    file = next((runs / "planted" / "whole" / "dicom_pairs" / "P01" / "lung").iterdir())
    content = file.read_bytes()
    assert MARKER in file.name
    assert content.lower().count(MARKER.lower().encode()) > 1000
    assert {text for text in FORBIDDEN if text.encode() in content} >= {*FORBIDDEN} - {"1942-03-17", "2004-05-04"}
    masks = runs / "planted" / "whole" / "dicom_pairs" / "P01" / "annotations" / "reader1.nii.gz"
    assert MARKER in found_markers(masks.read_bytes())
    assert found_markers(b"qzmark") == [MARKER]
    assert found_markers("x 1.2.826.0.1.3".encode("utf-16-le")) == ["1.2.826.0.1"]

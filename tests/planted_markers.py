"""Put a marker wherever a source file can hold free text, so that a search finds what leaks into an output."""

import gzip
import json
import re
from pathlib import Path

import nibabel as nib
import pydicom
from pydicom.datadict import DicomDictionary
from pydicom.sequence import Sequence
from pydicom.uid import UID

MARKER = "QZMARK"
"""Part of every planted text; neither hashes nor words hold it."""
UID_ROOT = "1.2.826.0.1"
"""Begin of every UID of the samples and of every planted one."""
DATES = ("19420317", "1942-03-17", "20040504", "2004-05-04", "131707.25")
"""Planted birth date, study date and time."""
FORBIDDEN = (MARKER, UID_ROOT, *DATES)

TEXT = ("AE", "AS", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT")
_READING = {
    # what the readers need to know of a file, or what says that it is another object
    *("SpecificCharacterSet", "ImageType", "Modality", "Manufacturer", "ConvolutionKernel", "RescaleType"),
    *("PhotometricInterpretation", "PatientPosition", "ROIName", "ContourGeometricType", "SegmentLabel"),
    *("SegmentationType", "DimensionOrganizationType", "PixelPresentation", "ModalityLUTType", "VolumetricProperties"),
    *("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID"),
    *("ReferencedSOPInstanceUID", "ReferencedSOPClassUID", "ReferencedFrameOfReferenceUID"),
}
_SHORT_LIST = """PatientName PatientID OtherPatientNames PatientBirthDate PatientBirthName PatientAge PatientSex
PatientAddress PatientTelephoneNumbers PatientComments MilitaryRank EthnicGroup PatientMotherBirthName
InstitutionName InstitutionAddress InstitutionalDepartmentName ReferringPhysicianName PerformingPhysicianName
OperatorsName PhysiciansOfRecord StationName DeviceSerialNumber ManufacturerModelName SoftwareVersions
StudyDescription SeriesDescription ProtocolName ImageComments AdmittingDiagnosesDescription AccessionNumber StudyID
RequestingService RequestedProcedureDescription PerformedProcedureStepDescription BodyPartExamined ScanOptions
FilterType ContrastBolusAgent AcquisitionProtocolDescription StudyDate SeriesDate AcquisitionDate ContentDate
StudyTime SeriesTime AcquisitionTime ContentTime AcquisitionDateTime IssuerOfPatientID RetrieveURL
StructureSetLabel StructureSetName StructureSetDescription ReviewerName ContentCreatorName ContentLabel
ContentDescription DeviceUID IrradiationEventUID ConcatenationUID"""

_STRICT_TABLES = ("manifest.csv", "patients.csv", "annotated_slices.csv")
"""Tables that the user writes himself; what they must not hold is refused."""
_DATASET_TEXTS = {
    **dict.fromkeys(("name", "description", "reference", "licence", "release"), f"{MARKER} Doe, Jane {DATES[1]}"),
    "patient": {"name": f"{MARKER} Doe", "birth": DATES[0], "study": f"{UID_ROOT}.77777"},
}


def text_keywords() -> list[str]:
    """Keyword of every element of the DICOM dictionary that holds text, dates or UIDs, but for what reading needs."""
    kinds = (*TEXT, "DA", "DT", "TM", "UI")
    return sorted(
        keyword
        for tag, (kind, _, _, _, keyword) in DicomDictionary.items()
        if kind in kinds and keyword and keyword not in _READING and tag >> 16 not in (0, 2, 4, 0xFFFE)
    )


def plant(root: Path, *, whole_dictionary: bool = False) -> None:
    """Plant markers in every file below a folder by what it is."""
    keywords = text_keywords() if whole_dictionary else _SHORT_LIST.split()
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        content = path.read_bytes()
        if content[128:132] == b"DICM":
            _plant_dicom(path, keywords)
        elif path.name.endswith((".nii", ".nii.gz")) and not path.name.startswith("."):
            _plant_nifti(path)
        elif path.suffix in (".mha", ".mhd"):
            line = f"Comment = {MARKER} Doe\nName = {MARKER} Jane\n".encode()
            path.write_bytes(content.replace(b"ElementDataFile", line + b"ElementDataFile", 1))
        elif path.suffix in (".nrrd", ".nhdr"):
            start = content.index(b"\n") + 1
            line = f"# {MARKER} Doe\ncontent: {MARKER} Jane\n{MARKER}:={MARKER} {DATES[1]}\n".encode()
            path.write_bytes(content[:start] + line + content[start:])
        elif path.suffix == ".xml":
            text = re.sub(r"<(filename|path|folder|database)>[^<]*<", rf"<\1>{MARKER}<", content.decode())
            path.write_text(text + f"\n<!-- {MARKER} Doe {DATES[0]} -->\n")
        elif path.suffix == ".csv" and path.name not in _STRICT_TABLES:
            path.write_text(_with_column(content.decode()))
        elif path.name == "dataset.json":
            path.write_text(json.dumps(json.loads(content) | _DATASET_TEXTS))


def plant_strays(root: Path) -> None:
    """Put files and folders named after a person into every folder: texts, tables, damaged images."""
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    for number, folder in enumerate(folders):
        inner = folder / f"{MARKER} Doe, Jane {DATES[1]} {number}"
        inner.mkdir()
        for place in (folder, inner):
            for ending in (".txt", ".csv", ".json", ".pdf"):
                (place / f"{MARKER} Doe, Jane {DATES[3]}{ending}").write_text(f"{MARKER} Jane {DATES[0]}")
        for ending in (".nii.gz", ".nrrd", ".xml"):
            (inner / f"{MARKER} Doe {DATES[2]}{ending}").write_text(f"{MARKER} Jane {DATES[0]}")


def rename_dicom_files(root: Path) -> None:
    """Give DICOM files names of a person and a date, but for annotations, which are named after their reader."""
    for number, path in enumerate(sorted(p for p in root.rglob("*.dcm") if p.parent.name != "annotations")):
        path.rename(path.with_name(f"{MARKER} Doe, Jane {DATES[1]} {number:04d}.dcm"))


def rename_folders(root: Path) -> None:
    """Give the folders of studies and series names of a person and a date, deepest first; patients keep theirs."""
    holding = {path.parent for path in root.rglob("*.dcm")}
    folders = sorted(holding | {path.parent for path in holding}, key=lambda path: (-len(path.parts), path))
    for number, path in enumerate(folders):
        path.rename(path.with_name(f"{MARKER} Doe {DATES[3]} {number:04d}"))


def found_markers(content: bytes) -> list[str]:
    """Return what of the planted texts some bytes hold, whatever its case; gzip streams are unpacked."""
    if content[:2] == b"\x1f\x8b":
        content += gzip.decompress(content)
    lower = content.lower()
    plain = [text for text in FORBIDDEN if text.lower().encode() in lower]
    return plain + [text for text in FORBIDDEN if text.lower().encode("utf-16-le") in lower]


def _with_column(text: str) -> str:
    """Return a table with a column more, named after a person."""
    separator = ";" if ";" in text.splitlines()[0] else ","
    first, *lines = text.splitlines()
    more = (f"{separator}{MARKER} Jane {DATES[number % 5]}" for number in range(len(lines)))
    lines = [line + cell for line, cell in zip(lines, more, strict=True)]
    return "\n".join([f"{first}{separator}PatientName {MARKER} Doe", *lines, ""])


def _plant_dicom(path: Path, keywords: list[str]) -> None:
    file = pydicom.dcmread(path)
    _plant_elements(file, keywords)
    item = pydicom.Dataset()
    _plant_elements(item, _SHORT_LIST.split())
    file.RequestAttributesSequence = Sequence([item])
    file.ReferencedImageEvidenceSequence = Sequence([item])
    file.file_meta.ImplementationVersionName = f"{MARKER}_IMPL"
    file.file_meta.SourceApplicationEntityTitle = f"{MARKER}_AE"
    block = file.private_block(0x0099, f"{MARKER} CREATOR", create=True)
    block.add_new(0x01, "LO", f"{MARKER} private")
    block.add_new(0x02, "SQ", Sequence([item]))
    block.add_new(0x03, "UN", f"{MARKER} unknown ".encode())
    file.save_as(path)


def _plant_elements(file: pydicom.Dataset, keywords: list[str]) -> None:
    for number, keyword in enumerate(keywords):
        tag = pydicom.datadict.tag_for_keyword(keyword)
        assert tag is not None
        kind = DicomDictionary[tag][0]
        file.add_new(tag, kind, _value(kind, keyword, number))


def _value(kind: str, keyword: str, number: int) -> object:
    match kind:
        case "DA":
            return DATES[0] if "Birth" in keyword else DATES[2]
        case "DT":
            return DATES[2] + DATES[4]
        case "TM":
            return DATES[4]
        case "UI":
            return UID(f"{UID_ROOT}.77777.{number}")
        case "PN":
            return f"{MARKER}{number}^Jane"
        case _:
            return f"{MARKER}{number}"


def _plant_nifti(path: Path) -> None:
    file = nib.load(path)
    assert isinstance(file, nib.Nifti1Image)
    file.header["descrip"], file.header["aux_file"] = f"{MARKER} Doe {DATES[1]}", f"{MARKER} Jane"
    file.header["intent_name"], file.header["db_name"] = f"{MARKER} Doe", f"{MARKER}"
    file.header.extensions.append(nib.nifti1.Nifti1Extension("comment", f"{MARKER} Doe, Jane".encode()))
    content = file.to_bytes()
    if path.name.endswith(".gz"):
        with open(path, "wb") as raw, gzip.GzipFile(f"{MARKER}.nii", "wb", fileobj=raw) as stream:
            stream.write(content)
    else:
        path.write_bytes(content)

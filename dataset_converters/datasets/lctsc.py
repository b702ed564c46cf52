"""LCTSC: Lung CT Segmentation Challenge 2017, radiotherapy planning CT with lungs contoured in the clinic.

Paper
    Yang et al. 2018, Med Phys 45:4568-4581. Hofmanninger 2020 trains on the 36 and tests on the 24.
Access
    Open: TCIA collection LCTSC (doi 10.7937/K9/TCIA.2017.3R3FVZ08). (1) Download the manifest with the NBIA Data
    Retriever, (2) give the folder it writes. Take version 3 (2020) or later: a misnamed contour was corrected.
Licence
    CC BY 3.0; cite the paper and the data.
Layout
    ``LCTSC-Train-S1-001/<any folders>/*.dcm`` anywhere below the folder: one CT series and one RTSTRUCT per patient,
    told apart by the Modality tag, so both names of folders that NBIA writes (UIDs, descriptive) are read.
Labels
    1 right_lung, 2 left_lung; option ``organs = all`` adds 3 esophagus, 4 heart, 5 spinal_cord (later ones win).
Lung definition
    Clinical contours, edited after RTOG 1106: tumour out in most patients, collapsed lung may be out (as Hofmanninger
    2020 quotes the challenge's page; that text was not found). Some vessels and airway wall are in, by one account.
    Trachea and main bronchi: not stated. Effusion: as the radiotherapy contour has it. Nothing of this is confirmed.
Kernels
    Read from the files into the facts; not known beforehand.
Roles
    ``Train`` and ``Test`` of the patient's name. Covariate ``site``: S1 MD Anderson, S2 Memorial Sloan Kettering, S3
    MAASTRO.
Faults
    ROIs stand in any order and one older file writes a name differently: they are found by name, whatever case and
    separators. Incomplete downloads (a patient without CT or RTSTRUCT) are refused by name; fewer patients than 60 are
    told by the conversion's notes. Average and free-breathing CT and positioning pads with lung-like HU: not corrected.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

import SimpleITK as sitk

from dataset_converters.annotations.label_parts import combine_parts
from dataset_converters.annotations.roi_names import find_roi
from dataset_converters.annotations.rtstruct import list_rois, rasterise_rtstruct
from dataset_converters.dicom.annotated_series import AnnotatedSeries, find_annotated_series
from dataset_converters.dicom.sample import write_ct_series, write_rtstruct
from dataset_converters.dicom.series import read_dicom_series
from dataset_converters.errors import ConversionError
from dataset_converters.privacy.known_texts import shown_texts
from dataset_converters.records import Case, DatasetInfo
from dataset_converters.sources.case_list import collect_cases
from dataset_converters.sources.collection_files import layout_error, patient_folders
from dataset_converters.sources.sample_volumes import sample_chest

DATASET = DatasetInfo(
    name="lctsc",
    dataset_id=710,
    title="Lung CT Segmentation Challenge 2017 (TCIA LCTSC)",
    paper="Yang J et al. Autosegmentation for thoracic radiation treatment planning: a grand challenge at AAPM 2017. "
    "Med Phys 2018;45:4568-4581. doi:10.1002/mp.13141",
    access="open; TCIA LCTSC, doi:10.7937/K9/TCIA.2017.3R3FVZ08",
    licence="CC BY 3.0",
    citation="Yang et al. 2018, Med Phys 45:4568-4581; data: doi:10.7937/K9/TCIA.2017.3R3FVZ08",
    labels={"background": 0, "right_lung": 1, "left_lung": 2},
    variants={"CT": "native"},
    lung_definition="radiotherapy contour, not confirmed: tumour mostly out, collapsed lung may be out, some vessels "
    "and airway wall in, effusion as contoured; trachea and main bronchi not stated",
    faults=(
        "ROI names differ in writing and order: found by name, whatever case and separators.",
        "Incomplete patients are refused by name.",
        "Averaged 4D-CT, free breathing, positioning pads with lung-like HU: not corrected.",
    ),
    expected_cases=60,
    overlaps=("lung1", "plethora"),
    options={"organs": "lungs (default) or all: also esophagus, heart, spinal_cord"},
    layout="public programs",
)

ROIS = {
    "right_lung": ("Lung_R", "Right Lung"),
    "left_lung": ("Lung_L", "Left Lung"),
    "esophagus": ("Esophagus", "Oesophagus"),
    "heart": ("Heart",),
    "spinal_cord": ("SpinalCord", "Spinal Cord"),
}
_LUNGS = ("right_lung", "left_lung")
_PATIENT = r"LCTSC-(Train|Test)-S[1-3]-\d{3}"

Organs = Literal["lungs", "all"]


def describe(root: Path, *, organs: Organs = "lungs") -> DatasetInfo:
    """What the dataset is with the chosen organs as labels.

    Raises
    ------
    ConversionError
        ``organs`` has no such choice.
    """
    names = {name: value for value, name in enumerate(_chosen(organs), start=1)}
    return replace(DATASET, labels={"background": 0, **names})


def list_cases(root: Path, *, organs: Organs = "lungs") -> list[Case]:
    """Cases below ``root``, one per patient; pixels are read when a case's loaders are called.

    Raises
    ------
    ConversionError, ConversionErrors
        Another layout; a patient without one CT series and one RTSTRUCT, or without a wanted ROI: all at once.
    """
    names, folders = _chosen(organs), patient_folders(root, _PATIENT)
    if not folders:
        raise layout_error(DATASET, root, wanted="LCTSC-Train-S1-001/.../*.dcm")
    return collect_cases(DATASET.name, folders, partial(_read_case, names))


def make_sample(root: Path) -> None:
    """Write two invented patients in NBIA's descriptive folders, one of them with other ROI names and order."""
    for seed, (patient, names) in enumerate(
        (
            ("LCTSC-Test-S1-101", {"heart": "Heart", "left_lung": "Lung_L", "right_lung": "Lung_R"}),
            ("LCTSC-Train-S3-012", {"right_lung": "Lung_R", "left_lung": "Lung L", "heart": "Heart"}),
        )
    ):
        study = root / "LCTSC" / patient / "05-04-2004-NA-26270"
        chest = sample_chest(seed)
        series = write_ct_series(study / "1-64131", chest.image, kernel="B30f", manufacturer="SIEMENS")
        rois = {roi: chest.structures[name] for name, roi in names.items()}
        write_rtstruct(study / "1-1" / "1-1.dcm", rois, frame_of_reference=series.frame_of_reference)


def _chosen(organs: str) -> tuple[str, ...]:
    if organs not in ("lungs", "all"):
        found = f"option organs = {organs!r}"
        raise ConversionError(DATASET.name, "", found=found, wanted="lungs or all", action="correct the option")
    return tuple(ROIS) if organs == "all" else _LUNGS


def _read_case(names: tuple[str, ...], folder: Path) -> Case:
    case = folder.name.replace("-", "_")
    _, part, site, _ = case.split("_")
    found = find_annotated_series(folder, "RTSTRUCT", dataset=DATASET.name, case=case)
    rois = _find_rois(found, names, case)
    return Case(
        patient=case,
        case=case,
        images={"CT": partial(read_dicom_series, found.slices, dataset=DATASET.name, case=case)},
        annotations={"clinical": partial(_read_rois, found, rois, case)},
        role="train" if part == "Train" else "test",
        covariates={"site": site},
    )


def _find_rois(found: AnnotatedSeries, names: tuple[str, ...], case: str) -> dict[str, str]:
    """Return structure to the ROI's name in this file; a missing one is a fault of the patient."""
    listed = list_rois(found.drawn, dataset=DATASET.name, case=case)
    fault, rois = "", {}
    for name in names:
        try:
            rois[name] = find_roi(listed, ROIS[name]) or ""
        except ValueError as error:
            fault = str(error)
    missing = [ROIS[name][0] for name, roi in rois.items() if not roi]
    if fault or missing:
        text = fault or f"ROIs {shown_texts(listed)}, without {', '.join(missing)}"
        action = "download version 3 of the collection, or exclude the patient with a reason"
        raise ConversionError(DATASET.name, case, found=text, wanted="each ROI once", action=action)
    return rois


def _read_rois(found: AnnotatedSeries, rois: dict[str, str], case: str, grid: sitk.Image) -> sitk.Image:
    where = {"dataset": DATASET.name, "case": case, "frame_of_reference": found.frame_of_reference}
    masks = [
        (value, rasterise_rtstruct(found.drawn, roi, grid, **where))  # type: ignore[arg-type]
        for value, roi in enumerate(rois.values(), start=1)
    ]
    return combine_parts(masks, grid)

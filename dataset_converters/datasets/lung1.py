"""NSCLC-Radiomics (Lung1): CT of 422 patients with lung cancer, lungs and tumours contoured for radiotherapy.

Paper
    Aerts et al. 2014, Nat Commun 5:4006. Hofmanninger 2020 measures on 318 of its tumours how much a lung mask covers.
Access
    Open: TCIA collection NSCLC-Radiomics (doi 10.7937/K9/TCIA.2015.PF0M9REI, version 4). (1) Download the manifest with
    the NBIA Data Retriever, (2) give the folder it writes.
Licence
    Sources disagree (CC BY 3.0, CC BY-NC 3.0): treated as CC BY-NC 3.0 until you have read the collection's page.
Layout
    ``LUNG1-001/<any folders>/*.dcm`` anywhere below the folder: CT, RTSTRUCT and DICOM SEG, told apart by the Modality
    tag. Several public programs read this.
Labels
    1 right_lung, 2 left_lung, 3 tumour (the union of all GTVs, lymph nodes among them; it wins over the lungs). Option
    ``structures``: ``lungs``, ``tumour``, or both (default ``lungs and tumour``).
Lung definition
    Radiotherapy contour: tumour may be out of the lungs as drawn, and has its own label here; trachea and effusion not
    stated.
Kernels
    Read from the files into the facts; many are exports of planning systems without any.
Faults
    Not every patient has every structure (LUNG1-128 and -412 are reported without tumour in the SEG): refused by name
    and structure; a missing contour does not mean a missing tumour. SEG and CT of other shape (five patients are
    reported) and repeated slices: refused as found. Loops smaller than a pixel (LUNG1-002): `rasterise_rtstruct` drops
    and counts them. PET-CT studies: the CT that the object refers to counts. ``masks = seg`` reads the SEG objects.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import SimpleITK as sitk

from dataset_converters.annotations.dicom_seg import list_segments, read_segments
from dataset_converters.annotations.dicom_seg_sample import write_seg
from dataset_converters.annotations.label_parts import combine_parts
from dataset_converters.annotations.roi_names import find_roi, plain_name
from dataset_converters.annotations.rtstruct import list_rois, rasterise_rtstruct
from dataset_converters.dicom.annotated_series import AnnotatedSeries, Modality, find_annotated_series
from dataset_converters.dicom.sample import write_ct_series, write_rtstruct
from dataset_converters.dicom.series import read_dicom_series
from dataset_converters.errors import ConversionError
from dataset_converters.privacy.known_texts import shown_texts
from dataset_converters.records import Case, DatasetInfo
from dataset_converters.sources.case_list import collect_cases
from dataset_converters.sources.collection_files import layout_error, patient_folders
from dataset_converters.sources.sample_volumes import sample_chest

DATASET = DatasetInfo(
    name="lung1",
    dataset_id=713,
    title="NSCLC-Radiomics (Lung1): lungs and tumours of radiotherapy",
    paper="Aerts HJWL et al. Decoding tumour phenotype by noninvasive imaging using a quantitative radiomics approach. "
    "Nat Commun 2014;5:4006. doi:10.1038/ncomms5006",
    access="open; TCIA NSCLC-Radiomics, doi:10.7937/K9/TCIA.2015.PF0M9REI",
    licence="CC BY-NC 3.0 (some sources: CC BY 3.0)",
    citation="Aerts et al. 2014, Nat Commun 5:4006; data: doi:10.7937/K9/TCIA.2015.PF0M9REI",
    labels={"background": 0, "right_lung": 1, "left_lung": 2, "tumour": 3},
    variants={"CT": "native"},
    lung_definition="radiotherapy contour: tumour has its own label and may lie outside the contour; trachea and "
    "effusion not stated",
    faults=(
        "Structures missing in some patients: refused by name, exclude them with a reason.",
        "SEG and CT of other shape, repeated slices: refused as found.",
        "Tumour: union of all GTVs, lymph nodes among them.",
        "Kernel often missing (exports of planning systems).",
    ),
    expected_cases=422,
    overlaps=("plethora", "lctsc", "hofmanninger_2020_tests"),
    options={
        "masks": "rtstruct (default) or seg: which objects are read",
        "structures": "lungs and tumour (default), lungs, or tumour",
    },
    layout="public programs",
)

LUNGS = {"right_lung": "Lung-Right", "left_lung": "Lung-Left"}
PATIENT = r"LUNG1-\d{3}"

Masks = Literal["rtstruct", "seg"]
Structures = Literal["lungs and tumour", "lungs", "tumour"]

_MODALITIES: dict[str, Modality] = {"rtstruct": "RTSTRUCT", "seg": "SEG"}


def describe(root: Path, *, masks: Masks = "rtstruct", structures: Structures = "lungs and tumour") -> DatasetInfo:
    """What the dataset is with the chosen structures as labels.

    Raises
    ------
    ConversionError
        An option has no such choice.
    """
    names = {name: value for value, name in enumerate(_chosen(masks, structures), start=1)}
    return replace(DATASET, labels={"background": 0, **names})


def list_cases(root: Path, *, masks: Masks = "rtstruct", structures: Structures = "lungs and tumour") -> list[Case]:
    """Cases below ``root``, one per patient; pixels are read when a case's loaders are called.

    Raises
    ------
    ConversionError, ConversionErrors
        Another layout; a patient without CT or object, or without a wanted structure: all at once.
    """
    names, folders = _chosen(masks, structures), patient_folders(root, PATIENT)
    if not folders:
        raise layout_error(DATASET, root, wanted="LUNG1-001/.../*.dcm")
    return collect_cases(DATASET.name, folders, partial(_read_case, _MODALITIES[masks], names))


def make_sample(root: Path) -> None:
    """Write two invented patients with RTSTRUCT and SEG in NBIA's descriptive folders, one with two tumours."""
    for seed, tumours in ((1, ("GTV-1",)), (2, ("GTV-1", "GTV-2"))):
        study = root / "NSCLC-Radiomics" / f"LUNG1-{seed:03d}" / "09-18-2008-StudyID-NA-69331"
        chest = sample_chest(seed)
        series = write_ct_series(study / "0.000000-NA-82046", chest.image, kernel="B19f", manufacturer="SIEMENS")
        drawn = {"Heart": chest.structures["heart"]}
        drawn |= {roi: chest.structures[name] for name, roi in LUNGS.items()}
        drawn |= dict(zip(tumours, (chest.structures["tumour"], chest.structures["disease"]), strict=False))
        write_rtstruct(study / "0.000000-NA-54193" / "1-1.dcm", drawn, frame_of_reference=series.frame_of_reference)
        write_seg(
            study / "300.000000-Segmentation-9.554" / "1-1.dcm", drawn, frame_of_reference=series.frame_of_reference
        )


def _chosen(masks: str, structures: str) -> tuple[str, ...]:
    for name, value, kinds in (("masks", masks, Masks), ("structures", structures, Structures)):
        if value not in get_args(kinds):
            found, wanted = f"option {name} = {value!r}", " or ".join(get_args(kinds))
            raise ConversionError(DATASET.name, "", found=found, wanted=wanted, action="correct the option")
    return (*(LUNGS if "lungs" in structures else ()), *(("tumour",) if "tumour" in structures else ()))


def _read_case(modality: Modality, names: tuple[str, ...], folder: Path) -> Case:
    case = folder.name.replace("-", "_")
    found = find_annotated_series(folder, modality, dataset=DATASET.name, case=case)
    drawn = _find_structures(found, modality, names, case)
    read = _read_contours if modality == "RTSTRUCT" else _read_segmentation
    return Case(
        patient=case,
        case=case,
        images={"CT": partial(read_dicom_series, found.slices, dataset=DATASET.name, case=case)},
        annotations={"clinical": partial(read, found, drawn, case)},
    )


def _find_structures(found: AnnotatedSeries, modality: Modality, names: tuple[str, ...], case: str) -> dict[str, int]:
    """Return the file's name of each ROI or segment to its label; the tumour's come last, so that they win."""
    list_names = list_rois if modality == "RTSTRUCT" else list_segments
    listed = list_names(found.drawn, dataset=DATASET.name, case=case)
    drawn: dict[str, int] = {}
    missing = []
    for value, name in enumerate(names, start=1):
        try:
            own = find_roi(listed, (LUNGS[name],)) if name in LUNGS else None
        except ValueError as error:
            raise _fault(case, str(error), "one contour of each lung") from None
        fitting = [own] if own else [text for text in listed if name == "tumour" and _is_tumour(text)]
        drawn |= dict.fromkeys(fitting, value)
        missing += [] if fitting else [name]
    if missing:
        raise _fault(case, f"{modality} with {shown_texts(listed)}, without {', '.join(missing)}", ", ".join(names))
    return drawn


def _is_tumour(name: str) -> bool:
    """Whether it is a gross tumour volume (``GTV-1``, ``gtv2``), not ``PTV``, not lung without it (``Lungs-GTV``)."""
    words = set(plain_name(name))
    return bool(words & {"gtv", "gtvp", "gtvn"}) and not words & {"lung", "lungs", "minus", "ptv", "ctv"}


def _fault(case: str, found: str, wanted: str) -> ConversionError:
    action = "exclude the patient with a reason, or choose other structures"
    return ConversionError(DATASET.name, case, found=found, wanted=wanted, action=action)


def _read_contours(found: AnnotatedSeries, drawn: dict[str, int], case: str, grid: sitk.Image) -> sitk.Image:
    masks = [
        (
            value,
            rasterise_rtstruct(
                found.drawn,
                roi,
                grid,
                dataset=DATASET.name,
                case=case,
                frame_of_reference=found.frame_of_reference,
            ),
        )
        for roi, value in drawn.items()
    ]
    return combine_parts(masks, grid)


def _read_segmentation(found: AnnotatedSeries, drawn: dict[str, int], case: str, grid: sitk.Image) -> sitk.Image:
    return read_segments(
        found.drawn,
        grid,
        segments=drawn,
        dataset=DATASET.name,
        case=case,
        frame_of_reference=found.frame_of_reference,
        priority=True,
    )

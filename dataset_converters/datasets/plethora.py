"""PleThora: thoracic cavities and pleural effusions drawn on NSCLC-Radiomics (Lung1) CT; disease is inside the lungs.

Paper
    Kiser et al. 2020, Med Phys 47:5941-5952.
Access
    Open: TCIA analysis result PleThora (doi 10.7937/tcia.2020.6c7y-gq39). (1) Download ``Thoracic_Cavities`` and
    ``Effusions`` (two archives of NIfTI), (2) the CTs by the manifest ``NSCLC-Radiomics-OriginalCTs.tcia`` with the
    NBIA Data Retriever, (3) unpack all below one folder.
Licence
    Masks CC BY 3.0; the CTs are treated as CC BY-NC 3.0 (see lung1), so converted cases are not for commercial use.
Layout
    ``Thoracic_Cavities/LUNG1-001/LUNG1-001_thor_cav_primary_reviewer.nii.gz``,
    ``Effusions/LUNG1-001/LUNG1-001_effusion_first_reviewer.nii.gz``, and ``LUNG1-001/<any folders>/*.dcm`` with one CT
    series, anywhere below the folder. Public programs read the same.
Labels
    1 right_lung, 2 left_lung (the cavity of each side), told from where they lie, whatever the files' values. Option
    ``effusion = drawn``: only the patients with a drawn effusion, which becomes 3 effusion and wins over the lungs.
Lung definition
    Thoracic cavity: healthy, sick and collapsed lung, hilum, effusion, fibrosis, nodules and tumour in; the trachea
    above the hilum is not stated.
Readers
    ``primary`` (402 patients) and, where there is one, ``second`` of the cavity. With effusion, a reader is the cavity
    and the effusion of one order (first with primary, second with second): both must be there.
Kernels
    As lung1.
Faults
    Masks lie in another axis order than the CT: they are matched by position in the patient, exactly, or refused.
    Public counts of the masks differ (399 and 402): no list is assumed, every mask without CT is refused by name. CTs
    without a mask are no cases of this collection.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

import SimpleITK as sitk

from dataset_converters.annotations.label_parts import combine_parts
from dataset_converters.annotations.mask_file import read_labels, read_mask
from dataset_converters.annotations.paired_sides import order_sides
from dataset_converters.dicom.sample import write_ct_series
from dataset_converters.dicom.series import read_dicom_series
from dataset_converters.dicom.tree import find_series, only_series
from dataset_converters.errors import ConversionError
from dataset_converters.records import Case, DatasetInfo
from dataset_converters.sources.case_list import collect_cases
from dataset_converters.sources.collection_files import files_by_case, layout_error, matching_files, patient_folders
from dataset_converters.sources.left_out import left_out_note
from dataset_converters.sources.sample_volumes import sample_chest, write_sample

DATASET = DatasetInfo(
    name="plethora",
    dataset_id=714,
    title="PleThora: thoracic cavities and effusions on NSCLC-Radiomics",
    paper="Kiser KJ et al. PleThora: pleural effusion and thoracic cavity segmentations in diseased lungs for "
    "benchmarking chest CT processing pipelines. Med Phys 2020;47:5941-5952. doi:10.1002/mp.14424",
    access="open; TCIA PleThora, doi:10.7937/tcia.2020.6c7y-gq39; CTs: TCIA NSCLC-Radiomics",
    licence="masks CC BY 3.0, CTs CC BY-NC 3.0: not for commercial use",
    citation="Kiser et al. 2020, Med Phys 47:5941-5952; CTs: doi:10.7937/K9/TCIA.2015.PF0M9REI",
    labels={"background": 0, "right_lung": 1, "left_lung": 2},
    variants={"CT": "native"},
    lung_definition="thoracic cavity: tumour, effusion, collapsed and fibrotic lung, hilum in; trachea not stated",
    faults=(
        "Values of the sides not documented: sides told from where they lie.",
        "Masks in another axis order than the CT: matched by position, exactly.",
        "Public counts of the masks differ (399, 402): every mask found counts, one without CT is refused.",
    ),
    expected_cases=402,
    overlaps=("lung1", "lctsc"),
    options={"effusion": "none (default) or drawn: only patients with a drawn effusion, as a third label"},
    layout="public programs",
)

Effusion = Literal["none", "drawn"]
Masks = Mapping[str, Path]

_PATIENT = r"LUNG1-\d{3}"
_REVIEWER = r"_([a-z]+)_reviewer\.nii\.gz"
_ORDER = {"primary": 1, "first": 1, "secondary": 2, "second": 2, "third": 3, "tertiary": 3}
_READERS = {1: "primary", 2: "second", 3: "third"}


def describe(root: Path, *, effusion: Effusion = "none") -> DatasetInfo:
    """What the dataset is, with effusion as a label or not.

    Raises
    ------
    ConversionError
        ``effusion`` has no such choice.
    """
    if effusion == "none":
        return DATASET
    _check(effusion)
    return replace(DATASET, labels={**DATASET.labels, "effusion": 3}, expected_cases=78)


def list_cases(root: Path, *, effusion: Effusion = "none") -> list[Case]:
    """Cases below ``root``: the patients with a cavity (and, if asked for, an effusion) drawn.

    Raises
    ------
    ConversionError, ConversionErrors
        Another layout; a patient without CT or without the primary reviewer's cavity: all at once.
    """
    _check(effusion)
    cavities = _by_patient(root, rf"({_PATIENT})_thor_cav{_REVIEWER}")
    effusions = _by_patient(root, rf"({_PATIENT})_effusion{_REVIEWER}")
    if not cavities:
        raise layout_error(
            DATASET, root, wanted="Thoracic_Cavities/LUNG1-001/LUNG1-001_thor_cav_primary_reviewer.nii.gz and the CTs"
        )
    folders = {folder.name: folder for folder in patient_folders(root, _PATIENT) if _is_ct(folder, root)}
    patients = sorted(effusions if effusion == "drawn" else {*cavities, *effusions})

    def read(place: Path) -> Case:
        drawn = effusions[place.name] if effusion == "drawn" else {}
        return _read_case(place.name, folders.get(place.name), cavities.get(place.name, {}), drawn)

    return collect_cases(DATASET.name, map(Path, patients), read)


def left_out(root: Path, *, effusion: Effusion = "none") -> tuple[str, ...]:
    """Say how many CTs, and patients or effusions, are not taken.

    Raises
    ------
    ConversionError, ConversionErrors
        ``effusion`` has no such choice; masks of unknown reviewers, or twice.
    """
    _check(effusion)
    cavities = set(_by_patient(root, rf"({_PATIENT})_thor_cav{_REVIEWER}"))
    effusions = set(_by_patient(root, rf"({_PATIENT})_effusion{_REVIEWER}"))
    cts = {folder.name for folder in patient_folders(root, _PATIENT) if _is_ct(folder, root)}
    notes = left_out_note(len(cts - cavities - effusions), "CTs", "no thoracic cavity drawn")
    if effusion == "drawn":
        return (*notes, *left_out_note(len(cavities - effusions), "patients", "no effusion drawn"))
    why = "option effusion = drawn takes them, with their patients alone"
    return (*notes, *left_out_note(len(effusions), "patients' drawn effusions", why))


def make_sample(root: Path) -> None:
    """Write two invented patients: masks in another axis order than the CT, sides with values in either order."""
    for number, values in ((1, {"right_lung": 1, "left_lung": 2}), (5, {"right_lung": 2, "left_lung": 1})):
        patient = f"LUNG1-{number:03d}"
        chest = sample_chest(number)
        study = root / "NSCLC-Radiomics" / patient / "09-18-2008-StudyID-NA-69331"
        write_ct_series(study / "0.000000-NA-82046", chest.image, kernel="B19f", manufacturer="SIEMENS")
        stored = chest.turned("LAS")
        for reviewer in ("primary", "secondary")[:number]:
            file = root / "Thoracic_Cavities" / patient / f"{patient}_thor_cav_{reviewer}_reviewer.nii.gz"
            write_sample(file, stored.labels(**values))
    file = root / "Effusions" / "LUNG1-001" / "LUNG1-001_effusion_first_reviewer.nii.gz"
    write_sample(file, sample_chest(1).turned("LAS").structures["effusion"])


def _check(effusion: str) -> None:
    if effusion not in ("none", "drawn"):
        found = f"option effusion = {effusion!r}"
        raise ConversionError(DATASET.name, "", found=found, wanted="none or drawn", action="correct the option")


def _by_patient(root: Path, pattern: str) -> dict[str, dict[int, Path]]:
    """Return patient to the reviewer's order (1, 2, 3) to file."""
    listed = matching_files(root, pattern)
    unknown = [name for _, name in listed if name[2] not in _ORDER]
    if unknown:
        found, wanted = f"{len(unknown)} masks of other reviewers", f"reviewers {', '.join(_ORDER)}"
        raise ConversionError(DATASET.name, "", found=found, wanted=wanted, action="report the names of the files")
    by_reviewer = files_by_case(listed, lambda name: f"{name[1].replace('-', '_')} {_ORDER[name[2]]}", info=DATASET)
    patients: dict[str, dict[int, Path]] = {}
    for name, file in by_reviewer.items():
        patient, order = name.split()
        patients.setdefault(patient.replace("_", "-"), {})[int(order)] = file
    return patients


def _is_ct(folder: Path, root: Path) -> bool:
    return not {"Thoracic_Cavities", "Effusions"} & set(folder.relative_to(root).parts)


def _read_case(patient: str, folder: Path | None, cavities: dict[int, Path], effusions: dict[int, Path]) -> Case:
    case = patient.replace("-", "_")
    missing = ["CT"] if folder is None else []
    missing += [] if 1 in cavities else ["cavity of the primary reviewer"]
    missing += ["effusion of the first reviewer"] if effusions and 1 not in effusions else []
    if folder is None or missing:
        found, wanted = f"no {', no '.join(missing)}", "CT and the first reading of every structure"
        action = "download the missing files, or exclude the patient with a reason"
        raise ConversionError(DATASET.name, case, found=found, wanted=wanted, action=action)
    found_series = find_series(folder, dataset=DATASET.name, case=case)
    series = only_series(found_series, modality="CT", dataset=DATASET.name, case=case)
    readers = {
        _READERS[order]: partial(_read_cavity, cavity, effusions.get(order), case)
        for order, cavity in sorted(cavities.items())
        if order in effusions or not effusions
    }
    return Case(
        patient=case,
        case=case,
        images={"CT": partial(read_dicom_series, series.files, dataset=DATASET.name, case=case)},
        annotations=readers,
    )


def _read_cavity(cavity: Path, effusion: Path | None, case: str, grid: sitk.Image) -> sitk.Image:
    lungs = read_labels(cavity, grid, values={1: 1, 2: 2}, dataset=DATASET.name, case=case)
    lungs = order_sides(lungs, dataset=DATASET.name, case=case)
    if effusion is None:
        return lungs
    fluid = read_mask(effusion, grid, dataset=DATASET.name, case=case, foreground=(1, 2))
    # later parts win, and every part counts where it is not 0: the sides one by one, then the fluid
    return combine_parts([(1, lungs == 1), (2, lungs == 2), (3, fluid)], grid)

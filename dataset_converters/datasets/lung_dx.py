"""Lung-PET-CT-Dx: lung cancer on CT with boxes round the tumours, some patients with two kernels of one acquisition.

Paper
    Li P, Wang S, Li T, et al. 2020, TCIA (data descriptor).
Access
    Open: TCIA Lung-PET-CT-Dx (doi 10.7937/TCIA.2020.NNC2-0461),
    https://www.cancerimagingarchive.net/collection/lung-pet-ct-dx/; images (127 GB) by the NBIA data retriever, the
    boxes ("Tumor Annotations") as one zip.
Licence
    CC BY 4.0; cite the data.
Layout
    ``Lung_Dx-A0001/<study>/<series>/*.dcm``          CT and PET series; A, B, E, G: the histology
    ``Annotation/A0001/<SOPInstanceUID>.xml``         boxes of one slice, Pascal VOC form (option ``boxes`` for another
    folder; the files of a patient may also lie in it directly)
    As found for patient A0001; the other patients have not been tried.
Labels
    1 tumour_box: everything inside a box round the tumour, healthy tissue included. No outline of the tumour: Dice
    against a tumour segmentation says little.
Readers
    Each series was boxed by itself. Where both kernels of a pair were, their boxes are two readers of one case:
    ``boxes_LK`` was drawn on the lung kernel, ``boxes_MK`` on the mediastinal one (A0001: 11 and 9 slices).
Kernels
    LK sharp, MK soft, IK medium, UK unknown by the kernel table (`kernel_variants`); its hash is the covariate
    ``kernel_table_sha256``. Series of one acquisition on one grid are variants of a case, if one of them was boxed;
    a boxed series on another grid is a further case of the patient: ``A0001``, ``A0001_2``...
"""

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import SimpleITK as sitk

from dataset_converters.annotations.xml_contours import read_boxes
from dataset_converters.dicom.headers import find_case_files, read_headers
from dataset_converters.dicom.sample import write_ct_series
from dataset_converters.dicom.series import DicomSeries, group_dicom_series
from dataset_converters.errors import ConversionError
from dataset_converters.kernels.candidates import find_candidates
from dataset_converters.kernels.names import KernelTable, load_kernel_table
from dataset_converters.kernels.variants import (
    VARIANTS,
    Reconstruction,
    candidate_reconstruction,
    group_reconstructions,
)
from dataset_converters.records import Case, DatasetInfo
from dataset_converters.sources.case_lists import collect_case_lists
from dataset_converters.sources.left_out import left_out_note
from dataset_converters.sources.sample_volumes import sample_chest

DATASET = DatasetInfo(
    name="lung_dx",
    dataset_id=703,
    title="Lung-PET-CT-Dx: lung cancer CT with tumour boxes (TCIA)",
    paper="Li P, Wang S, Li T, Lu J, HuangFu Y, Wang D. A large-scale CT and PET/CT dataset for lung cancer diagnosis. "
    "The Cancer Imaging Archive 2020. doi:10.7937/TCIA.2020.NNC2-0461",
    access="open: TCIA Lung-PET-CT-Dx, doi:10.7937/TCIA.2020.NNC2-0461",
    licence="CC BY 4.0",
    citation="Li et al. 2020, TCIA, doi:10.7937/TCIA.2020.NNC2-0461",
    labels={"background": 0, "tumour_box": 1},
    variants=VARIANTS,
    lung_definition="not applicable: no lung label",
    faults=(
        "Boxes, not outlines: the label is called tumour_box.",
        "Each reconstruction was boxed by itself: two readers where both kernels of a pair were.",
        "Whether boxes count pixels from 0 or 1 is not stated; taken as 0.",
        "Series without a box are left out with a note, unless they share acquisition and grid with a boxed one.",
    ),
    options={
        "boxes": "folder of the box files (default: Annotation below the root)",
        "kernel_table": "TOML file that classes kernels, laid over dataset_converters/kernels/kernel_table.toml",
    },
    layout="real data",
)

_PATIENT = re.compile(r"Lung_Dx-([A-Z]\d{4})")
_HISTOLOGY = {"A": "adenocarcinoma", "B": "small cell", "E": "large cell", "G": "squamous cell"}


def list_cases(root: Path, *, boxes: str | Path = "", kernel_table: str | Path = "") -> list[Case]:
    """Cases below ``root``, by patient; pixels are read when a case's loaders are called.

    Raises
    ------
    ConversionError
        No ``Lung_Dx-xnnnn`` folder, no folder of boxes, a patient without boxes for any CT series; a boxed series that
        is not one uniform stack; all faulty patients at once (`ConversionErrors`).
    """
    folders = [p for p in sorted(root.glob("Lung_Dx-*")) if p.is_dir() and _PATIENT.fullmatch(p.name)]
    box_folder = Path(boxes) if boxes else root / "Annotation"
    if not folders or not box_folder.is_dir():
        raise ConversionError(
            DATASET.name,
            "",
            found=f"no Lung_Dx-A0001... in {root}" if not folders else "no folder of boxes",
            wanted="Lung_Dx-A0001/<study>/<series>/*.dcm and Annotation/A0001/<SOPInstanceUID>.xml",
            action=f"obtain images and tumour annotations ({DATASET.access}); name the boxes with option boxes",
        )
    table = load_kernel_table(Path(kernel_table) if kernel_table else None)
    return collect_case_lists(DATASET.name, folders, lambda folder: _read_patient(folder, box_folder, table))


def left_out(root: Path, *, boxes: str | Path = "", kernel_table: str | Path = "") -> tuple[str, ...]:
    """Say how many CT series and box files are not taken; patients that cannot be read do not count."""
    table = load_kernel_table(Path(kernel_table) if kernel_table else None)
    box_folder = Path(boxes) if boxes else root / "Annotation"
    left, uids = 0, set[str]()
    for folder in (path for path in root.glob("Lung_Dx-*") if _PATIENT.fullmatch(path.name)):
        patient = folder.name.removeprefix("Lung_Dx-")
        try:
            files = find_case_files(folder, dataset=DATASET.name, case=patient)
            groups = group_dicom_series(files, dataset=DATASET.name, case=patient)
            taken = sum(len(case.images) for case in _read_patient(folder, box_folder, table))
        except ConversionError:
            continue
        left += len(groups) - taken
        uids |= {str(header.get("SOPInstanceUID")) for group in groups for header in group}
    alone = {path.name.removesuffix(".xml") for path in box_folder.rglob("*.xml")} - uids
    return (
        *left_out_note(left, "CT series", "no box on them, nor on a reconstruction of their acquisition and grid"),
        *left_out_note(len(alone), "box files", "no CT slice of theirs is here"),
    )


def make_sample(root: Path) -> None:
    """Write two invented patients: one with Philips L and B, both boxed, one with L alone."""
    for seed, (patient, kernels) in enumerate((("A0001", ("L", "B")), ("G0002", ("L",)))):
        frame = ""
        for number, kernel in enumerate(kernels, start=2):
            chest = sample_chest(seed, noise_hu=60.0 if kernel == "L" else 15.0)
            folder = (
                root / f"Lung_Dx-{patient}" / f"04-04-2007-NA-Chest-0799{seed}" / f"{number}.000000-5mm-4080{number}"
            )
            series = write_ct_series(
                folder, chest.image, kernel=kernel, manufacturer="Philips", frame_of_reference=frame
            )
            frame = series.frame_of_reference
            headers = read_headers(series.files, dataset=DATASET.name, case=patient)
            uids = [str(header.SOPInstanceUID) for header in headers]
            _write_boxes(root / "Annotation" / patient, uids, chest.structures["tumour"])


def _read_patient(folder: Path, box_folder: Path, table: KernelTable) -> list[Case]:
    patient = folder.name.removeprefix("Lung_Dx-")
    own = box_folder / patient if (box_folder / patient).is_dir() else box_folder
    boxed = {path.name.removesuffix(".xml") for path in own.glob("*.xml")}
    files = find_case_files(folder, dataset=DATASET.name, case=patient)
    groups = group_dicom_series(files, dataset=DATASET.name, case=patient)
    groups.sort(key=lambda headers: not any(str(h.get("SOPInstanceUID")) in boxed for h in headers))  # boxed first
    found: list[Reconstruction] = []
    series: dict[str, DicomSeries] = {}  # boxed ones by name
    for number, candidate in enumerate(find_candidates(groups, table=table, dataset=DATASET.name, case=patient), 1):
        is_boxed = any(str(h.get("SOPInstanceUID")) in boxed for h in candidate.headers)
        if candidate.series is None:
            if is_boxed and candidate.fault:
                raise candidate.fault
            continue
        found.append(candidate_reconstruction(candidate, name=f"r{number}"))
        if is_boxed:
            series[f"r{number}"] = candidate.series
    groups_of_variants = [case for case in group_reconstructions(found) if any(r.name in series for r in case.values())]
    if not groups_of_variants:
        raise ConversionError(
            DATASET.name,
            patient,
            found=f"{len(groups)} CT series, none with a box on its slices",
            wanted="<SOPInstanceUID>.xml for slices of a series",
            action="download the patient's series and boxes again, or leave the patient out",
        )
    return [
        Case(
            patient=patient,
            case=patient if number == 1 else f"{patient}_{number}",
            images={variant: one.load for variant, one in variants.items()},
            annotations={
                f"boxes_{variant}": partial(_read_boxes, own, series[one.name].sop_instance_uids, patient)
                for variant, one in variants.items()
                if one.name in series
            },
            covariates={
                "histology": _HISTOLOGY.get(patient[0], "not stated"),
                "kernel_table_sha256": table.sha256,
            },
        )
        for number, variants in enumerate(groups_of_variants, start=1)
    ]


def _read_boxes(folder: Path, slice_uids: Sequence[str], case: str, grid: sitk.Image) -> sitk.Image:
    return read_boxes(folder, grid, slice_uids=slice_uids, dataset=DATASET.name, case=case)


def _write_boxes(folder: Path, slice_uids: Sequence[str], mask: sitk.Image) -> None:
    """Write the box round the mask on every slice that has some of it."""
    folder.mkdir(parents=True, exist_ok=True)
    width, height, depth = mask.GetSize()
    for z in range(depth):
        shape = sitk.LabelShapeStatisticsImageFilter()
        shape.Execute(mask[:, :, z])
        for label in shape.GetLabels():
            left, top, columns, rows = shape.GetBoundingBox(label)
            corners = {"xmin": left, "ymin": top, "xmax": left + columns - 1, "ymax": top + rows - 1}
            box = "".join(f"<{name}>{value}</{name}>" for name, value in corners.items())
            size = f"<size><width>{width}</width><height>{height}</height><depth>1</depth></size>"
            (folder / f"{slice_uids[z]}.xml").write_text(
                f"<annotation>{size}<object><name>A</name><bndbox>{box}</bndbox></object></annotation>"
            )

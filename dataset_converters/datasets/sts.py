"""Soft-tissue sarcoma (STS): CT of 28 patients, half per kernel, with the tumour contoured by hand.

Paper
    Vallieres et al. 2015, Phys Med Biol 60:5471-5496; the CT data as prepared for the Image Biomarker
    Standardisation Initiative (IBSI), derived from the TCIA collection Soft-tissue-Sarcoma.
Access
    Open. TCIA Soft-tissue-Sarcoma (doi 10.7937/K9/TCIA.2015.7GO2GSKS); the crops round the tumour come with the IBSI
    data sets (https://github.com/theibsi/data_sets).
Licence
    CC BY 3.0; cite the paper and the data.
Layout
    ``STS_xxx/CT/image/*.dcm`` one CT series, ``STS_xxx/CT/mask/*.dcm`` one RTSTRUCT with ROI ``GTV_Mass_CT``.
Labels
    1 tumour (gross tumour volume, without oedema).
Kernels
    GE SOFT (14 patients) and STANDARD (14), read from the files. Different patients per kernel: a difference between
    the kernels is also a difference between patients.
"""

from functools import partial
from pathlib import Path

import SimpleITK as sitk

from dataset_converters.annotations.rtstruct import rasterise_rtstruct
from dataset_converters.dicom.headers import find_case_files, kernel_of, read_headers
from dataset_converters.dicom.sample import ball_mask, ct_of_mask, write_ct_series, write_rtstruct
from dataset_converters.dicom.series import read_dicom_series
from dataset_converters.errors import ConversionError
from dataset_converters.privacy.known_texts import known_kernel
from dataset_converters.records import Case, DatasetInfo
from dataset_converters.sources.case_list import collect_cases

DATASET = DatasetInfo(
    name="sts",
    dataset_id=701,
    title="Soft-tissue sarcoma CT with tumour contours (IBSI crops of TCIA Soft-tissue-Sarcoma)",
    paper="Vallieres M, Freeman CR, Skamene SR, El Naqa I. A radiomics model from joint FDG-PET and MRI texture "
    "features for the prediction of lung metastases in soft-tissue sarcomas of the extremities. "
    "Phys Med Biol 2015;60:5471-5496. doi:10.1088/0031-9155/60/14/5471",
    access="open; TCIA Soft-tissue-Sarcoma, doi:10.7937/K9/TCIA.2015.7GO2GSKS; crops: github.com/theibsi/data_sets",
    licence="CC BY 3.0",
    citation="Vallieres et al. 2015, Phys Med Biol 60:5471-5496; data: doi:10.7937/K9/TCIA.2015.7GO2GSKS",
    labels={"background": 0, "tumour": 1},
    variants={"SOFT": "native", "STANDARD": "native"},
    lung_definition="not applicable: mostly limbs, no lung label",
    faults=("Each kernel has its own patients: kernel effects are confounded with patients; reported, not corrected.",),
    expected_cases=28,
    layout="real data",
)

ROI = "GTV_Mass_CT"


def list_cases(root: Path) -> list[Case]:
    """Cases below ``root`` (or ``root/sts``), by patient; pixels are read when a case's loaders are called.

    Raises
    ------
    ConversionError
        No ``STS_xxx`` folder, a patient without CT or with other than one RTSTRUCT, a kernel that is not known; all
        faulty patients at once (`ConversionErrors`).
    """
    folders = _patient_folders(root) or _patient_folders(root / "sts")
    if not folders:
        raise ConversionError(
            DATASET.name,
            "",
            found=f"no STS_xxx folder in {root}",
            wanted="STS_xxx/CT/image/*.dcm and STS_xxx/CT/mask/*.dcm",
            action=f"obtain the data ({DATASET.access}) and give the folder that holds STS_001...",
        )
    return collect_cases(DATASET.name, folders, _read_case)


def make_sample(root: Path) -> None:
    """Write two tiny synthetic patients, one per kernel, in the layout of the collection."""
    for number, kernel in ((1, "SOFT"), (3, "STANDARD")):
        folder = root / f"STS_{number:03d}" / "CT"
        mask = ball_mask(size_xyz=(20, 18, 8), spacing_mm=(0.9766, 0.9766, 3.27), radius_mm=6.0)
        series = write_ct_series(
            folder / "image", ct_of_mask(mask, seed=number), kernel=kernel, manufacturer="GE MEDICAL"
        )
        write_rtstruct(folder / "mask" / "000000.dcm", {ROI: mask}, frame_of_reference=series.frame_of_reference)


def _patient_folders(root: Path) -> list[Path]:
    return [p for p in sorted(root.glob("STS_[0-9][0-9][0-9]")) if p.is_dir()]


def _read_case(folder: Path) -> Case:
    case = folder.name
    images, masks = (
        find_case_files(folder / "CT" / part, dataset=DATASET.name, case=case) for part in ("image", "mask")
    )
    if not images or len(masks) != 1:
        raise ConversionError(
            DATASET.name,
            case,
            found=f"{len(images)} files in CT/image and {len(masks)} in CT/mask",
            wanted="a CT series and 1 RTSTRUCT",
            action="unpack the patient again, or remove its folder",
        )
    header = read_headers(images[:1], dataset=DATASET.name, case=case)[0]
    kernel = kernel_of(header)
    if kernel not in DATASET.variants:
        raise ConversionError(
            DATASET.name,
            case,
            found=f"kernel {known_kernel(kernel) or 'none'}",
            wanted=" or ".join(DATASET.variants),
            action="check that this is the published series; other kernels need a dataset file of their own",
        )
    frame_of_reference = str(header.get("FrameOfReferenceUID") or "")
    return Case(
        patient=case,
        case=case,
        images={kernel: partial(read_dicom_series, folder / "CT" / "image", dataset=DATASET.name, case=case)},
        annotations={"manual": partial(_read_mask, masks[0], case, frame_of_reference)},
    )


def _read_mask(file: Path, case: str, frame_of_reference: str, grid: sitk.Image) -> sitk.Image:
    return rasterise_rtstruct(file, ROI, grid, dataset=DATASET.name, case=case, frame_of_reference=frame_of_reference)

"""National Lung Screening Trial (NLST): low-dose chest CT, most visits with two reconstructions.

Paper
    National Lung Screening Trial Research Team 2011, N Engl J Med 365:395-409; kernel pairs: PMC12596234 (100 to train
    and 240 to test, seven kernels).
Access
    Open: TCIA NLST (doi 10.7937/TCIA.HMQ8-J677), https://www.cancerimagingarchive.net/collection/nlst/; the images
    alone need about 11 TB, choose patients in the NBIA data retriever.
Licence
    CC BY 4.0 (CC BY 3.0 before); cite the data.
Layout
    ``<patient>/<MM-DD-YYYY-NLST-...>/<series>/*.dcm`` below the folder or its ``NLST`` folder; a patient is a number.
    From public programs that read the files. Visits are numbered by year: ``p100012_v1``.
Labels, lung definition
    Images alone. ``lung`` is only named because a dataset names one.
Kernels
    The attribute ConvolutionKernel; where it is blank, the fifth word of the series description
    (``1,OPA,GE,LSULT,STANDARD,280,...``). LK sharp, MK soft, IK medium, UK unknown by the kernel table. Philips D (of
    pairs C and D) and Toshiba FC51 (of FC10 and FC51) are medium in the table: class them in a table of your own
    (option ``kernel_table``) to have them as LK. Reconstructions of one acquisition on one grid are variants of a case;
    another grid makes a further case of the patient. Kernel table: its hash is the covariate ``kernel_table_sha256``.
"""

import re
import warnings
from pathlib import Path

import pydicom

from dataset_converters.dicom.headers import find_case_files, kernel_of
from dataset_converters.dicom.sample import write_ct_series
from dataset_converters.dicom.series import group_dicom_series
from dataset_converters.errors import ConversionError
from dataset_converters.kernels.names import KernelTable, load_kernel_table
from dataset_converters.kernels.variants import VARIANTS, dicom_reconstructions, group_reconstructions
from dataset_converters.privacy.known_texts import known_kernel
from dataset_converters.records import Case, DatasetInfo
from dataset_converters.sources.case_lists import collect_case_lists
from dataset_converters.sources.sample_volumes import sample_chest

DATASET = DatasetInfo(
    name="nlst",
    dataset_id=740,
    title="National Lung Screening Trial: low-dose chest CT, often with two kernels",
    paper="National Lung Screening Trial Research Team. Reduced lung-cancer mortality with low-dose computed "
    "tomographic screening. N Engl J Med 2011;365:395-409. doi:10.1056/NEJMoa1102873",
    access="open: TCIA NLST, doi:10.7937/TCIA.HMQ8-J677",
    licence="CC BY 4.0",
    citation="National Lung Screening Trial Research Team 2013, TCIA, doi:10.7937/TCIA.HMQ8-J677",
    labels={"background": 0, "lung": 1},
    variants=VARIANTS,
    lung_definition="no annotation",
    faults=("Series with gaps or repeated slices occur: refused with the reason; exclude the case.",),
    options={"kernel_table": "TOML file that classes kernels, laid over dataset_converters/kernels/kernel_table.toml"},
    layout="public programs",
)

_STUDY = re.compile(r"\d{2}-\d{2}-(\d{4})-.*")
_KERNEL_WORD = 4
_VENDOR_WORD = 2


def list_cases(root: Path, *, kernel_table: str | Path = "") -> list[Case]:
    """Cases below ``root`` (or ``root/NLST``), all of role ``test``: there is no annotation.

    Raises
    ------
    ConversionError
        No numbered patient folder; a series that is not one uniform stack; all faulty visits at once
        (`ConversionErrors`).
    """
    table = load_kernel_table(Path(kernel_table) if kernel_table else None)
    visits = _visits(root) or _visits(root / "NLST")
    if not visits:
        raise ConversionError(
            DATASET.name,
            "",
            found=f"no <patient number>/<MM-DD-YYYY-NLST-...> in {root}",
            wanted="NLST/100012/01-02-1999-NLST-LSS-.../<series>/*.dcm",
            action=f"obtain the data ({DATASET.access}) and give the folder that holds NLST",
        )
    return collect_case_lists(DATASET.name, visits, lambda visit: _read_visit(visit, visits[visit], table))


def make_sample(root: Path) -> None:
    """Write two invented patients: GE with BONE and STANDARD, Siemens with B50f and B30f."""
    for seed, (patient, vendor, kernels) in enumerate(
        (("100012", "GE MEDICAL SYSTEMS", ("BONE", "STANDARD")), ("100035", "SIEMENS", ("B50f", "B30f")))
    ):
        frame = ""
        for number, (kernel, noise_hu) in enumerate(zip(kernels, (60.0, 15.0), strict=True), start=1):
            words = f"0,OPA,{vendor[:2]},LSPLUS,{kernel},308,22.0,120,80,0.0,1.5"
            folder = (
                root
                / "NLST"
                / patient
                / f"01-02-1999-NLST-LSS-{seed + 10000}"
                / (f"{number}.000000-{re.sub(r'[^A-Za-z0-9.]', '', words)}-{number + 20000}")
            )
            image = sample_chest(seed, noise_hu=noise_hu).image
            blank = {"ConvolutionKernel": ""} if kernel == "BONE" else {}  # told by the description alone
            written = write_ct_series(
                folder,
                image,
                kernel=kernel,
                manufacturer=vendor,
                frame_of_reference=frame,
                SeriesDescription=words,
                **blank,
            )
            frame = written.frame_of_reference


def _visits(root: Path) -> dict[str, Path]:
    """Folder of every visit by its name: patient number, and which visit of the patient it is."""
    found = {}
    for patient in sorted(p for p in root.glob("*") if p.is_dir() and p.name.isascii() and p.name.isdecimal()):
        studies = [(match[1], p) for p in patient.glob("*") if p.is_dir() and (match := _STUDY.fullmatch(p.name))]
        for number, (_, study) in enumerate(sorted(studies), start=1):
            found[f"p{patient.name}_v{number}"] = study
    return found


def _read_visit(visit: str, folder: Path, table: KernelTable) -> list[Case]:
    files = find_case_files(folder, dataset=DATASET.name, case=visit)
    groups = group_dicom_series(files, dataset=DATASET.name, case=visit)
    if not groups:
        raise ConversionError(
            DATASET.name, visit, found="no CT series", wanted="one at least", action="unpack the visit again"
        )
    for headers in groups:
        _complete_kernel(headers)
    reconstructions = dicom_reconstructions(groups, table=table, dataset=DATASET.name, case=visit)
    return [
        Case(
            patient=visit.split("_")[0],
            case=visit if number == 1 else f"{visit}_{next(iter(variants.values())).name}",
            images={variant: one.load for variant, one in variants.items()},
            annotations={},
            role="test",
            covariates={"kernel_table_sha256": table.sha256},
        )
        for number, variants in enumerate(group_reconstructions(reconstructions), start=1)
    ]


def _complete_kernel(headers: list[pydicom.Dataset]) -> None:
    """Put the kernel of the series description where ConvolutionKernel is blank."""
    if kernel_of(headers[0]):
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's warnings quote attribute values
            file = pydicom.dcmread(
                str(headers[0].filename), stop_before_pixels=True, specific_tags=["SeriesDescription"]
            )
            words = str(file.get("SeriesDescription") or "").split(",")
    except Exception:
        return
    kernel = known_kernel(words[_KERNEL_WORD]) if len(words) > _KERNEL_WORD and words[_VENDOR_WORD] else ""
    for header in headers if kernel not in ("", "unlisted") else []:
        header.ConvolutionKernel = kernel

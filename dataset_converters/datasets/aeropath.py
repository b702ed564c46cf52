"""AeroPath: 27 contrast-enhanced chest CTs with airway disease; lungs and airways drawn with a model's help.

Paper
    Stoverud et al. 2024, PLoS ONE 19:e0311416 (arXiv 2311.01138).
Access
    Open: Hugging Face data set ``andreped/AeroPath`` (or Zenodo record 10069289); download it and give the folder that
    holds ``data``.
Licence
    MIT.
Layout
    ``data/1/1_CT_HR.nii.gz``, ``1_CT_HR_label_lungs.nii.gz``, ``1_CT_HR_label_airways.nii.gz`` to 27, as the listing of
    the data set shows.
Labels
    1 lung (without the airways inside), 2 airway outside the lungs, 3 airway inside the lungs. The lungs as published
    are 1 and 3 together, the airways 2 and 3.
Lung definition
    Both lungs as one mask; whether tumour and effusion are inside is not stated (the patients have cancer, fibrosis,
    emphysema...). Values 1 and 2 of the file both count as lung.
Kernels
    Not kept by NIfTI: one variant ``CT``.
Faults
    The value of the masks is not documented: 1 and 2 are taken for lung, 1 for airway, any other is refused.
"""

from functools import partial
from pathlib import Path

import SimpleITK as sitk

from dataset_converters.annotations.label_parts import combine_parts
from dataset_converters.annotations.mask_file import read_mask
from dataset_converters.errors import ConversionError
from dataset_converters.records import Case, DatasetInfo
from dataset_converters.sources.case_list import collect_cases
from dataset_converters.sources.collection_files import layout_error
from dataset_converters.sources.sample_volumes import sample_chest, write_sample
from dataset_converters.volumes.image_file import read_image

DATASET = DatasetInfo(
    name="aeropath",
    dataset_id=726,
    title="AeroPath: lungs and airways on chest CT with disease",
    paper="Stoverud KH et al. AeroPath: An airway segmentation benchmark dataset with challenging pathology. "
    "PLoS ONE 2024;19:e0311416. arXiv:2311.01138",
    access="open; huggingface.co/datasets/andreped/AeroPath",
    licence="MIT",
    citation="Stoverud et al. 2024, PLoS ONE 19:e0311416",
    labels={"background": 0, "lung": 1, "airway": 2, "lung_airway": 3},
    variants={"CT": "native"},
    lung_definition="both lungs as one mask, airways inside them apart (lung_airway); tumour and effusion not stated",
    faults=("The values of the masks are not documented: 1 and 2 are lung, 1 is airway, any other is refused.",),
    expected_cases=27,
    layout="public programs",
)

_PARTS = ("", "_label_lungs", "_label_airways")


def list_cases(root: Path) -> list[Case]:
    """Cases below ``root/data`` (or ``root``), by number.

    Raises
    ------
    ConversionError, ConversionErrors
        No numbered folders, or one without its three files.
    """
    parent = root / "data" if (root / "data").is_dir() else root
    folders = sorted((p for p in parent.glob("*") if p.is_dir() and p.name.isdecimal()), key=lambda p: int(p.name))
    if not folders:
        raise layout_error(DATASET, root, wanted="data/1/1_CT_HR.nii.gz ...")
    return collect_cases(DATASET.name, folders, _read_case)


def make_sample(root: Path) -> None:
    """Write two invented patients with a trachea that reaches into no lung, and a bronchus that does."""
    for number in (1, 12):
        chest, stem = sample_chest(number).turned("RAS"), root / "data" / str(number) / f"{number}_CT_HR"
        write_sample(Path(f"{stem}.nii.gz"), chest.image)
        write_sample(Path(f"{stem}_label_lungs.nii.gz"), chest.labels(lung=1))
        write_sample(Path(f"{stem}_label_airways.nii.gz"), chest.labels(trachea=1, disease=1))


def _read_case(folder: Path) -> Case:
    number = int(folder.name)
    case = f"aeropath_{number:02d}"
    image, lungs, airways = (folder / f"{folder.name}_CT_HR{part}.nii.gz" for part in _PARTS)
    lacking = [
        part or "image" for part, path in zip(_PARTS, (image, lungs, airways), strict=True) if not path.is_file()
    ]
    if lacking:
        wanted = f"{number}_CT_HR.nii.gz with _label_lungs and _label_airways"
        raise _fault(case, f"no file of {', '.join(lacking)}", wanted, "download the folder again")
    return Case(
        patient=case,
        case=case,
        images={"CT": partial(read_image, image, dataset=DATASET.name, case=case)},
        annotations={"manual": partial(_read_labels, lungs, airways, case)},
    )


def _read_labels(lungs: Path, airways: Path, case: str, grid: sitk.Image) -> sitk.Image:
    lung = read_mask(lungs, grid, dataset=DATASET.name, case=case, foreground=(1, 2))
    airway = read_mask(airways, grid, dataset=DATASET.name, case=case)
    return combine_parts([(1, lung), (2, airway), (3, sitk.And(lung, airway))], grid)


def _fault(case: str, found: str, wanted: str, action: str) -> ConversionError:
    return ConversionError(DATASET.name, case, found=found, wanted=wanted, action=action)

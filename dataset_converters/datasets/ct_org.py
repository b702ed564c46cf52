"""CT-ORG: 140 CTs, most of the abdomen, with six organs; lungs by hand in 21 of them, by a program in the others.

Paper
    Rister et al. 2020, Sci Data 7:381.
Access
    Open: TCIA collection CT-ORG (doi 10.7937/tcia.2019.tt7f4v7o), archive of NIfTI files; unpack it.
Licence
    CC BY 3.0, as reported; read the page of the collection before you pass anything on.
Layout
    ``volume-0.nii.gz`` and ``labels-0.nii.gz`` to 139, in one folder or several; public programs read these.
Labels
    1 liver, 2 bladder, 3 lung (both), 4 kidney (both), 5 bone, 6 brain.
Lung definition
    Test cases 0 to 20: drawn by hand. Training cases 21 to 139: found by thresholds and shape, so that dense disease
    and effusion are left out. Whether the trachea is inside is not stated.
Kernels
    Not kept by NIfTI: one variant ``CT``. Some are the CT of a PET-CT.
Faults
    Lungs and bones of cases 21 to 139 are automatic: their reader is called ``automatic_lung``, that of 0 to 20
    ``manual``; name ``training_reader`` to keep them apart. Many CTs show only the base of the lungs. About 130 are of
    LiTS: those with a lost spacing (1 x 1 x 1 mm) are refused, or taken with ``unit_spacing`` = ``accept``.
"""

from functools import partial
from pathlib import Path
from typing import get_args

import SimpleITK as sitk

from dataset_converters.annotations.mask_file import read_labels
from dataset_converters.errors import ConversionError
from dataset_converters.records import Case, DatasetInfo
from dataset_converters.sources.case_list import collect_cases
from dataset_converters.sources.collection_files import files_by_case, layout_error, matching_files
from dataset_converters.sources.option_choice import check_choice
from dataset_converters.sources.sample_volumes import sample_chest, write_sample
from dataset_converters.volumes.image_file import read_image
from dataset_converters.volumes.unit_spacing import UNIT_SPACING_OPTION, UnitSpacing, refuse_unit_spacing

DATASET = DatasetInfo(
    name="ct_org",
    dataset_id=723,
    title="CT-ORG: six organs on CT",
    paper="Rister B, Yi D, Shivakumar K, Nobashi T, Rubin DL. CT-ORG, a new dataset for multiple organ segmentation in "
    "computed tomography. Sci Data 2020;7:381. doi:10.1038/s41597-020-00715-8",
    access="open; TCIA CT-ORG, doi:10.7937/tcia.2019.tt7f4v7o",
    licence="CC BY 3.0 (as reported; read the collection's page)",
    citation="Rister et al. 2020, Sci Data 7:381; data: doi:10.7937/tcia.2019.tt7f4v7o",
    labels={"background": 0, "liver": 1, "bladder": 2, "lung": 3, "kidney": 4, "bone": 5, "brain": 6},
    variants={"CT": "native"},
    lung_definition="both lungs as one; by hand in 0-20, by thresholds in 21-139 (dense disease and effusion out)",
    faults=(
        "Lungs and bones of 21-139 are automatic: reader automatic_lung, role train; 0-20: reader manual, role test.",
        "About 130 CTs are of LiTS; which number is which is not confirmed.",
        "Spacings of 1 x 1 x 1 mm (lost in LiTS): refused, or taken as they are with unit_spacing = accept.",
    ),
    expected_cases=140,
    overlaps=("lits", "msd_liver"),
    options={"unit_spacing": UNIT_SPACING_OPTION},
    layout="public programs",
)

_VALUES = {value: value for value in range(1, 7)}
_LAST_TEST = 20


def list_cases(root: Path, *, unit_spacing: UnitSpacing = "refuse") -> list[Case]:
    """Cases below ``root``, by number: ``volume_0`` to ``volume_20`` to test, the others to train.

    Raises
    ------
    ConversionError, ConversionErrors
        No volumes, two of one number, a volume without labels or labels without volume, lost spacing.
    """
    check_choice(unit_spacing, get_args(UnitSpacing), option="unit_spacing", dataset=DATASET.name)
    volumes, labels = (_numbered(root, name) for name in ("volume", "labels"))
    if not volumes:
        raise layout_error(DATASET, root, wanted="volume-0.nii.gz and labels-0.nii.gz ...")

    def read(place: Path) -> Case:
        number, case = int(place.name), f"volume_{place.name}"
        path = volumes.get(number)
        if path is None or number not in labels:
            found = "labels without volume" if path is None else "a volume without labels"
            wanted, action = f"volume-{number}.nii.gz and labels-{number}.nii.gz", "unpack the archive again"
            raise ConversionError(DATASET.name, case, found=found, wanted=wanted, action=action)
        if unit_spacing == "refuse":
            instead = "exclude the case, or set unit_spacing to accept"
            refuse_unit_spacing(path, dataset=DATASET.name, case=case, instead=instead)
        tested = number <= _LAST_TEST
        return Case(
            patient=case,
            case=case,
            images={"CT": partial(read_image, path, dataset=DATASET.name, case=case)},
            annotations={"manual" if tested else "automatic_lung": partial(_read_labels, labels[number], case)},
            role="test" if tested else "train",
        )

    return collect_cases(DATASET.name, [Path(str(number)) for number in sorted({*volumes, *labels})], read)


def make_sample(root: Path) -> None:
    """Write one invented test patient and one training patient."""
    for number in (3, 21):
        chest = sample_chest(number).turned("LAS" if number == 3 else "LPS")
        write_sample(root / "OrganSegmentations" / f"volume-{number}.nii.gz", chest.image)
        write_sample(root / "OrganSegmentations" / f"labels-{number}.nii.gz", chest.labels(liver=1, lung=3, heart=5))


def _numbered(root: Path, name: str) -> dict[int, Path]:
    found = matching_files(root, rf"{name}-(\d+)\.nii(?:\.gz)?")
    files = files_by_case(found, lambda match: f"volume_{int(match.group(1))}", info=DATASET)
    return dict(sorted((int(case.rpartition("_")[2]), path) for case, path in files.items()))


def _read_labels(file: Path, case: str, grid: sitk.Image) -> sitk.Image:
    return read_labels(file, grid, values=_VALUES, dataset=DATASET.name, case=case)

"""MosMedData COVID19_1110: 1,110 CT of COVID-19 graded by severity, 50 of them with the infection drawn.

Paper
    Morozov et al. 2020, medRxiv 2020.05.20.20100362.
Access
    Open: https://mosmed.ai/en/ ("COVID19_1110"), 21 GB: unpack ``studies`` and ``masks`` into one folder.
Licence
    CC BY-NC-ND 3.0, no derivatives: convert for yourself; a converted copy may not be passed on.
Layout
    ``studies/CT-0`` to ``CT-4`` with ``study_0001.nii.gz``..., ``masks/study_0255_mask.nii.gz`` to ``_0304``, anywhere
    below the folder. Public programs read this.
Labels
    1 disease (ground glass and consolidation).
Lung definition
    Not applicable: no lung label.
Kernels
    Not in the files.
Faults
    All 50 masks are of class CT-1 (up to a quarter of the lung diseased): no severe case has one. About one slice in
    ten is kept, 8 mm apart. Studies without mask are left out; ``unlabelled = true`` adds them as images without
    annotation, role ``test``. The class is the covariate ``severity``.
"""

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import SimpleITK as sitk

from dataset_converters.annotations.mask_file import read_mask
from dataset_converters.errors import ConversionError
from dataset_converters.records import Case, DatasetInfo
from dataset_converters.sources.case_list import collect_cases
from dataset_converters.sources.collection_files import files_by_case, layout_error, matching_files
from dataset_converters.sources.left_out import left_out_note
from dataset_converters.sources.sample_volumes import sample_chest, write_sample
from dataset_converters.volumes.image_file import read_image

DATASET = DatasetInfo(
    name="mosmed",
    dataset_id=718,
    title="MosMedData COVID19_1110, the studies with masks",
    paper="Morozov SP et al. MosMedData: chest CT scans with COVID-19 related findings dataset. medRxiv 2020. "
    "doi:10.1101/2020.05.20.20100362",
    access="open; mosmed.ai/en",
    licence="CC BY-NC-ND 3.0: no derivatives, a converted copy may not be passed on",
    citation="Morozov et al. 2020, medRxiv 2020.05.20.20100362",
    labels={"background": 0, "disease": 1},
    variants={"CT": "native"},
    lung_definition="not applicable: no lung label",
    faults=(
        "Masks for 50 of 1,110 studies, all of class CT-1: the others are left out unless asked for.",
        "About one slice in ten kept, 8 mm apart.",
    ),
    expected_cases=50,
    options={"unlabelled": "true: also the studies without mask, as images alone (default: false)"},
    layout="public programs",
)


_STUDY, _MASK = r"(study_\d{4})\.nii(?:\.gz)?", r"(study_\d{4})_mask\.nii(?:\.gz)?"


def describe(root: Path, *, unlabelled: bool = False) -> DatasetInfo:
    """What the dataset is: with the studies without mask, it has more cases."""
    return replace(DATASET, expected_cases=1110) if unlabelled else DATASET


def list_cases(root: Path, *, unlabelled: bool = False) -> list[Case]:
    """Cases below ``root``, by number.

    Raises
    ------
    ConversionError, ConversionErrors
        Another layout, a study twice, a mask without study.
    """
    studies, masks = (files_by_case(matching_files(root, name), _case, info=DATASET) for name in (_STUDY, _MASK))
    if not studies or not masks:
        raise layout_error(DATASET, root, wanted="studies/CT-1/study_0255.nii.gz and masks/study_0255_mask.nii.gz")

    def read(place: Path) -> Case:
        return _read_case(place.name, studies.get(place.name), masks.get(place.name))

    return collect_cases(DATASET.name, map(Path, sorted({*masks, *(studies if unlabelled else ())})), read)


def left_out(root: Path, *, unlabelled: bool = False) -> tuple[str, ...]:
    """Say how many studies have no mask."""
    studies, masks = ({_case(name) for _, name in matching_files(root, pattern)} for pattern in (_STUDY, _MASK))
    why = "no mask; option unlabelled = true takes them as images alone"
    return left_out_note(0 if unlabelled else len(studies - masks), "studies", why)


def make_sample(root: Path) -> None:
    """Write two invented studies with a mask and one without."""
    for number, severity in ((255, "CT-1"), (304, "CT-1"), (1, "CT-0")):
        chest = sample_chest(number)
        write_sample(root / "studies" / severity / f"study_{number:04d}.nii.gz", chest.image)
        if severity == "CT-1":
            write_sample(root / "masks" / f"study_{number:04d}_mask.nii.gz", chest.structures["disease"])


def _case(name: re.Match[str]) -> str:
    return name[1]


def _read_case(case: str, study: Path | None, mask: Path | None) -> Case:
    severity = study.parent.name if study is not None else ""
    if study is None or severity not in ("CT-0", "CT-1", "CT-2", "CT-3", "CT-4"):
        found = "a mask without study" if study is None else "a study outside the folders of the classes"
        action = "unpack studies too, or exclude the case with a reason"
        raise ConversionError(DATASET.name, case, found=found, wanted="studies/CT-0 to CT-4", action=action)
    return Case(
        patient=case,
        case=case,
        images={"CT": partial(read_image, study, dataset=DATASET.name, case=case)},
        annotations={} if mask is None else {"manual": partial(_read_disease, mask, case)},
        role="test" if mask is None else "",
        covariates={"severity": severity},
    )


def _read_disease(file: Path, case: str, grid: sitk.Image) -> sitk.Image:
    return read_mask(file, grid, dataset=DATASET.name, case=case)

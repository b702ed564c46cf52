"""LiTS: contrast-enhanced abdominal CT of seven hospitals with liver and liver tumours.

Paper
    Bilic et al. 2023, Med Image Anal 84:102680 (the Liver Tumor Segmentation Benchmark).
Access
    On registration: https://competitions.codalab.org/competitions/17094, two training archives and one of test images;
    unpack them into one folder, in whatever folders they bring.
Licence
    Stated as CC BY-NC-ND 4.0 in one place and CC BY-NC-SA 4.0 in another: read the terms you agreed to; no commercial
    use either way, and do not pass converted copies on.
Layout
    ``volume-0.nii``, ``segmentation-0.nii`` to 130; ``test-volume-0.nii`` to 69 without labels; several public
    programs read these.
Labels
    1 liver, 2 tumour; the liver as an organ is the union of both.
Lung definition
    Not applicable: no lung label.
Kernels
    Not kept by NIfTI: one variant ``CT``.
Faults
    Volumes 28 to 47 (those of 3D-IRCADb but one or two) have lost their spacing: the header says 1 x 1 x 1 mm. They are
    refused; take ``msd_liver``, where it is corrected, exclude them, or set ``unit_spacing`` to ``accept`` (volumes in
    ml and distances in mm are then wrong for them). The axis order differs from volume to volume: kept, with the
    masks turned to it. Test images have no public labels: role ``test``, without annotation.
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
    name="lits",
    dataset_id=722,
    title="LiTS: liver and liver tumours on abdominal CT",
    paper="Bilic P et al. The Liver Tumor Segmentation Benchmark (LiTS). Med Image Anal 2023;84:102680. "
    "doi:10.1016/j.media.2022.102680",
    access="on registration; competitions.codalab.org/competitions/17094",
    licence="CC BY-NC-ND 4.0 or CC BY-NC-SA 4.0 (sources differ); not for redistribution",
    citation="Bilic et al. 2023, Med Image Anal 84:102680",
    labels={"background": 0, "liver": 1, "tumour": 2},
    variants={"CT": "native"},
    lung_definition="not applicable: no lung label",
    faults=(
        "Volumes 28-47: spacing lost (1 x 1 x 1 mm); refused, or taken as they are with unit_spacing = accept.",
        "The axis order differs from volume to volume: kept, masks turned to it.",
        "The same patients as msd_liver, some of them in ct_org: never train on one and test on the other.",
    ),
    expected_cases=201,
    overlaps=("abdomenct_1k", "ct_org", "ircadb", "msd_liver"),
    options={"unit_spacing": UNIT_SPACING_OPTION},
    layout="public programs",
)

_VALUES = {1: 1, 2: 2}


def list_cases(root: Path, *, unit_spacing: UnitSpacing = "refuse") -> list[Case]:
    """Cases below ``root``, by number: ``volume_0``... and, without annotation, ``test_volume_0``...

    Raises
    ------
    ConversionError, ConversionErrors
        No volumes, two of one number, a training volume without segmentation or the reverse, lost spacing.
    """
    check_choice(unit_spacing, get_args(UnitSpacing), option="unit_spacing", dataset=DATASET.name)
    volumes, tests, masks = (_numbered(root, name) for name in ("volume", "test-volume", "segmentation"))
    if not volumes:
        raise layout_error(DATASET, root, wanted="volume-0.nii and segmentation-0.nii ...")
    names = {f"volume_{number}": number for number in sorted({*volumes, *masks})}
    names |= {f"test_volume_{number}": number for number in tests}

    def read(place: Path) -> Case:
        case, number, tested = place.name, names[place.name], place.name.startswith("test")
        path, mask = (tests[number], None) if tested else (volumes.get(number), masks.get(number))
        if path is None or (mask is None and not tested):
            found = "a segmentation without volume" if path is None else "a volume without segmentation"
            wanted, action = f"volume-{number}.nii and segmentation-{number}.nii", "unpack the archive again"
            raise ConversionError(DATASET.name, case, found=found, wanted=wanted, action=action)
        if unit_spacing == "refuse":
            instead = "take msd_liver, exclude the case, or set unit_spacing to accept"
            refuse_unit_spacing(path, dataset=DATASET.name, case=case, instead=instead)
        return Case(
            patient=case,
            case=case,
            images={"CT": partial(read_image, path, dataset=DATASET.name, case=case)},
            annotations={} if mask is None else {"manual": partial(_read_labels, mask, case)},
            role="test" if tested else "",
        )

    return collect_cases(DATASET.name, map(Path, names), read)


def make_sample(root: Path) -> None:
    """Write two labelled invented patients, stored in two axis orders, and one without label."""
    for number, axes in ((0, "LPS"), (27, "RAS")):
        chest = sample_chest(number).turned(axes)
        folder = root / f"Training Batch {1 if number < 28 else 2}"
        write_sample(folder / f"volume-{number}.nii", chest.image)
        write_sample(folder / f"segmentation-{number}.nii", chest.labels(liver=1, heart=2))
    write_sample(root / "LITS-Challenge-Test-Data" / "test-volume-0.nii", sample_chest(3).image)


def _numbered(root: Path, name: str) -> dict[int, Path]:
    found = matching_files(root, rf"{name}-(\d+)\.nii(?:\.gz)?")
    files = files_by_case(found, lambda match: f"{name}_{int(match.group(1))}", info=DATASET)
    return dict(sorted((int(case.rpartition("_")[2]), path) for case, path in files.items()))


def _read_labels(file: Path, case: str, grid: sitk.Image) -> sitk.Image:
    return read_labels(file, grid, values=_VALUES, dataset=DATASET.name, case=case)

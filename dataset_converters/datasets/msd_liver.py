"""Liver and its tumours of the Medical Segmentation Decathlon (Task03_Liver): contrast-enhanced abdominal CT.

Paper
    Antonelli et al. 2022, Nat Commun 13:4128; the CTs and masks are those of LiTS (Bilic 2023, Med Image Anal
    84:102680).
Access
    Open: http://medicaldecathlon.com, archive ``Task03_Liver.tar``; unpack it and give the folder ``Task03_Liver``, or
    the one it lies in.
Licence
    CC BY-SA 4.0 as the Decathlon states it; LiTS itself is published under other terms (see ``lits``).
Layout
    ``dataset.json``, ``imagesTr/liver_0.nii.gz``, ``labelsTr/liver_0.nii.gz``, ``imagesTs``; nnU-Net's own converter
    reads the same.
Labels
    1 liver, 2 tumour (``cancer`` in the files); the liver as an organ is the union of both.
Lung definition
    Not applicable: no lung label.
Kernels
    Not kept by NIfTI: one variant ``CT``.
Faults
    The same images as ``lits``, of which the Decathlon corrected wrong spacings (nnU-Net issue 602): prefer this one.
    Hidden ``._*`` files are left out. The 70 test images have no public labels: role ``test``, without annotation.
"""

from pathlib import Path

from dataset_converters.errors import ConversionError
from dataset_converters.records import Case, DatasetInfo
from dataset_converters.sources.decathlon import decathlon_cases, find_decathlon, read_decathlon, unlisted_files
from dataset_converters.sources.decathlon_sample import write_decathlon

DATASET = DatasetInfo(
    name="msd_liver",
    dataset_id=721,
    title="Medical Segmentation Decathlon, Task03 Liver (liver and tumours)",
    paper="Antonelli M et al. The Medical Segmentation Decathlon. Nat Commun 2022;13:4128. "
    "doi:10.1038/s41467-022-30695-9",
    access="open; medicaldecathlon.com, archive Task03_Liver.tar",
    licence="CC BY-SA 4.0",
    citation="Antonelli et al. 2022, Nat Commun 13:4128; CTs: Bilic et al. 2023, Med Image Anal 84:102680",
    labels={"background": 0, "liver": 1, "tumour": 2},
    variants={"CT": "native"},
    lung_definition="not applicable: no lung label",
    faults=(
        "The same patients as LiTS: never train on one and test on the other.",
        "Hidden ._* files in the archive: left out.",
    ),
    expected_cases=201,
    overlaps=("abdomenct_1k", "ct_org", "ircadb", "lits"),
    layout="public programs",
)


def list_cases(root: Path) -> list[Case]:
    """Cases below ``root`` (or ``root/Task03_Liver``); images without labels have role ``test``.

    Raises
    ------
    ConversionError, ConversionErrors
        The folder is in another layout, or has other labels than ``liver`` and ``cancer``.
    """
    folder = find_decathlon(root, "Task03_Liver")
    collection = read_decathlon(folder, dataset=DATASET.name, names={"cancer": "tumour"})
    if collection.labels != DATASET.labels:
        found, wanted = f"{len(collection.values)} structures in dataset.json", "two, liver = 1 and cancer = 2"
        action = "give the folder of Task03_Liver; other collections of this layout: dataset msd"
        raise ConversionError(DATASET.name, "", found=found, wanted=wanted, action=action)
    return decathlon_cases(collection, dataset=DATASET.name)


def left_out(root: Path) -> tuple[str, ...]:
    """Say how many files ``dataset.json`` does not list."""
    folder = find_decathlon(root, "Task03_Liver")
    return unlisted_files(folder, read_decathlon(folder, dataset=DATASET.name))


def make_sample(root: Path) -> None:
    """Write two labelled invented patients and one without label, in the folder of the archive."""
    structures = {"liver": "liver", "cancer": "heart"}
    write_decathlon(root / "Task03_Liver", prefix="liver", structures=structures)

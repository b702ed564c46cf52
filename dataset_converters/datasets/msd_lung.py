"""Lung tumours of the Medical Segmentation Decathlon (Task06_Lung): CT of lung cancer with the tumour drawn by hand.

Paper
    Antonelli et al. 2022, Nat Commun 13:4128; the CTs are of TCIA NSCLC-Radiogenomics (Bakr 2018, Sci Data 5:180202).
Access
    Open: http://medicaldecathlon.com, archive ``Task06_Lung.tar``; unpack it and give the folder ``Task06_Lung``, or
    the one it lies in.
Licence
    CC BY-SA 4.0: pass a converted copy on only under the same licence.
Layout
    ``dataset.json``, ``imagesTr/lung_001.nii.gz``, ``labelsTr/lung_001.nii.gz``, ``imagesTs``; nnU-Net's own converter
    reads the same.
Labels
    1 tumour (``cancer`` in the files).
Lung definition
    Not applicable: no lung label.
Kernels
    Not kept by NIfTI: one variant ``CT``. The images are of several scanners.
Faults
    64 labelled cases are stated, 63 are in the archive. Its hidden ``._*`` files are left out. The 32 test images have
    no public labels: role ``test``, without annotation.
"""

from pathlib import Path

from dataset_converters.errors import ConversionError
from dataset_converters.records import Case, DatasetInfo
from dataset_converters.sources.decathlon import decathlon_cases, find_decathlon, read_decathlon, unlisted_files
from dataset_converters.sources.decathlon_sample import write_decathlon

DATASET = DatasetInfo(
    name="msd_lung",
    dataset_id=720,
    title="Medical Segmentation Decathlon, Task06 Lung (tumours)",
    paper="Antonelli M et al. The Medical Segmentation Decathlon. Nat Commun 2022;13:4128. "
    "doi:10.1038/s41467-022-30695-9",
    access="open; medicaldecathlon.com, archive Task06_Lung.tar",
    licence="CC BY-SA 4.0",
    citation="Antonelli et al. 2022, Nat Commun 13:4128; CTs: Bakr et al. 2018, Sci Data 5:180202",
    labels={"background": 0, "tumour": 1},
    variants={"CT": "native"},
    lung_definition="not applicable: no lung label",
    faults=(
        "64 labelled cases stated, 63 published: the archive counts.",
        "Hidden ._* files in the archive: left out.",
        "Kernel and scanner are not in the files: one variant CT, nothing assumed.",
    ),
    expected_cases=95,
    overlaps=("nsclc_radiogenomics",),
    layout="public programs",
)


def list_cases(root: Path) -> list[Case]:
    """Cases below ``root`` (or ``root/Task06_Lung``); images without labels have role ``test``.

    Raises
    ------
    ConversionError, ConversionErrors
        The folder is in another layout, or has other labels than ``cancer``.
    """
    folder = find_decathlon(root, "Task06_Lung")
    collection = read_decathlon(folder, dataset=DATASET.name, names={"cancer": "tumour"})
    if collection.labels != DATASET.labels:
        found, wanted = f"{len(collection.values)} structures in dataset.json", "one, cancer = 1"
        action = "give the folder of Task06_Lung; other collections of this layout: dataset msd"
        raise ConversionError(DATASET.name, "", found=found, wanted=wanted, action=action)
    return decathlon_cases(collection, dataset=DATASET.name)


def left_out(root: Path) -> tuple[str, ...]:
    """Say how many files ``dataset.json`` does not list."""
    folder = find_decathlon(root, "Task06_Lung")
    return unlisted_files(folder, read_decathlon(folder, dataset=DATASET.name))


def make_sample(root: Path) -> None:
    """Write two labelled invented patients and one without label, in the folder of the archive."""
    write_decathlon(root / "Task06_Lung", prefix="lung", structures={"cancer": "tumour"})

"""Any collection in the layout of the Medical Segmentation Decathlon (MSD) or of nnU-Net raw.

Paper
    Antonelli et al. 2022, Nat Commun 13:4128, for the layout; the paper of the collection itself for its content.
Access
    The ten tasks: http://medicaldecathlon.com (AWS open data). Task06 and Task03 have files of their own here
    (``msd_lung``, ``msd_liver``), with what is known about them.
Licence
    The ten tasks: CC BY-SA 4.0; else that of your collection. Look it up before you pass anything on.
Layout
    ``dataset.json`` with ``labels``, ``modality`` CT and ``training``: ``imagesTr/*.nii.gz``, ``labelsTr/*.nii.gz``,
    ``imagesTs/*.nii.gz`` without labels; hidden ``._*`` files are left out. nnU-Net's ``channel_names`` and
    ``_0000`` in image names are understood too, its ``ignore`` label stays open.
Labels
    As ``dataset.json`` says, made consecutive, in lower case with ``_``; the option ``names`` gives standard names.
Lung definition
    Not known; write it into the study.
Kernels
    Not kept by NIfTI: one variant ``CT``.
Faults
    Several channels, other modalities and files that are listed but not there are refused.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from dataset_converters.records import Case, DatasetInfo
from dataset_converters.sources.decathlon import decathlon_cases, read_decathlon, unlisted_files
from dataset_converters.sources.decathlon_sample import write_decathlon

DATASET = DatasetInfo(
    name="msd",
    dataset_id=732,
    title="Collection in the Decathlon's layout",
    paper="the layout: Antonelli M et al. The Medical Segmentation Decathlon. Nat Commun 2022;13:4128. "
    "doi:10.1038/s41467-022-30695-9",
    access="medicaldecathlon.com for the ten tasks; else your own folder with dataset.json, imagesTr and labelsTr",
    licence="that of the collection (the ten tasks: CC BY-SA 4.0)",
    citation="Antonelli et al. 2022, Nat Commun 13:4128, and the collection's own paper",
    labels={"background": 0, "tumour": 1},
    variants={"CT": "native"},
    lung_definition="not known",
    options={"names": 'table of other names for structures, for example {"cancer": "tumour"}'},
    layout="public programs",
)


def describe(root: Path, *, names: Mapping[str, str] | None = None) -> DatasetInfo:
    """What ``dataset.json`` says the labels are.

    Raises
    ------
    ConversionError
        The folder is in another layout.
    """
    return replace(DATASET, labels=read_decathlon(root, dataset=DATASET.name, names=names).labels)


def list_cases(root: Path, *, names: Mapping[str, str] | None = None) -> list[Case]:
    """Cases of the folder, as ``dataset.json`` lists them; images without labels have role ``test``.

    Raises
    ------
    ConversionError, ConversionErrors
        The folder is in another layout.
    """
    return decathlon_cases(read_decathlon(root, dataset=DATASET.name, names=names), dataset=DATASET.name)


def left_out(root: Path, *, names: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Say how many files ``dataset.json`` does not list."""
    return unlisted_files(root, read_decathlon(root, dataset=DATASET.name, names=names))


def make_sample(root: Path) -> None:
    """Write two labelled invented patients and one without label, and the hidden files of a Mac."""
    write_decathlon(root, prefix="case", structures={"Right Lung": "right_lung", "Left Lung": "left_lung"})

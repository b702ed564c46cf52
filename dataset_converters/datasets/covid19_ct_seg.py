"""COVID-19-CT-Seg: 20 CT of COVID-19 with left lung, right lung and infection; ten of them are no longer in HU.

Paper
    Ma et al. 2021, Med Phys 48:1197-1210 (arXiv 2004.12537); data: Zenodo 3757476.
Access
    Open: https://zenodo.org/record/3757476. (1) Download ``COVID-19-CT-Seg_20cases.zip`` and
    ``Lung_and_Infection_Mask.zip``, (2) unpack each into a folder of that name, (3) give the folder above.
Licence
    CC BY-NC-SA 4.0.
Layout
    ``COVID-19-CT-Seg_20cases/coronacases_001.nii.gz``, ``.../radiopaedia_10_85902_1.nii.gz``, masks of the same names
    below ``Lung_and_Infection_Mask``. Several public programs read this. The Kaggle mirror has other names and is not
    read.
Labels
    1 right_lung, 2 left_lung, told from where they lie (public descriptions contradict each other), 3 disease
    (infection, which lies inside the lungs; the lungs as a whole are the union of the three).
Lung definition
    Infection in, as label 3; trachea and effusion not stated; no tumours.
Kernels
    Not in the files.
Faults
    The ten radiopaedia images are cut to [-1250, 250] HU and stored as 0 to 255. Option ``cases``: ``hu`` (default)
    gives the ten coronacases, ``8bit`` the ten others with values scaled back (steps of 5.9 HU, nothing outside the
    window) as variant ``CT8bit``. The two are never mixed; an image that is not what its name says is refused.
    10_85902_1 and _3 are one patient, 29_86490_1 and 29_86491_1 most likely: patients are named by the
    Radiopaedia case.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import SimpleITK as sitk

from dataset_converters.annotations.mask_file import read_labels
from dataset_converters.annotations.paired_sides import order_sides
from dataset_converters.errors import ConversionError
from dataset_converters.records import Case, CtImage, DatasetInfo
from dataset_converters.sources.case_list import collect_cases
from dataset_converters.sources.collection_files import FoundFile, files_by_case, layout_error, matching_files
from dataset_converters.sources.left_out import left_out_note
from dataset_converters.sources.sample_volumes import sample_chest, write_sample
from dataset_converters.volumes.image_file import read_image

DATASET = DatasetInfo(
    name="covid19_ct_seg",
    dataset_id=717,
    title="COVID-19-CT-Seg: lungs and infection",
    paper="Ma J et al. Toward data-efficient learning: a benchmark for COVID-19 CT lung and infection segmentation. "
    "Med Phys 2021;48:1197-1210. doi:10.1002/mp.14676",
    access="open; Zenodo record 3757476",
    licence="CC BY-NC-SA 4.0",
    citation="Ma et al. 2021, Med Phys 48:1197-1210; data: doi:10.5281/zenodo.3757476",
    labels={"background": 0, "right_lung": 1, "left_lung": 2, "disease": 3},
    variants={"CT": "native"},
    lung_definition="infection in (label of its own: lung is the union of all three); trachea and effusion not stated",
    faults=(
        "Ten images are cut to a window and stored in 8 bits: left out unless asked for, then alone.",
        "Which value is the right lung is described in two ways: told from where it lies.",
        "Two pairs of images are of one patient each: one patient name.",
    ),
    expected_cases=10,
    overlaps=("medseg9",),
    options={"cases": "hu (default: the ten images in HU) or 8bit (the ten windowed ones)"},
    layout="public programs",
)

WINDOW_HU = (-1250.0, 250.0)
"""What 0 and 255 of the 8-bit images stand for."""

Chosen = Literal["hu", "8bit"]

_NAMES = {"hu": r"(coronacases_\d+)\.nii\.gz", "8bit": r"(radiopaedia_\d+_\d+_\d+)\.nii\.gz"}
_VARIANTS = {"hu": "CT", "8bit": "CT8bit"}
_MASKS = "lung_and_infection_mask"


def describe(root: Path, *, cases: Chosen = "hu") -> DatasetInfo:
    """What the dataset is for the chosen ten cases.

    Raises
    ------
    ConversionError
        ``cases`` has no such choice.
    """
    _check(cases)
    return replace(DATASET, variants={_VARIANTS[cases]: "native"})


def list_cases(root: Path, *, cases: Chosen = "hu") -> list[Case]:
    """Cases below ``root``, by name.

    Raises
    ------
    ConversionError, ConversionErrors
        Another layout, an image without mask or a mask without image: all at once.
    """
    _check(cases)
    found = matching_files(root, _NAMES[cases])
    masks = files_by_case(
        [entry for entry in found if _part(root, entry) == "masks"], lambda name: name[1], info=DATASET
    )
    images = files_by_case([entry for entry in found if _part(root, entry) == ""], lambda name: name[1], info=DATASET)
    if not images or not masks:
        raise layout_error(
            DATASET,
            root,
            wanted="COVID-19-CT-Seg_20cases/coronacases_001.nii.gz and the same below Lung_and_Infection_Mask",
        )

    def read(place: Path) -> Case:
        return _read_case(place.name, images.get(place.name), masks.get(place.name), cases)

    return collect_cases(DATASET.name, map(Path, sorted({*images, *masks})), read)


def left_out(root: Path, *, cases: Chosen = "hu") -> tuple[str, ...]:
    """Say how many images are of the other kind.

    Raises
    ------
    ConversionError
        ``cases`` has no such choice.
    """
    _check(cases)
    other: Chosen = "8bit" if cases == "hu" else "hu"
    files = matching_files(root, _NAMES[other])
    count = len({name[1] for path, name in files if _part(root, (path, name)) == ""})
    values = "8-bit values" if other == "8bit" else "values in HU"
    return left_out_note(count, "images", f"{values}; option cases = {other} takes them, alone")


def make_sample(root: Path) -> None:
    """Write two invented patients in HU and two in 8 bits; lung values in both orders."""
    for seed, name, right in (
        (1, "coronacases_001", 2),
        (2, "coronacases_010", 1),
        (3, "radiopaedia_10_85902_1", 2),
        (3, "radiopaedia_10_85902_3", 2),
    ):
        chest = sample_chest(seed)
        image = chest.image if name.startswith("corona") else _windowed(chest.image)
        write_sample(root / "COVID-19-CT-Seg_20cases" / f"{name}.nii.gz", image)
        labels = chest.labels(right_lung=right, left_lung=3 - right, disease=3)
        write_sample(root / "Lung_and_Infection_Mask" / f"{name}.nii.gz", labels)


def _windowed(image: sitk.Image) -> sitk.Image:
    low, high = WINDOW_HU
    return sitk.IntensityWindowing(sitk.Cast(image, sitk.sitkFloat32), low, high, 0, 255)


def _check(cases: str) -> None:
    if cases not in _NAMES:
        found = f"option cases = {cases!r}"
        raise ConversionError(DATASET.name, "", found=found, wanted="hu or 8bit", action="correct the option")


def _part(root: Path, entry: FoundFile) -> str:
    """Say whether a file is a mask of all structures, an image (empty), or a mask of another archive."""
    folders = [part.lower() for part in entry[0].relative_to(root).parts[:-1]]
    if _MASKS in folders:
        return "masks"
    return "other" if any("mask" in folder for folder in folders) else ""


def _read_case(case: str, image: Path | None, mask: Path | None, cases: Chosen) -> Case:
    if image is None or mask is None:
        found = "a mask without image" if image is None else "an image without mask"
        action = "unpack the missing archive too, or exclude the case with a reason"
        raise ConversionError(DATASET.name, case, found=found, wanted="both", action=action)
    return Case(
        patient="_".join(case.split("_")[:2]),
        case=case,
        images={_VARIANTS[cases]: partial(_read_hounsfield, image, case, cases)},
        annotations={"manual": partial(_read_lungs, mask, case)},
    )


def _read_hounsfield(file: Path, case: str, cases: Chosen) -> CtImage:
    """Read an image, scaled back to HU if it is one of 8 bits."""
    ct = read_image(file, dataset=DATASET.name, case=case)
    values = sitk.GetArrayViewFromImage(ct.image)
    low, high = float(values.min()), float(values.max())
    is_8bit = low >= 0 and high <= 255
    if is_8bit != (cases == "8bit"):
        found, wanted = f"values {low:g} to {high:g}", "0 to 255" if cases == "8bit" else "HU, air below 0"
        raise ConversionError(DATASET.name, case, found=found, wanted=wanted, action="download the archive again")
    if not is_8bit:
        return ct
    scale = (WINDOW_HU[1] - WINDOW_HU[0]) / 255
    hounsfield = sitk.GetImageFromArray(np.round(values * scale + WINDOW_HU[0]).astype(np.int16))
    hounsfield.CopyInformation(ct.image)
    return CtImage(hounsfield, ct.facts)


def _read_lungs(file: Path, case: str, grid: sitk.Image) -> sitk.Image:
    labels = read_labels(file, grid, values={1: 1, 2: 2, 3: 3}, dataset=DATASET.name, case=case)
    return order_sides(labels, dataset=DATASET.name, case=case)

"""OSIC lungs: lung masks of volunteers on CT of the OSIC Pulmonary Fibrosis Progression challenge (Kaggle).

Paper
    None for the masks (Kaggle: sandorkonya/ct-lung-heart-trachea-segmentation); CT: OSIC Pulmonary Fibrosis Progression
    challenge 2020. Faults as listed by github.com/orting (data_modules).
Access
    With a Kaggle account: (1) accept the rules of ``osic-pulmonary-fibrosis-progression`` and download it, (2) download
    the masks, (3) unpack both below one folder.
Licence
    The rules of both on Kaggle; not for redistribution.
Layout
    ``train/<ID>/<n>.dcm`` and ``nrrd_lung/nrrd_lung/<ID>_lung.nrrd``. One public program reads the masks.
Labels
    1 lung (both).
Lung definition
    A 10 mm closing of noisy automatic masks (github.com/orting/denoise-lung-masks), which should fill vessels and small
    lesions. Whether trachea, effusion and tumour are in is not stated, and nothing of this is confirmed.
Kernels
    Read from the files.
Faults
    A mask counts where its header places it, and only if that is the CT's own voxels (``order = header``). Its slices
    are reported to run against the sorted DICOM and one header has a wrong spacing: where headers are wrong, ``order =
    same`` or ``reversed`` lays the mask on the CT slice by slice, from the feet or from the head. Either way the CT
    under the mask must be mostly air (median below -400 HU), or the case is refused. Five masks have lung as value 2
    instead of 1, or the heart as value 2: corrected by name. Some DICOM series cannot be read: refused by name.
    About 100 of 176 patients have a mask (111 by one count, not confirmed): CTs without one are left out, with a note.
    One file name has a blank.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import SimpleITK as sitk

from dataset_converters.annotations.mask_file import read_labels
from dataset_converters.dicom.sample import write_ct_series
from dataset_converters.dicom.series import read_dicom_series
from dataset_converters.errors import ConversionError
from dataset_converters.records import Case, DatasetInfo
from dataset_converters.sources.case_list import collect_cases
from dataset_converters.sources.collection_files import files_by_case, layout_error, matching_files, patient_folders
from dataset_converters.sources.left_out import left_out_note
from dataset_converters.sources.sample_volumes import sample_chest, write_sample
from dataset_converters.volumes.image_file import read_voxels

DATASET = DatasetInfo(
    name="osic",
    dataset_id=716,
    title="OSIC pulmonary fibrosis CT with volunteers' lung masks",
    paper="OSIC Pulmonary Fibrosis Progression challenge, Kaggle 2020; masks: Konya S, CT lung, heart and trachea "
    "segmentation, Kaggle 2020",
    access="Kaggle account; osic-pulmonary-fibrosis-progression and sandorkonya/ct-lung-heart-trachea-segmentation",
    licence="Kaggle rules of both; not for redistribution",
    citation="OSIC Pulmonary Fibrosis Progression, Kaggle 2020; masks: Konya 2020",
    labels={"background": 0, "lung": 1},
    variants={"CT": "native"},
    lung_definition="10 mm closing of automatic masks (vessels presumably in: not confirmed); trachea, effusion and "
    "tumour not stated",
    faults=(
        "Slice order of some masks against the DICOM: placed by header, or by option order; checked on the CT.",
        "Value 2 for lung in four masks, for heart in one: corrected by name.",
        "One header with a wrong spacing: refused unless order says how the slices run.",
    ),
    options={"order": "header (default), same (mask slices from the feet) or reversed (from the head)"},
    layout="public programs",
)

VALUES = {
    "ID00019637202178323708467": {2: 1},
    "ID00048637202185016727717": {2: 1},
    "ID00122637202216437668965": {2: 1},
    "ID00149637202232704462834": {2: 1},
    "ID00139637202231703564336": {1: 1, 2: 0},  # 2 is the heart
}
"""Patients whose masks have other values than 1: value in the file to label."""
HIGHEST_MEDIAN_HU = -400.0

Order = Literal["header", "same", "reversed"]

_PATIENT = r"ID\d{23}"
_MASK = rf"({_PATIENT})[ _]+lung ?\.nrrd"


def list_cases(root: Path, *, order: Order = "header") -> list[Case]:
    """Cases below ``root``: the patients with a lung mask, by name.

    Raises
    ------
    ConversionError, ConversionErrors
        Another layout, a mask twice, a mask without CT, an option without such a choice.
    """
    if order not in get_args(Order):
        found, wanted = f"option order = {order!r}", " or ".join(get_args(Order))
        raise ConversionError(DATASET.name, "", found=found, wanted=wanted, action="correct the option")
    masks = files_by_case(matching_files(root, _MASK), lambda name: name[1], info=DATASET)
    folders = {folder.name: folder for folder in patient_folders(root, _PATIENT)}
    if not masks or not folders:
        raise layout_error(DATASET, root, wanted="train/<ID>/<n>.dcm and nrrd_lung/nrrd_lung/<ID>_lung.nrrd")

    def read(place: Path) -> Case:
        return _read_case(place.name, folders.get(place.name), masks[place.name], order)

    return collect_cases(DATASET.name, map(Path, sorted(masks)), read)


def left_out(root: Path, *, order: Order = "header") -> tuple[str, ...]:
    """Say how many CTs have no lung mask."""
    masks = {name[1] for _, name in matching_files(root, _MASK)}
    count = len({folder.name for folder in patient_folders(root, _PATIENT)} - masks)
    return left_out_note(count, "CTs", "no lung mask")


def make_sample(root: Path) -> None:
    """Write two invented patients under names of the collection, one with lung as value 2 and a blank in a name."""
    for seed, (patient, value, name) in enumerate(
        (("ID00007637202177411956430", 1, "{}_lung.nrrd"), ("ID00019637202178323708467", 2, "{} _lung.nrrd"))
    ):
        chest = sample_chest(seed)
        write_ct_series(root / "train" / patient, chest.image, kernel="B60f", manufacturer="SIEMENS")
        stored = chest.turned("LPI").labels(lung=value)
        write_sample(root / "nrrd_lung" / "nrrd_lung" / name.format(patient), stored)


def _read_case(case: str, folder: Path | None, mask: Path, order: Order) -> Case:
    if folder is None:
        action = "unpack the CTs too, or exclude the patient with a reason"
        raise ConversionError(DATASET.name, case, found="a mask without CT", wanted="both", action=action)
    return Case(
        patient=case,
        case=case,
        images={"CT": partial(read_dicom_series, folder, dataset=DATASET.name, case=case)},
        annotations={"volunteers": partial(_read_lungs, mask, order, case)},
    )


def _read_lungs(file: Path, order: Order, case: str, grid: sitk.Image) -> sitk.Image:
    values = VALUES.get(case, {1: 1})
    if order == "header":
        mask = read_labels(file, grid, values=values, dataset=DATASET.name, case=case)
    else:
        mask = _laid(file, values, order, case, grid)
    inside = sitk.GetArrayViewFromImage(grid)[sitk.GetArrayViewFromImage(mask) > 0]
    if not inside.size or np.median(inside) > HIGHEST_MEDIAN_HU:
        found = f"a mask over a median of {np.median(inside):.0f} HU" if inside.size else "an empty mask"
        raise _fault(case, found, f"lung, below {HIGHEST_MEDIAN_HU:g} HU (is it the other way up?)")
    return mask


def _laid(file: Path, values: Mapping[int, int], order: Order, case: str, grid: sitk.Image) -> sitk.Image:
    """Return the mask slice by slice on the CT, whatever its header says."""
    voxels, _ = read_voxels(file, dataset=DATASET.name, case=case)
    unknown = sorted(set(np.unique(voxels).tolist()) - {0, *values})
    if unknown or voxels.shape != grid.GetSize()[::-1]:
        found = f"values {unknown[:8]}" if unknown else f"{voxels.shape} voxels (z, y, x)"
        raise _fault(case, f"a mask with {found}", f"0, {', '.join(map(str, values))} on {grid.GetSize()[::-1]} voxels")
    upward = np.reshape(grid.GetDirection(), (3, 3))[2, 2] > 0
    lung = np.isin(voxels, [value for value, label in values.items() if label]).astype(np.uint8)
    mask = sitk.GetImageFromArray(lung if upward == (order == "same") else lung[::-1])
    mask.CopyInformation(grid)
    return mask


def _fault(case: str, found: str, wanted: str) -> ConversionError:
    action = "try the option order (same, reversed), or exclude the patient with a reason"
    return ConversionError(DATASET.name, case, found=found, wanted=wanted, action=action)

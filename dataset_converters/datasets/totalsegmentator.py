"""TotalSegmentator: about 1,200 CTs of one hospital network with 104 or 117 structures, lungs by lobe.

Paper
    Wasserthal et al. 2023, Radiol Artif Intell 5:e230024.
Access
    Open: Zenodo record 6802614 (v1, 1,204 CTs) or 10047292 (v2, 1,228 CTs); unpack it and give the folder that holds
    ``s0000``.
Licence
    CC BY 4.0.
Layout
    ``s0000/ct.nii.gz``, ``s0000/segmentations/lung_upper_lobe_left.nii.gz`` and so on, ``meta.csv`` with semicolons;
    the official program and several others read these. v1 and v2 are the same in what is read here.
Labels
    1 right_lung, 2 left_lung: the lobes together.
Lung definition
    As the lobes: airways outside the lungs are out. Drawn by models that were corrected and trained again, round after
    round; whether tumour and effusion are inside is not stated and differs.
Kernels
    Gone: all images are resampled to 1.5 mm. Not for questions about kernels. One variant ``CT``.
Faults
    Many CTs show no lung, or a part of it: an empty annotation is noted by the conversion. About 150 files have axes
    that are not orthonormal (issue 461 of the program): repaired within a tolerance and noted, else refused. Rotated,
    with labels in the padding: s0001, s0044, s0067; noise: s0036, s0130, s0149 (issue 34); lung labels wrong: s0092,
    s0605 (issue 245): exclude them with that reason where lungs matter. ``meta.csv``: ``test`` becomes role ``test``,
    ``train`` and ``val`` become ``train``; age and sex are kept, the rest is not.
"""

import csv
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Literal

import SimpleITK as sitk

from dataset_converters.annotations.structure_masks import MaskContext, Structure, read_structure_files
from dataset_converters.errors import ConversionError
from dataset_converters.records import Case, DatasetInfo
from dataset_converters.sources.case_list import collect_cases
from dataset_converters.sources.collection_files import layout_error
from dataset_converters.sources.sample_volumes import sample_chest, write_sample
from dataset_converters.volumes.image_file import read_image

DATASET = DatasetInfo(
    name="totalsegmentator",
    dataset_id=725,
    title="TotalSegmentator training data (lungs)",
    paper="Wasserthal J et al. TotalSegmentator: Robust Segmentation of 104 Anatomic Structures in CT Images. "
    "Radiol Artif Intell 2023;5:e230024. doi:10.1148/ryai.230024",
    access="open; Zenodo 10.5281/zenodo.10047292 (v2) or 10.5281/zenodo.6802614 (v1)",
    licence="CC BY 4.0",
    citation="Wasserthal et al. 2023, Radiol Artif Intell 5:e230024; data: doi:10.5281/zenodo.10047292",
    labels={"background": 0, "right_lung": 1, "left_lung": 2},
    variants={"CT": "native"},
    lung_definition="lobes, made with models and corrected; trachea out; tumour and effusion not stated",
    faults=(
        "Resampled to 1.5 mm: kernels are gone; not for questions about kernels.",
        "Axes that are not orthonormal (about 150): repaired within a tolerance and noted, else refused.",
        "Reported wrong: s0001 s0044 s0067 (rotated), s0036 s0130 s0149 (noise), s0092 s0605 (lungs): exclude them.",
    ),
    expected_cases=1228,
    layout="public programs",
)

_LOBES = {
    "lung_upper_lobe_right": 1,
    "lung_middle_lobe_right": 1,
    "lung_lower_lobe_right": 1,
    "lung_upper_lobe_left": 2,
    "lung_lower_lobe_left": 2,
}


def list_cases(root: Path) -> list[Case]:
    """Cases below ``root`` or a folder ``Totalsegmentator_dataset*`` in it, by name.

    Raises
    ------
    ConversionError, ConversionErrors
        No ``s0000``, a case without its CT or a lobe, or a wrong ``meta.csv``.
    """
    parents = [root, *sorted(root.glob("Totalsegmentator_dataset*"))]
    folders = [p for parent in parents for p in sorted(parent.glob("s*")) if re.fullmatch(r"s\d{4}", p.name)]
    if not folders:
        raise layout_error(DATASET, root, wanted="s0000/ct.nii.gz ...")
    rows = _read_meta(folders[0].parent / "meta.csv")
    return collect_cases(DATASET.name, folders, lambda folder: _read_case(folder, rows.get(folder.name, {})))


def make_sample(root: Path) -> None:
    """Write one invented patient to train and one to test, each lung as lobes, and their ``meta.csv``."""
    for number, axes in ((4, "RAS"), (11, "LPS")):
        chest, folder = sample_chest(number).turned(axes), root / f"s{number:04d}"
        write_sample(folder / "ct.nii.gz", chest.image)
        for lobe, side in _LOBES.items():
            lung = chest.structures["right_lung" if side == 1 else "left_lung"]
            lower = chest.structures["tumour" if side == 1 else "effusion"]  # any part of the lung serves
            part = lower if "lower" in lobe else sitk.And(lung, lower == 0)
            write_sample(folder / "segmentations" / f"{lobe}.nii.gz", part if "middle" not in lobe else part * 0)
    rows = "s0004;63;m;A;ct thorax;train\ns0011;58;f;B;ct thorax;test\n"
    (root / "meta.csv").write_text("image_id;age;gender;institute;study_type;split\n" + rows)


def _read_meta(path: Path) -> dict[str, Mapping[str, str]]:
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream, delimiter=";"))
        return {row["image_id"]: {name: row.get(name) or "" for name in ("age", "gender", "split")} for row in rows}
    except (csv.Error, UnicodeError, KeyError, OSError):
        wanted = "a table with semicolons and the columns image_id, age, gender, split"
        raise _fault("", "meta.csv in another form", wanted, "unpack the archive again") from None


def _read_case(folder: Path, row: Mapping[str, str]) -> Case:
    case, image = folder.name, folder / "ct.nii.gz"
    files = [
        (Structure(value, names=(lobe,)), folder / "segmentations" / f"{lobe}.nii.gz") for lobe, value in _LOBES.items()
    ]
    lacking = sum(not path.is_file() for path in (image, *(path for _, path in files)))
    if lacking:
        raise _fault(case, f"{lacking} of 6 files not there", "ct.nii.gz and five lobes", "unpack the archive again")
    roles: dict[str, Literal["train", "test", ""]] = {"train": "train", "val": "train", "test": "test"}
    covariates: dict[str, float | str] = {"age": float(row["age"])} if row.get("age", "").isdecimal() else {}
    if row.get("gender") in ("m", "f"):
        covariates["sex"] = row["gender"].upper()
    return Case(
        patient=case,
        case=case,
        images={"CT": partial(read_image, image, dataset=DATASET.name, case=case)},
        annotations={"corrected_model": partial(_read_lungs, tuple(files), case)},
        role=roles.get(row.get("split", ""), ""),
        covariates=covariates,
    )


def _read_lungs(files: tuple[tuple[Structure, Path], ...], case: str, grid: sitk.Image) -> sitk.Image:
    return read_structure_files(files, grid, context=MaskContext(DATASET.name, case))


def _fault(case: str, found: str, wanted: str, action: str) -> ConversionError:
    return ConversionError(DATASET.name, case, found=found, wanted=wanted, action=action)

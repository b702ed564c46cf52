"""COVID-19-20 challenge: 199 CT with the lesions of COVID-19 drawn, and 50 validation CT without labels.

Paper
    Roth et al. 2022, Med Image Anal 82:102605.
Access
    On registration at https://covid-segmentation.grand-challenge.org: download ``COVID-19-20_v2.zip`` and unpack it.
Licence
    Source images reported as CC BY 4.0 (TCIA CT Images in COVID-19), not confirmed for the challenge's copy; the
    challenge's rules hold.
Layout
    ``COVID-19-20_v2/Train/volume-covid19-A-0003_ct.nii.gz`` with ``..._seg.nii.gz``, and
    ``COVID-19-20_v2/Validation/volume-covid19-A-0001_ct.nii.gz``. Public programs read this.
Labels
    1 disease (lesions).
Lung definition
    Not applicable: no lung label.
Kernels
    Not in the files.
Roles
    ``Train``: train. ``Validation``: test, images without annotation.
Faults
    Ids with a suffix (``0047_1``) are further images of one patient: one patient name (A_0047), several cases. A
    patient in both folders is refused by the conversion. A public script skips 0112, 0247 and 0504 without a
    reason: kept.
"""

import re
from functools import partial
from pathlib import Path

import SimpleITK as sitk

from dataset_converters.annotations.mask_file import read_mask
from dataset_converters.errors import ConversionError
from dataset_converters.records import Case, DatasetInfo
from dataset_converters.sources.case_list import collect_cases
from dataset_converters.sources.collection_files import files_by_case, layout_error, matching_files
from dataset_converters.sources.sample_volumes import sample_chest, write_sample
from dataset_converters.volumes.image_file import read_image

DATASET = DatasetInfo(
    name="covid_19_20",
    dataset_id=719,
    title="COVID-19-20 lung CT lesion segmentation challenge",
    paper="Roth HR et al. Rapid artificial intelligence solutions in a pandemic: the COVID-19-20 Lung CT Lesion "
    "Segmentation Challenge. Med Image Anal 2022;82:102605. doi:10.1016/j.media.2022.102605",
    access="on registration; covid-segmentation.grand-challenge.org, COVID-19-20_v2.zip",
    licence="challenge rules; source images reported as CC BY 4.0, not confirmed",
    citation="Roth et al. 2022, Med Image Anal 82:102605",
    labels={"background": 0, "disease": 1},
    variants={"CT": "native"},
    lung_definition="not applicable: no lung label",
    faults=(
        "Several images of one patient (ids with a suffix): one patient name.",
        "Validation images have no labels: images only, role test.",
    ),
    expected_cases=249,
    overlaps=("ct_images_in_covid_19",),
    layout="public programs",
)

_NAME = r"volume-covid19-(A-\d+(?:[_-]\d+)?)_"


def list_cases(root: Path) -> list[Case]:
    """Cases below ``root``: ``Train`` with lesions, ``Validation`` without.

    Raises
    ------
    ConversionError, ConversionErrors
        Another layout, an image twice, a training image without lesions, lesions without image.
    """
    images = files_by_case(matching_files(root, rf"{_NAME}ct\.nii\.gz"), _case, info=DATASET)
    lesions = files_by_case(matching_files(root, rf"{_NAME}seg\.nii\.gz"), _case, info=DATASET)
    if not images or not lesions:
        raise layout_error(DATASET, root, wanted="Train/volume-covid19-A-0003_ct.nii.gz and ..._seg.nii.gz")

    def read(place: Path) -> Case:
        return _read_case(place.name, images.get(place.name), lesions.get(place.name))

    return collect_cases(DATASET.name, map(Path, sorted({*images, *lesions})), read)


def make_sample(root: Path) -> None:
    """Write two invented images of one patient with lesions, one of another, and one to validate without."""
    for seed, part, name in (
        (3, "Train", "0003"),
        (47, "Train", "0047"),
        (47, "Train", "0047_1"),
        (1, "Validation", "0001"),
    ):
        chest, folder = sample_chest(seed, noise_hu=10.0 + len(name)), root / "COVID-19-20_v2" / part
        write_sample(folder / f"volume-covid19-A-{name}_ct.nii.gz", chest.image)
        if part == "Train":
            write_sample(folder / f"volume-covid19-A-{name}_seg.nii.gz", chest.structures["disease"])


def _case(name: re.Match[str]) -> str:
    return name[1].replace("-", "_")


def _read_case(case: str, image: Path | None, lesions: Path | None) -> Case:
    part = image.parent.name.lower() if image is not None else ""
    if image is None or part not in ("train", "validation") or (part == "train" and lesions is None):
        place = "a training image without lesions" if part == "train" else "an image outside Train and Validation"
        found = "lesions without image" if image is None else place
        action = "unpack the archive again, or exclude the case with a reason"
        raise ConversionError(
            DATASET.name, case, found=found, wanted="Train (with lesions) or Validation", action=action
        )
    return Case(
        patient="_".join(case.split("_")[:2]),
        case=case,
        images={"CT": partial(read_image, image, dataset=DATASET.name, case=case)},
        annotations={} if lesions is None else {"manual": partial(_read_lesions, lesions, case)},
        role="train" if part == "train" else "test",
    )


def _read_lesions(file: Path, case: str, grid: sitk.Image) -> sitk.Image:
    return read_mask(file, grid, dataset=DATASET.name, case=case)

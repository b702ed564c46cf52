"""CHAOS (CT part): contrast-enhanced abdominal CT of 40 liver donors with the healthy liver drawn by hand.

Paper
    Kavur et al. 2021, Med Image Anal 69:101950.
Access
    Open: Zenodo record 3431873, ``CHAOS_Train_Sets.zip`` and ``CHAOS_Test_Sets.zip``; unpack both into one folder.
Licence
    Stated as CC BY-SA 4.0 and as CC BY-NC-SA 4.0: read the record's page before you pass anything on.
Layout
    ``Train_Sets/CT/1/DICOM_anon/*.dcm``, ``Train_Sets/CT/1/Ground/liver_GT_000.png``; ``Test_Sets/CT/3/DICOM_anon``
    without masks. Public programs pair slice and mask by their place in the order of names; so does this one. The
    MR part is left out.
Labels
    1 liver.
Lung definition
    Not applicable: no lung label.
Kernels
    Read from the DICOM files where they kept it: one variant ``CT``.
Faults
    Anonymisation gave each file UIDs of its own, as a public program says: the files of a folder are one series. Names
    run against the position, so that masks sorted by name lie upside down on slices sorted by position: each mask goes
    to the position of its own slice. Some users turn masks in the plane too: if the median
    under the mask is not that of a liver (-20 to 250 HU) the case is refused; the option ``flip`` (x, y or xy) turns
    the masks. Test cases have no public masks: role ``test``, without annotation.
"""

from functools import partial
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import SimpleITK as sitk

from dataset_converters.annotations.png_stack import read_png_masks
from dataset_converters.dicom.headers import find_case_files, read_headers
from dataset_converters.dicom.sample import write_ct_series
from dataset_converters.dicom.series import inspect_dicom_series, load_dicom_series
from dataset_converters.errors import ConversionError
from dataset_converters.records import Case, CtImage, DatasetInfo
from dataset_converters.sources.case_list import collect_cases
from dataset_converters.sources.collection_files import layout_error
from dataset_converters.sources.option_choice import check_choice
from dataset_converters.sources.sample_volumes import sample_chest

DATASET = DatasetInfo(
    name="chaos",
    dataset_id=724,
    title="CHAOS: healthy livers on abdominal CT",
    paper="Kavur AE et al. CHAOS Challenge - combined (CT-MR) healthy abdominal organ segmentation. "
    "Med Image Anal 2021;69:101950. doi:10.1016/j.media.2020.101950",
    access="open; Zenodo 10.5281/zenodo.3431873",
    licence="CC BY-SA 4.0 or CC BY-NC-SA 4.0 (sources differ; read the record's page)",
    citation="Kavur et al. 2021, Med Image Anal 69:101950; data: doi:10.5281/zenodo.3431873",
    labels={"background": 0, "liver": 1},
    variants={"CT": "native"},
    lung_definition="not applicable: no lung label",
    faults=(
        "Series UIDs may differ from file to file: the files of a folder are one series.",
        "Names run against the slice position: each PNG goes to the position of its own DICOM slice.",
        "Masks that may be turned in the plane: refused if what lies under them is no liver; option flip turns them.",
    ),
    expected_cases=40,
    options={"flip": "turn the masks in the plane: none (default), x, y or xy"},
    layout="public programs",
)

Flip = Literal["none", "x", "y", "xy"]
_LIVER_HU = (-20.0, 250.0)


def list_cases(root: Path, *, flip: Flip = "none") -> list[Case]:
    """Cases below ``root`` (folders ``CT/<number>`` in ``Train_Sets`` and ``Test_Sets``), by number.

    Raises
    ------
    ConversionError, ConversionErrors
        No such folder, a number twice, or other than one mask per slice.
    """
    check_choice(flip, get_args(Flip), option="flip", dataset=DATASET.name)
    parts = (path for name in ("DICOM_anon", "Ground") for path in root.rglob(name) if path.is_dir())
    found = {path.parent for path in parts if path.parent.parent.name == "CT" and path.parent.name.isdecimal()}
    folders = sorted(found, key=lambda p: (int(p.name), p))
    if not folders:
        raise layout_error(DATASET, root, wanted="Train_Sets/CT/1/DICOM_anon/*.dcm and Ground/*.png ...")
    return collect_cases(DATASET.name, folders, partial(_read_case, flip=flip))


def make_sample(root: Path) -> None:
    """Write two invented patients with masks, names against the slice order, and one to test."""
    for number, part in ((1, "Train"), (12, "Train"), (3, "Test")):
        chest, folder = sample_chest(number), root / f"{part}_Sets" / "CT" / str(number)
        series = write_ct_series(folder / "DICOM_anon", chest.image, kernel="B", manufacturer="Philips")
        livers = sitk.GetArrayFromImage(chest.structures["liver"])
        for index, file in enumerate(series.files):
            rank = len(series.files) - 1 - index
            file.rename(file.with_name(f"i{rank:04d},0000b.dcm"))
            if part == "Train":
                (folder / "Ground").mkdir(exist_ok=True)
                mask = sitk.GetImageFromArray(livers[index] * np.uint8(255))
                sitk.WriteImage(mask, str(folder / "Ground" / f"liver_GT_{rank:03d}.png"))


def _read_case(folder: Path, flip: Flip) -> Case:
    case = f"chaos_{int(folder.name):02d}"
    slices = find_case_files(folder / "DICOM_anon", dataset=DATASET.name, case=case)
    masks = sorted(path for path in (folder / "Ground").glob("*.png") if not path.name.startswith("."))
    tested = not masks and folder.parents[1].name.startswith("Test")
    if not slices or (len(masks) != len(slices) and not tested):
        found, wanted = f"{len(slices)} slices and {len(masks)} masks", "one mask per slice"
        raise _fault(case, found, wanted, "unpack the archive again")
    annotations = {"manual": partial(_read_liver, tuple(slices), tuple(masks), case, flip)}
    return Case(
        patient=case,
        case=case,
        images={"CT": partial(_read_image, tuple(slices), case)},
        annotations={} if tested else annotations,
        role="test" if tested else "",
    )


def _read_image(slices: tuple[Path, ...], case: str) -> CtImage:
    """Read the slices of a folder as one series, whatever series UIDs anonymisation gave them."""
    headers = read_headers(slices, dataset=DATASET.name, case=case)
    for header in headers:
        header.SeriesInstanceUID = headers[0].get("SeriesInstanceUID")
    return load_dicom_series(inspect_dicom_series(headers, dataset=DATASET.name, case=case))


def _read_liver(
    slices: tuple[Path, ...], masks: tuple[Path, ...], case: str, flip: Flip, grid: sitk.Image
) -> sitk.Image:
    """Put each mask where the slice of the same rank in the order of names lies."""
    planes = read_png_masks(masks, grid.GetSize()[:2], dataset=DATASET.name, case=case)
    planes = planes[:, :: -1 if "y" in flip else 1, :: -1 if "x" in flip else 1]
    liver = np.zeros(grid.GetSize()[::-1], np.uint8)
    for plane, header in zip(planes, read_headers(slices, dataset=DATASET.name, case=case), strict=True):
        place = [float(value) for value in header.ImagePositionPatient]
        liver[round(grid.TransformPhysicalPointToContinuousIndex(place)[2])] = plane
    values_hu = sitk.GetArrayViewFromImage(grid)[liver > 0]
    if values_hu.size and not _LIVER_HU[0] <= float(np.median(values_hu)) <= _LIVER_HU[1]:
        found, wanted = f"a median of {np.median(values_hu):.0f} HU under the mask", "-20 to 250 HU, as in a liver"
        raise _fault(case, found, wanted, "look at an overlay, and turn the masks with the option flip")
    image = sitk.GetImageFromArray(liver)
    image.CopyInformation(grid)
    return image


def _fault(case: str, found: str, wanted: str, action: str) -> ConversionError:
    return ConversionError(DATASET.name, case, found=found, wanted=wanted, action=action)

"""VESSEL12: CT for vessel segmentation, published with masks of both lungs as a courtesy.

Paper
    Rudyanto et al. 2014, Med Image Anal 18:1217-1232. Hofmanninger 2020 tests on the 20 scans.
Access
    Zenodo record 8055066: (1) download ``VESSEL12_01-05`` ... ``VESSEL12_16-20``, ``VESSEL12_01-20_Lungmasks`` and, if
    wanted, ``VESSEL12_ExampleScans`` (cases 21 to 23), (2) unpack all into one folder.
Licence
    Not confirmed on Zenodo; the challenge's rules limited use to the challenge. Not for redistribution.
Layout
    ``VESSEL12_NN.mhd`` with ``.raw``: masks in a folder whose name holds ``Lungmasks``, images in the others. Several
    public programs read this.
Labels
    1 lung (both lungs; the masks do not tell them apart).
Lung definition
    Automatic, offered as it is: trachea, tumour, effusion and consolidation not stated.
Kernels
    Not in the files.
Faults
    Some headers say that slices run downward (third direction -1): the header is honoured, for image and mask alike; a
    mask whose header disagrees with its image is refused. Quality is not guaranteed by the publishers. Vessel points
    (csv) are no dense reference and are left out. nnU-Net does not read ``.mhd``: images are rewritten.
"""

from functools import partial
from pathlib import Path

import SimpleITK as sitk

from dataset_converters.annotations.mask_file import read_mask
from dataset_converters.errors import ConversionError
from dataset_converters.records import Case, DatasetInfo
from dataset_converters.sources.case_list import collect_cases
from dataset_converters.sources.collection_files import FoundFile, files_by_case, layout_error, matching_files
from dataset_converters.sources.sample_volumes import sample_chest, write_sample
from dataset_converters.volumes.image_file import read_image

DATASET = DatasetInfo(
    name="vessel12",
    dataset_id=711,
    title="VESSEL12 challenge CT with masks of both lungs",
    paper="Rudyanto RD et al. Comparing algorithms for automated vessel segmentation in computed tomography scans of "
    "the lung: the VESSEL12 study. Med Image Anal 2014;18:1217-1232. doi:10.1016/j.media.2014.07.003",
    access="open; Zenodo record 8055066",
    licence="not confirmed; challenge use, not for redistribution",
    citation="Rudyanto et al. 2014, Med Image Anal 18:1217-1232",
    labels={"background": 0, "lung": 1},
    variants={"CT": "native"},
    lung_definition="automatic, as it is: trachea, tumour and effusion not stated; both lungs in one label",
    faults=(
        "Third direction -1 in some headers: honoured.",
        "Masks are automatic and without guarantee: reported, not corrected.",
    ),
    expected_cases=23,
    layout="public programs",
)


def list_cases(root: Path) -> list[Case]:
    """Cases below ``root``, by number.

    Raises
    ------
    ConversionError, ConversionErrors
        Another layout, a case twice, an image without mask or a mask without image.
    """
    found = matching_files(root, r"(?i:(VESSEL12_\d\d)\.(?:mhd|mha))")
    masks = files_by_case([entry for entry in found if _is_mask(root, entry)], lambda name: name[1], info=DATASET)
    images = files_by_case([entry for entry in found if not _is_mask(root, entry)], lambda name: name[1], info=DATASET)
    if not images or not masks:
        raise layout_error(DATASET, root, wanted="VESSEL12_01.mhd, and the same below VESSEL12_01-20_Lungmasks")

    def read(place: Path) -> Case:
        return _read_case(place.name, images.get(place.name), masks.get(place.name))

    return collect_cases(DATASET.name, map(Path, sorted({*images, *masks})), read)


def make_sample(root: Path) -> None:
    """Write two invented patients, one of whom is stored with slices that run downward."""
    for seed, axes in ((1, "LPS"), (7, "LPI")):
        chest, name = sample_chest(seed).turned(axes), f"VESSEL12_{seed:02d}.mhd"
        write_sample(root / f"VESSEL12_{'01-05' if seed == 1 else '06-10'}" / name, chest.image)
        write_sample(root / "VESSEL12_01-20_Lungmasks" / name, chest.structures["lung"])


def _is_mask(root: Path, entry: FoundFile) -> bool:
    return any("lungmask" in part.lower() for part in entry[0].relative_to(root).parts[:-1])


def _read_case(case: str, image: Path | None, mask: Path | None) -> Case:
    if image is None or mask is None:
        found = "a mask without image" if image is None else "an image without mask"
        action = "unpack the missing archive too, or exclude the case with a reason"
        raise ConversionError(DATASET.name, case, found=found, wanted="both", action=action)
    return Case(
        patient=case,
        case=case,
        images={"CT": partial(read_image, image, dataset=DATASET.name, case=case)},
        annotations={"automatic": partial(_read_lungs, mask, case)},
    )


def _read_lungs(file: Path, case: str, grid: sitk.Image) -> sitk.Image:
    return read_mask(file, grid, dataset=DATASET.name, case=case, foreground=(1, 255))

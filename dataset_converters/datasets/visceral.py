"""VISCERAL Anatomy3, gold corpus: CT of trunk or whole body, organs outlined by hand, one file per organ.

Paper
    Jimenez-del-Toro et al. 2016, IEEE Trans Med Imaging 35:2459-2475. Hofmanninger 2020 trains on 36 of the 40 lungs.
Access
    The benchmark's page (visceral.eu) is gone. (1) Ask for the images at https://huggingface.co/datasets/mrmrx/CADS-dataset
    (``0001_visceral_gc``, application form in ``images``). (2) The manual masks are those of the benchmark's own
    download; whether the re-release holds them is not confirmed. (3) Put both below one folder. The re-release calls
    its images ``images/<id>_0000.nii.gz``; whether its ids are the benchmark's names is not confirmed either. Where
    they are, ``_0000`` may stay; else rename the images to the names below, as the masks are called.
Licence
    The re-release: academic, non-commercial use, on application. The benchmark's agreement: not found; ask.
Layout
    Anywhere below the folder: images ``<patient>_<visit>_<modality>_<region>.nii.gz`` (``10000112_1_CTce_ThAb``,
    ``..._CT_wb``), masks ``<image>_<RadLex id>_<annotator>.nii.gz``, the annotator's number sometimes empty. Several
    public programs read these names. ``_0000`` may follow an image's name. MR images are left out.
Labels
    1 right_lung (RadLex 1302), 2 left_lung (1326); option ``organs`` names others. Later ones win where they overlap.
Lung definition
    The trachea is an organ of its own (1247; one source), so it is taken to be out of the lungs, which nobody confirms;
    where tumour and effusion belong is not known.
Readers
    ``manual`` takes each organ from the annotator with the lowest number (files without number last); the numbers are
    covariates. Where several annotators drew all organs, each is a reader of its own too (``annotator_8``).
Faults
    A missing organ file does not mean a missing organ: the case is refused, exclude it with a reason. The pseudo-labels
    of the re-release (``part_551`` ...) are refused: a program drew them. The silver corpus (fused programs) cannot be
    told from names: give the gold corpus alone; 10000107 and 10000157 are silver images with faulty reconstruction and
    are refused.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import SimpleITK as sitk

from dataset_converters.annotations.label_parts import combine_parts
from dataset_converters.annotations.mask_file import read_mask
from dataset_converters.errors import ConversionError
from dataset_converters.records import Case, DatasetInfo
from dataset_converters.sources.case_list import collect_cases
from dataset_converters.sources.collection_files import files_by_case, layout_error, matching_files
from dataset_converters.sources.sample_volumes import sample_chest, write_sample
from dataset_converters.volumes.image_file import read_image

DATASET = DatasetInfo(
    name="visceral",
    dataset_id=704,
    title="VISCERAL Anatomy3 gold corpus, CT",
    paper="Jimenez-del-Toro O et al. Cloud-based evaluation of anatomical structure segmentation and landmark "
    "detection algorithms: VISCERAL anatomy benchmarks. IEEE Trans Med Imaging 2016;35:2459-2475. "
    "doi:10.1109/TMI.2016.2578680",
    access="on application; huggingface.co/datasets/mrmrx/CADS-dataset (0001_visceral_gc); manual masks: "
    "the benchmark's own download, no longer public",
    licence="academic and non-commercial use on application; not for redistribution",
    citation="Jimenez-del-Toro et al. 2016, IEEE Trans Med Imaging 35:2459-2475",
    labels={"background": 0, "right_lung": 1, "left_lung": 2},
    variants={"CT": "native"},
    lung_definition="trachea is an organ of its own (that it is out of the lungs: not confirmed); tumour and effusion "
    "not known; drawn by hand",
    faults=(
        "Organ files may be missing, which does not mean that the organ is: the case is refused.",
        "Several annotators per organ: the lowest number is taken, the others are readers if they drew every organ.",
        "Pseudo-labels of the CADS re-release: refused.",
        "Names of the re-release's images: not confirmed; <name>_0000.nii.gz is read, others must be renamed.",
        "10000107 and 10000157 (silver corpus) have faulty reconstructions: refused.",
        "Whole-body and trunk images: most slices show no lung.",
    ),
    expected_cases=40,
    overlaps=("hofmanninger_2020_tests",),
    options={"organs": "list of organs in the order of the labels (default: right_lung, left_lung)"},
    layout="public programs",
)

RADLEX = {
    "right_lung": 1302,
    "left_lung": 1326,
    "trachea": 1247,
    "liver": 58,
    "spleen": 86,
    "aorta": 480,
    "right_kidney": 29662,
    "left_kidney": 29663,
    "pancreas": 170,
    "gallbladder": 187,
    "bladder": 237,
    "sternum": 2473,
    "thyroid": 7578,
}
LUNGS = ("right_lung", "left_lung")

_IMAGE = r"(\d+_\d+_CT(?:ce)?_[A-Za-z]+)"
_FAULTY = ("10000107", "10000157")

OrganFiles = Mapping[str, Mapping[str, Path]]


def describe(root: Path, *, organs: str | list[str] = list(LUNGS)) -> DatasetInfo:  # noqa: B006 (never changed)
    """What the dataset is with the chosen organs as labels.

    Raises
    ------
    ConversionError
        An organ that is not in `RADLEX`, or none.
    """
    chosen = _chosen(organs)
    return replace(DATASET, labels={"background": 0, **{name: value for value, name in enumerate(chosen, start=1)}})


def list_cases(root: Path, *, organs: str | list[str] = list(LUNGS)) -> list[Case]:  # noqa: B006 (never changed)
    """Cases below ``root``, one per CT image, by name.

    Raises
    ------
    ConversionError, ConversionErrors
        Another layout, pseudo-labels, an image twice, an organ file missing, masks without image, a faulty image.
    """
    chosen = _chosen(organs)
    if matching_files(root, r".*_part_55\d\.nii\.gz"):
        found, wanted = "pseudo-labels (part_551 ... part_559), drawn by a program", "the manual masks"
        raise ConversionError(DATASET.name, "", found=found, wanted=wanted, action="remove them from the folder")
    images = files_by_case(matching_files(root, rf"{_IMAGE}(?:_0000)?\.nii\.gz"), lambda name: name[1], info=DATASET)
    organ_files = _organ_files(root)
    if not images or not organ_files:
        raise layout_error(
            DATASET, root, wanted="images 10000112_1_CTce_ThAb.nii.gz and masks 10000112_1_CTce_ThAb_1326_8.nii.gz"
        )

    def read(place: Path) -> Case:
        return _read_case(place.name, images.get(place.name), organ_files.get(place.name, {}), chosen)

    return collect_cases(DATASET.name, map(Path, sorted({*images, *organ_files})), read)


def make_sample(root: Path) -> None:
    """Write two invented patients: one with two annotators, one with an annotator without number."""
    for name, region, annotators in (
        ("10000005_1_CT_wb", "CT_wb", ("8", "12")),
        ("10000112_1_CTce_ThAb", "CTce_ThAb", ("",)),
    ):
        chest = sample_chest(len(region))
        write_sample(root / "volumes" / region / f"{name}.nii.gz", chest.image)
        for organ in LUNGS:
            for annotator in annotators:
                file = root / "segmentations" / region / f"{name}_{RADLEX[organ]}_{annotator}.nii.gz"
                write_sample(file, chest.structures[organ])


def _chosen(organs: str | list[str]) -> tuple[str, ...]:
    names = tuple(re.split(r"[\s,]+", organs.strip()) if isinstance(organs, str) else map(str, organs))
    if not names or len(set(names)) != len(names) or not set(names) <= RADLEX.keys():
        found, wanted = "organs that are not all known, or twice", f"some of {', '.join(RADLEX)}"
        raise ConversionError(DATASET.name, "", found=found, wanted=wanted, action="correct the option organs")
    return names


def _organ_files(root: Path) -> dict[str, OrganFiles]:
    """Return image name to organ to annotator (empty: no number) to file."""
    organs = {number: name for name, number in RADLEX.items()}
    found: defaultdict[str, defaultdict[str, dict[str, Path]]] = defaultdict(lambda: defaultdict(dict))
    masks = matching_files(root, rf"{_IMAGE}_(\d+)_(\d*)\.nii\.gz")
    for name, file in files_by_case(masks, lambda name: "_".join(name.groups()), info=DATASET).items():
        image, radlex, annotator = re.fullmatch(rf"{_IMAGE}_(\d+)_(\d*)", name).groups()  # type: ignore[union-attr]
        if int(radlex) in organs:
            found[image][organs[int(radlex)]][annotator] = file
    return dict(found)


def _read_case(case: str, image: Path | None, files: OrganFiles, organs: tuple[str, ...]) -> Case:
    if image is None:
        action = "get the image too (CADS names: see Access), or exclude the case with a reason"
        raise ConversionError(DATASET.name, case, found="masks without image", wanted="both", action=action)
    patient, _, modality, region = case.split("_")
    missing = [organ for organ in organs if organ not in files]
    if missing or patient in _FAULTY:
        found = f"no mask of {', '.join(missing)}" if missing else "an image with a faulty reconstruction"
        wanted = "a mask of every organ (a missing file does not mean a missing organ)" if missing else "a sound image"
        raise ConversionError(DATASET.name, case, found=found, wanted=wanted, action="exclude the case with a reason")
    picked = {organ: min(files[organ], key=lambda number: int(number or 10**9)) for organ in organs}
    readers = {"manual": {organ: files[organ][picked[organ]] for organ in organs}}
    whole = set.intersection(*(set(files[organ]) for organ in organs))
    if len(whole) > 1:
        for number in sorted(whole, key=lambda number: int(number or 10**9)):
            readers[f"annotator_{number or 'unnumbered'}"] = {organ: files[organ][number] for organ in organs}
    return Case(
        patient=patient,
        case=case,
        images={"CT": partial(read_image, image, dataset=DATASET.name, case=case)},
        annotations={reader: partial(_read_organs, masks, case) for reader, masks in readers.items()},
        covariates={
            "contrast": "yes" if modality == "CTce" else "no",
            "region": region,
            **{f"annotator_{organ}": number or "unnumbered" for organ, number in picked.items()},
        },
    )


def _read_organs(masks: Mapping[str, Path], case: str, grid: sitk.Image) -> sitk.Image:
    parts = [
        (value, read_mask(file, grid, dataset=DATASET.name, case=case, foreground=(1, 255)))
        for value, file in enumerate(masks.values(), start=1)
    ]
    return combine_parts(parts, grid)

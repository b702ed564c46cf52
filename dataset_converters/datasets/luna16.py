"""LUNA16: 888 chest CTs of LIDC-IDRI with lungs and trachea found by a program.

Paper
    Setio et al. 2017, Med Image Anal 42:1-13; lung masks: van Rikxoort et al. 2009, Med Phys 36:2934-2947.
Access
    Open: https://luna16.grand-challenge.org, Zenodo records 3723295 (subsets 0-6) and 4121926 (7-9), with
    ``seg-lungs-LUNA16.zip``; unpack all into one folder.
Licence
    CC BY 4.0 as Zenodo states it; the CTs are of LIDC-IDRI, CC BY 3.0: cite both.
Layout
    ``subset0/<series>.mhd`` with ``.raw`` to ``subset9``, ``seg-lungs-LUNA16/<series>.mhd`` with ``.zraw``; many public
    programs read these.
Labels
    1 right_lung (4 in the files), 2 left_lung (3), 3 trachea (5).
Lung definition
    Automatic: dense disease, tumours at the wall and effusion are out; trachea apart. The challenge gives the masks for
    nodule detection and says that they are no reference for lung segmentation.
Kernels
    Not kept by MetaImage: one variant ``CT``. LIDC-IDRI has them (several vendors), by series.
Faults
    Masks come for all subsets: those of subsets that are not there are left out, with a note; where all ten are there,
    a mask without image is refused. Files are called by the DICOM series, which is traceable: a case is called by the
    first 10 digits of its SHA-256 (``luna_...``). Not a reference: use it to train with care, not to score. The
    covariate ``subset`` is the challenge's fold.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import SimpleITK as sitk

from dataset_converters.annotations.mask_file import read_labels
from dataset_converters.errors import ConversionError
from dataset_converters.records import Case, DatasetInfo
from dataset_converters.sources.case_list import collect_cases
from dataset_converters.sources.collection_files import layout_error
from dataset_converters.sources.left_out import left_out_note
from dataset_converters.sources.sample_volumes import sample_chest, write_sample
from dataset_converters.volumes.image_file import read_image

DATASET = DatasetInfo(
    name="luna16",
    dataset_id=727,
    title="LUNA16: LIDC-IDRI CTs with automatic lungs",
    paper="Setio AAA et al. Validation, comparison, and combination of algorithms for automatic detection of pulmonary "
    "nodules in computed tomography images: The LUNA16 challenge. Med Image Anal 2017;42:1-13. "
    "doi:10.1016/j.media.2017.06.015",
    access="open; luna16.grand-challenge.org, Zenodo 10.5281/zenodo.3723295 and 10.5281/zenodo.4121926",
    licence="CC BY 4.0 (CTs of LIDC-IDRI: CC BY 3.0)",
    citation="Setio et al. 2017, Med Image Anal 42:1-13; Armato et al. 2011, Med Phys 38:915-931",
    labels={"background": 0, "right_lung": 1, "left_lung": 2, "trachea": 3},
    variants={"CT": "native"},
    lung_definition="automatic: trachea apart, dense disease, tumour at the wall and effusion out",
    faults=(
        "Masks are automatic and no reference: reader automatic.",
        "Named by DICOM series: cases are called by a hash of it.",
    ),
    expected_cases=888,
    overlaps=("lidc_idri",),
    layout="public programs",
)

_VALUES = {4: 1, 3: 2, 5: 3}
_MASKS = "seg-lungs-LUNA16"


def list_cases(root: Path) -> list[Case]:
    """Cases below ``root``, by subset and name; masks in a folder ``seg-lungs-LUNA16``.

    Raises
    ------
    ConversionError, ConversionErrors
        No images, a series twice, or one without mask; with all ten subsets, a mask without image.
    """
    images, masks = _images_and_masks(root)
    if not images:
        raise layout_error(DATASET, root, wanted=f"subset0/*.mhd and {_MASKS}/*.mhd")
    if len({path.stem for path in images}) < len(images):
        raise _fault("", "a series twice", "each once", "remove the second copy of the subset")
    alone = _masks_alone(images, masks) if _is_whole(images) else []
    return collect_cases(DATASET.name, [*images, *alone], lambda path: _read_case(path, masks.get(path.stem)))


def left_out(root: Path) -> tuple[str, ...]:
    """Say how many masks belong to subsets that are not there."""
    images, masks = _images_and_masks(root)
    count = 0 if _is_whole(images) else len(_masks_alone(images, masks))
    return left_out_note(count, "masks", "no image of their name; not all ten subsets are there")


def make_sample(root: Path) -> None:
    """Write two invented series in two subsets, with compressed masks as published."""
    for number in (0, 7):
        chest, name = sample_chest(number), f"1.2.826.0.1.{number + 1}"
        write_sample(root / f"subset{number}" / f"{name}.mhd", chest.image)
        (root / _MASKS).mkdir(exist_ok=True)
        labels = chest.labels(left_lung=3, right_lung=4, trachea=5)
        sitk.WriteImage(labels, str(root / _MASKS / f"{name}.mhd"), useCompression=True)


def _images_and_masks(root: Path) -> tuple[list[Path], dict[str, Path]]:
    """Return the images, and the masks by name without ending."""
    files = [path for path in sorted(root.rglob("*.mhd")) if not path.name.startswith(".")]
    masks = {path.stem: path for path in files if _MASKS in path.relative_to(root).parts}
    return [path for path in files if masks.get(path.stem) != path], masks


def _masks_alone(images: Sequence[Path], masks: Mapping[str, Path]) -> list[Path]:
    return [masks[name] for name in sorted(masks.keys() - {path.stem for path in images})]


def _is_whole(images: Sequence[Path]) -> bool:
    return {f"subset{number}" for number in range(10)} <= {part for path in images for part in path.parts}


def _read_case(image: Path, mask: Path | None) -> Case:
    case = f"luna_{hashlib.sha256(image.stem.encode()).hexdigest()[:10]}"
    if image == mask:
        action = "unpack the subsets again, or exclude the case with a reason"
        raise _fault(case, "a mask without image", "both", action)
    if mask is None:
        raise _fault(case, "no mask", f"one of its name in {_MASKS}", f"unpack {_MASKS}.zip into the same folder")
    subsets = [folder.name for folder in image.parents if re.fullmatch(r"subset\d", folder.name)]
    return Case(
        patient=case,
        case=case,
        images={"CT": partial(read_image, image, dataset=DATASET.name, case=case)},
        annotations={"automatic": partial(_read_labels, mask, case)},
        covariates={"subset": subsets[0]} if subsets else {},
    )


def _read_labels(file: Path, case: str, grid: sitk.Image) -> sitk.Image:
    return read_labels(file, grid, values=_VALUES, dataset=DATASET.name, case=case)


def _fault(case: str, found: str, wanted: str, action: str) -> ConversionError:
    return ConversionError(DATASET.name, case, found=found, wanted=wanted, action=action)

"""LOLA11: 55 chest CT of a lung and lobe segmentation challenge, images only; the reference is hidden.

Paper
    van Rikxoort, van Ginneken, Kerkstra 2011, LObe and Lung Analysis (lola11.grand-challenge.org); Hofmanninger 2020
    sends its models' lungs there.
Access
    (1) Register at https://lola11.grand-challenge.org, (2) download the scans, (3) give the folder.
Licence
    The challenge's rules: for use in the challenge, not for redistribution.
Layout
    ``lola11-01`` to ``lola11-55``, ``.mhd`` with ``.raw`` (older) or ``.mha``, anywhere below the folder. Public
    programs read this.
Labels
    None are public: every case has role ``test`` and no annotation. The label map of a prediction is 1 right_lung,
    2 left_lung; `lola_headers.write_submission` writes it back as the challenge wants it (original header and voxel
    order; the values 10 left and 20 right for lungs without lobes are not confirmed).
Lung definition
    The hidden reference is inconsistent for pleural effusion (Hofmanninger 2020): two submissions, with and without
    dense areas, are usual.
Kernels
    Not in the files.
Faults
    30 headers say that slices run upward although they run downward, which turns the patient upside down and swaps the
    sides: corrected by a published list (`lola_headers.REVERSED`). Files with corrected headers are read as they are;
    ``headers = as stored`` corrects nothing, should a later release have other headers. The anatomy report shows which
    way up a case is. A case with another number of slices than published is refused.
"""

from functools import partial
from pathlib import Path
from typing import Literal

import SimpleITK as sitk

from dataset_converters.errors import ConversionError
from dataset_converters.records import Case, DatasetInfo
from dataset_converters.sources.case_list import collect_cases
from dataset_converters.sources.collection_files import files_by_case, layout_error, matching_files
from dataset_converters.sources.lola_headers import SLICES, read_lola_image
from dataset_converters.sources.sample_volumes import sample_chest, turned

DATASET = DatasetInfo(
    name="lola11",
    dataset_id=712,
    title="LObe and Lung Analysis 2011, challenge CT without reference",
    paper="van Rikxoort EM, van Ginneken B, Kerkstra S. LObe and Lung Analysis 2011 (LOLA11). "
    "lola11.grand-challenge.org",
    access="on registration; lola11.grand-challenge.org",
    licence="challenge use only; not for redistribution",
    citation="van Rikxoort et al. 2011, LOLA11, lola11.grand-challenge.org",
    labels={"background": 0, "right_lung": 1, "left_lung": 2},
    variants={"CT": "native"},
    lung_definition="hidden reference, inconsistent for pleural effusion; trachea and tumour not stated",
    faults=(
        "30 of 55 headers have the wrong slice direction: corrected by a published list.",
        "The reference is hidden: images only, role test.",
    ),
    expected_cases=55,
    options={"headers": "corrected (default) or as stored: what to do with the 30 wrong headers"},
    layout="public programs",
)

Headers = Literal["corrected", "as stored"]


def list_cases(root: Path, *, headers: Headers = "corrected") -> list[Case]:
    """Cases below ``root``, by number, images only.

    Raises
    ------
    ConversionError, ConversionErrors
        No such file, a case twice, a number above 55, an option without such a choice.
    """
    if headers not in ("corrected", "as stored"):
        found = f"option headers = {headers!r}"
        raise ConversionError(
            DATASET.name, "", found=found, wanted="corrected or as stored", action="correct the option"
        )
    found_files = matching_files(root, r"(?i:lola11-(\d\d)\.(?:mhd|mha))")
    files = files_by_case(found_files, lambda name: f"lola11_{name[1]}", info=DATASET)
    if not files:
        raise layout_error(DATASET, root, wanted="lola11-01.mhd with lola11-01.raw, or lola11-01.mha")
    names = {path: case for case, path in files.items()}
    return collect_cases(DATASET.name, names, lambda path: _read_case(path, names[path], headers))


def make_sample(root: Path) -> None:
    """Write two invented cases of published length: 35, stored upward, and 04, downward under a header that lies."""
    for number, axes in ((4, "LPI"), (35, "LPS")):
        slices, name = SLICES[number - 1], f"lola11-{number:02d}"
        chest = sample_chest(number, size_xyz=(24, 20, slices), spacing_mm=(14.0, 12.5, 264.0 / slices))
        stored = turned(chest.image, axes)
        spacing = " ".join(f"{value:g}" for value in (14.0, 12.5, round(264.0 / slices, 6)))
        lines = [
            "ObjectType = Image",
            "NDims = 3",
            "BinaryData = True",
            "BinaryDataByteOrderMSB = False",
            "CompressedData = False",
            "TransformMatrix = 1 0 0 0 1 0 0 0 1",
            "Offset = 0 0 0",
            "CenterOfRotation = 0 0 0",
            f"AnatomicalOrientation = {'RPI' if axes == 'LPI' else 'RAI'}",
            "ElementSize = 14 12.5 3",
            f"ElementSpacing = {spacing}",
            f"DimSize = 24 20 {slices}",
            "ElementType = MET_SHORT",
            f"ElementDataFile = {name}.raw ",
        ]
        root.mkdir(parents=True, exist_ok=True)
        (root / f"{name}.mhd").write_text("\n".join([*lines, ""]))
        (root / f"{name}.raw").write_bytes(sitk.GetArrayFromImage(stored).astype("<i2").tobytes())


def _read_case(file: Path, case: str, headers: Headers) -> Case:
    number = int(case[-2:])
    if not 1 <= number <= len(SLICES):
        action = "remove what is not of the collection"
        raise ConversionError(DATASET.name, case, found=f"number {number}", wanted="1 to 55", action=action)
    load = partial(read_lola_image, file, number, case=case, corrected=headers == "corrected")
    return Case(patient=case, case=case, images={"CT": load}, annotations={}, role="test")

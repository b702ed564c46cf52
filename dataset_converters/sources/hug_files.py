"""The files of the HUG interstitial lung diseases by folder and slice number, from its three trees."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dataset_converters.errors import ConversionError
from dataset_converters.sources.collection_files import matching_files

RegionsFrom = Literal["masks", "text"]
Slices = Mapping[int, Path]

LUNGS = "ILD_DB_lungMasks"
TREES: Mapping[RegionsFrom, str] = {"masks": "ILD_DB_volumeROIs", "text": "ILD_DB_txtROIs"}
"""Folders of regions."""


@dataclass(frozen=True)
class HugSeries:
    """The files of one folder by slice number: images, lung masks, region masks; its text files."""

    folder: tuple[str, ...]
    slices: Slices
    lungs: Slices
    regions: Slices
    texts: tuple[Path, ...]

    def has_regions(self, regions_from: RegionsFrom) -> bool:
        """Whether regions are there as masks or text."""
        return bool(self.texts if regions_from == "text" else self.regions)


def find_series(root: Path, *, dataset: str) -> list[HugSeries]:
    """Return every folder of the trees, its slices and masks by slice number.

    Raises
    ------
    ConversionError
        A folder with other characters than letters, digits and _; a slice twice in one folder.
    """
    slices = _by_folder(root, LUNGS, r"CT-.*?(\d+)\.dcm", dataset)
    lungs = _by_folder(root, LUNGS, r"lung_mask_.*?(\d+)\.dcm", dataset)
    regions = _by_folder(root, TREES["masks"], r"roi_mask_.*?(\d+)\.dcm", dataset)
    texts: dict[tuple[str, ...], tuple[Path, ...]] = {}
    for file, _ in matching_files(root, r"(?i:.*\.txt)"):
        if TREES["text"] in file.parts[:-2]:
            folder = _folder_below(file, TREES["text"], dataset)
            texts[folder] = (*texts.get(folder, ()), file)
    return [
        HugSeries(folder, slices.get(folder, {}), lungs.get(folder, {}), regions.get(folder, {}), texts.get(folder, ()))
        for folder in {**slices, **lungs, **regions, **texts}
    ]


def case_name(folder: tuple[str, ...]) -> str:
    """Return the name of a case: patient, perhaps visit."""
    return "_".join(("HUG", *folder))


def _by_folder(root: Path, tree: str, pattern: str, dataset: str) -> dict[tuple[str, ...], dict[int, Path]]:
    """Return the folder below the tree (patient, perhaps visit) to slice number to file."""
    found: dict[tuple[str, ...], dict[int, Path]] = {}
    for file, name in matching_files(root, pattern):
        if tree not in file.parts[:-1]:
            continue
        folder = _folder_below(file, tree, dataset)
        numbered = found.setdefault(folder, {})
        if int(name[1]) in numbered:
            text = f"slice {int(name[1])} twice in {tree} (two series in one folder?)"
            action = "keep one series, or exclude the patient with a reason"
            raise ConversionError(dataset, case_name(folder), found=text, wanted="once", action=action)
        numbered[int(name[1])] = file
    return found


def _folder_below(file: Path, tree: str, dataset: str) -> tuple[str, ...]:
    """Return the folders of a file below a tree: patient, perhaps visit."""
    parts = file.parts[:-1]
    folder = tuple(part for part in parts[parts.index(tree) + 1 :] if part not in ("lung_mask", "roi_mask"))
    if not folder or not all(re.fullmatch(r"[A-Za-z0-9_]+", part) for part in folder):
        found, wanted = "a patient's folder with other characters, or none", "letters, digits and _"
        raise ConversionError(dataset, "", found=found, wanted=wanted, action="give the trees as published")
    return folder

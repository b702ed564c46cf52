"""The label maps in a folder by case: NIfTI, MetaImage or NRRD, under nnU-Net's names."""

import re
from collections.abc import Mapping
from pathlib import Path

from analysis.errors import AnalysisError

SUFFIXES = (".nii.gz", ".nii", ".mha", ".nrrd")
CHANNEL = re.compile(r"_0000$")


def list_label_maps(folder: Path) -> dict[str, Path]:
    """Return the label maps of a folder by case, sorted; other files are left alone.

    The case is the file name without its suffix and without the ``_0000`` of nnU-Net's first image channel.

    Raises
    ------
    AnalysisError
        If the folder is not there or has no label map, or two files belong to one case.
    """
    if not folder.is_dir():
        raise AnalysisError(f"{folder}: no such folder; give a folder of label maps")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        suffix = next((ending for ending in SUFFIXES if path.name.endswith(ending)), "")
        if not suffix or path.name.startswith(".") or not path.is_file():
            continue
        case = CHANNEL.sub("", path.name.removesuffix(suffix))
        if case in found:
            raise AnalysisError(f"{folder}: {found[case].name} and {path.name} are both {case}; keep one of them")
        found[case] = path
    if not found:
        raise AnalysisError(f"{folder}: no label map ({', '.join(SUFFIXES)}); give a folder of label maps")
    return found


def all_cases(references: Mapping[str, Path], predictions: Mapping[str, Path]) -> list[str]:
    """Return every case of two folders, sorted.

    Raises
    ------
    AnalysisError
        If they have none in common, so that their names probably follow different rules.
    """
    if not references.keys() & predictions.keys():
        raise AnalysisError(
            f"no case in common: references such as {next(iter(references))!r}, predictions such as "
            f"{next(iter(predictions))!r}; give the files of a case the same name"
        )
    return sorted(references.keys() | predictions.keys())

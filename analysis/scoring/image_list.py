"""The images of a run as a table: slices, slices that show lung, how sharp it is, how it was acquired."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import SimpleITK as sitk

from analysis.errors import AnalysisError
from analysis.label_map import read_label_map
from analysis.results import IMAGE_COLUMNS, SHARPNESS_COLUMNS
from analysis.run_folder import RunFolder
from analysis.scoring.known_sharpness import sharpness_of_images
from analysis.scoring.structures import reference_structures


def list_images(run: RunFolder, *, workers: int = 1) -> pd.DataFrame:
    """Return one row per image: ``IMAGE_COLUMNS``, its sharpness, then one column per acquisition fact, as text.

    ``slices`` is missing for an image that cannot be read, ``lung_slices`` where the study names no lung or no reader
    of the examination outlined every slice; several such readers: the first. Sharpness (``SHARPNESS_COLUMNS``)
    is missing where it cannot be measured.
    """
    lung_slices = {case: _lung_slices(run, entry) for case, entry in run.matrix["references"].items()}
    listed = list(run.matrix["images"].values())
    sharpness = sharpness_of_images(run, listed, workers=workers)
    rows = []
    for image, measured in zip(listed, sharpness, strict=True):
        row = {name: image.get(name, "") for name in IMAGE_COLUMNS}
        row["slices"] = _depth(run, image["path"])
        row["lung_slices"] = lung_slices.get(f"{image['dataset']}_{image['case']}")
        rows.append(dict(image.get("facts", {})) | row | dict(zip(SHARPNESS_COLUMNS, measured, strict=True)))
    facts = dict.fromkeys(name for row in rows for name in row if name not in (*IMAGE_COLUMNS, *SHARPNESS_COLUMNS))
    images = pd.DataFrame(rows, columns=[*IMAGE_COLUMNS, *SHARPNESS_COLUMNS, *facts])
    return images.astype(dict.fromkeys(("slices", "lung_slices"), "Int64")).fillna(dict.fromkeys(facts, ""))


def _depth(run: RunFolder, path: str) -> int | None:
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(run.path(path)))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return None
    size = reader.GetSize()
    return int(size[2]) if len(size) == 3 else None


def _lung_slices(run: RunFolder, reference: Mapping[str, Any]) -> int | None:
    values = reference_structures(run.study, reference).get(run.study.scoring.lung)
    whole = [entry for entry in reference["readers"].values() if entry["annotated_slices"] is None]
    if not values or not whole:
        return None
    path = run.path(whole[0]["annotation"])
    try:
        labels = read_label_map(path).labels
    except AnalysisError:
        return None
    return int(np.isin(labels, values).any(axis=(1, 2)).sum())

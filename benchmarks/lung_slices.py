"""On which slices an image shows lung, from the annotation it is trained on."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from benchmarks.study import Study


def lung_slices(
    run: Path, study: Study, references: Mapping[str, Any], reader_of: Callable[[str], str]
) -> Callable[[str], tuple[int, ...]]:
    """Return what tells the slices (z) of an image on which its training reader marked ``[scoring] lung``.

    Parameters
    ----------
    references : mapping
        Case id (``<dataset>_<case>``) to its readers and label values, as in ``matrix.json``.
    reader_of : callable
        Image id to the reader it is trained with.
    """

    @cache
    def of_case(case: str, reader: str) -> tuple[int, ...]:
        values = _lung_values(study, references[case])
        labels = sitk.GetArrayFromImage(sitk.ReadImage(str(run / references[case]["readers"][reader]["annotation"])))
        shown = np.asarray(np.isin(labels, values).any(axis=(1, 2)))
        annotated = references[case]["readers"][reader]["annotated_slices"]
        seen = range(len(shown)) if annotated is None else annotated
        return tuple(z for z in sorted(seen) if shown[z])

    return lambda image: of_case(image.rsplit("-", 1)[0], reader_of(image))


def _lung_values(study: Study, reference: Mapping[str, Any]) -> list[int]:
    known = reference["structures"] | reference["reference_only"]
    members = study.scoring.unions.get(study.scoring.lung, (study.scoring.lung,))
    return [value for member in members for value in known[member]]

"""Count what the training slices hold: which slices are annotated, and how many pixels of each label."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class SliceCensus:
    """Annotated slices and their pixels, over the preprocessed cases of one side of a split.

    Attributes
    ----------
    annotated : mapping of str to int array
        Case id to the indices of its slices (first axis) with at least one pixel that is not ignored.
    pixels : mapping of int to int
        Label value to its number of pixels, ignored pixels left out; the region outside nnU-Net's
        crop (-1) counts as background.
    """

    annotated: Mapping[str, np.ndarray]
    pixels: Mapping[int, int]


def take_census(dataset: Any, ignore_label: int | None) -> SliceCensus:
    """Read every label map of an nnU-Net dataset object once; without an ignore label every slice is annotated."""
    annotated: dict[str, np.ndarray] = {}
    pixels: dict[int, int] = {}
    for case in dataset.identifiers:
        labels = np.asarray(dataset.load_case(case)[1][0])
        known = np.ones(labels.shape, bool) if ignore_label is None else labels != ignore_label
        annotated[case] = np.flatnonzero(known.any(axis=(1, 2)))
        values, counts = np.unique(np.maximum(labels[known], 0), return_counts=True)
        for value, count in zip(values.tolist(), counts.tolist(), strict=True):
            pixels[value] = pixels.get(value, 0) + count
    return SliceCensus(annotated, pixels)

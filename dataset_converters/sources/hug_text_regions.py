"""Regions of the HUG interstitial lung diseases as its text files draw them (tree ``ILD_DB_txtROIs``)."""

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from dataset_converters.annotations.text_rois import read_text_rois
from dataset_converters.dicom.headers import read_headers
from dataset_converters.dicom.series import inspect_dicom_series
from dataset_converters.errors import ConversionError
from dataset_converters.records import IGNORED
from dataset_converters.sources.hug_files import HugSeries


def read_text_regions(
    series: HugSeries, grid: sitk.Image, *, patterns: Sequence[str], dataset: str, case: str
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Number of the pattern from 1 in each voxel (z, y, x), 0 where there is none; and the voxels of two patterns.

    Points are taken as mm, slices by the numbers of their files: neither is confirmed (see `read_text_rois`, which
    refuses points outside the slice).

    Raises
    ------
    ConversionError
        No text file or several, another form, an unknown pattern, slices that the series lacks, points outside.
    """
    if len(series.texts) != 1:
        action = "keep the text file of this series, or exclude it with a reason"
        raise ConversionError(dataset, case, found=f"{len(series.texts)} text files", wanted="one", action=action)
    headers = read_headers(list(series.slices.values()), dataset=dataset, case=case)
    ordered = list(inspect_dicom_series(headers, dataset=dataset, case=case).sop_instance_uids)
    uids = [str(header.SOPInstanceUID) for header in headers]
    drawn = read_text_rois(
        series.texts[0],
        grid,
        labels={name: value for value, name in enumerate(patterns, start=1)},
        slices={number: ordered.index(uid) for number, uid in zip(series.slices, uids, strict=True)},
        dataset=dataset,
        case=case,
        unmarked=0,
    )
    values = sitk.GetArrayFromImage(drawn).astype(np.int32)
    both = values == IGNORED
    return np.where(both, 0, values).astype(np.int32), both

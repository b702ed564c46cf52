"""The lung-kernel and the mediastinal-kernel series of one acquisition."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pydicom

from dataset_converters.dicom_headers import kernel_of
from dataset_converters.dicom_series import DicomSeries, group_dicom_series, inspect_dicom_series
from dataset_converters.errors import ConversionError
from dataset_converters.grid import grid_difference
from dataset_converters.kernel_names import KernelTable, classify_kernel


def find_kernel_pair(
    files: Iterable[Path], *, table: KernelTable, dataset: str, case: str
) -> tuple[DicomSeries, DicomSeries]:
    """Return the one sharp and the one soft CT series among DICOM files, checked, with ``kernel_class`` as a fact.

    Localizers, dose reports and objects other than CT are left out.

    Raises
    ------
    ConversionError
        A kernel that the table calls medium or does not know; not exactly one series per class; series of
        different frames of reference or grids; a series that is not one uniform stack.
    """
    groups = group_dicom_series(files, dataset=dataset, case=case)
    classes = [_class_of(headers, table) for headers in groups]
    listed = (
        "; ".join(_describe(headers, name) for headers, name in zip(groups, classes, strict=True)) or "no CT series"
    )
    if not set(classes) <= {"sharp", "soft"}:
        raise ConversionError(
            dataset,
            case,
            found=listed,
            wanted="kernels that the kernel table calls sharp or soft",
            action="name the code in a table of your own (option kernel_table), or take that series out of the folder",
        )
    if sorted(classes) != ["sharp", "soft"]:
        raise ConversionError(
            dataset,
            case,
            found=listed,
            wanted="1 sharp and 1 soft series",
            action="leave only the two series of the pair in the patient's folder",
        )
    series = {
        name: inspect_dicom_series(headers, dataset=dataset, case=case)
        for headers, name in zip(groups, classes, strict=True)
    }
    sharp, soft = (
        replace(series[name], facts={**series[name].facts, "kernel_class": name}) for name in ("sharp", "soft")
    )
    _refuse_other_grid(sharp, soft)
    return sharp, soft


def _class_of(headers: list[pydicom.Dataset], table: KernelTable) -> str:
    return classify_kernel(str(headers[0].get("Manufacturer") or ""), kernel_of(headers[0]), table=table)


def _describe(headers: list[pydicom.Dataset], kernel_class: str) -> str:
    vendor = str(headers[0].get("Manufacturer") or "").strip() or "no manufacturer"
    return f"{vendor} kernel {kernel_of(headers[0]) or 'none'} ({kernel_class}, {len(headers)} slices)"


def _refuse_other_grid(sharp: DicomSeries, soft: DicomSeries) -> None:
    difference = grid_difference(sharp.grid, soft.grid)
    frames = {sharp.frame_of_reference, soft.frame_of_reference} - {""}
    if difference is None and len(frames) < 2:
        return
    found, wanted = difference or ("two frames of reference", "one frame of reference")
    raise ConversionError(
        sharp.dataset,
        sharp.case,
        found=f"a pair whose soft series has {found}",
        wanted=f"the sharp series' {wanted}" if difference else wanted,
        action="transfer of annotations to another grid is not available yet; reconstruct both kernels on one grid",
    )

"""Checks of the DICOM headers behind the loaders of a plan, before any pixel is read."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from dataset_converters.dicom.headers import find_dicom_files, read_headers
from dataset_converters.dicom.series import inspect_dicom_series, load_dicom_series, read_dicom_series
from dataset_converters.errors import ConversionError
from dataset_converters.records import Case, CtImage


def header_faults(cases: Sequence[Case]) -> tuple[list[ConversionError], int]:
    """Return what the headers of series refuse, and of how many images the headers were checked.

    Seen are loaders that are `read_dicom_series` with its arguments; those that hold a series already were checked
    when the cases were listed. Other loaders say nothing before they are called.
    """
    faults, checked = [], 0
    for case in cases:
        for load in case.images.values():
            try:
                checked += _check(load)
            except ConversionError as fault:
                checked += 1
                faults.append(fault)
    return faults, checked


def _check(load: Callable[[], CtImage]) -> bool:
    """Check the headers behind a loader; return whether it has such."""
    if not isinstance(load, partial):
        return False
    if load.func is read_dicom_series and load.args:
        names = {name: load.keywords[name] for name in ("dataset", "case")}
        inspect_dicom_series(read_headers(_files(load.args[0]), **names), **load.keywords)
        return True
    return load.func is load_dicom_series


def _files(files_or_folder: Path | Iterable[Path]) -> Iterable[Path]:
    return find_dicom_files(files_or_folder) if isinstance(files_or_folder, Path) else files_or_folder

"""Files that a study names under ``derive``: beside the study file, or else in the source folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.study import DatasetUse
from benchmarks.study_file import StudyError
from dataset_converters.volumes.nifti import sha256_of
from dataset_converters.writing.option_files import OptionFileError, file_options, with_files_found


def placed_derive(use: DatasetUse, study_file: Path, source: Path) -> tuple[Mapping[str, Any], ...]:
    """Return what a dataset derives, with the absolute path of every file that it names.

    Raises
    ------
    StudyError
        A file is in neither folder.
    """
    places = (("beside the study file", study_file.absolute().parent), ("in the source folder", source))
    try:
        return tuple(with_files_found(entry, places) for entry in use.derive)
    except OptionFileError as error:
        raise StudyError(f"[datasets.{use.name}.derive] {error}; copy it there, or give its absolute path") from None


def file_hashes(derive: tuple[Mapping[str, Any], ...]) -> dict[str, str]:
    """Return the SHA-256 of every file that placed entries name, by place in the list and option; empty if absent."""
    named = {f"{n}.{key}": Path(text) for n, entry in enumerate(derive) for key, text in file_options(entry).items()}
    return {name: sha256_of(path) if path.is_file() else "" for name, path in named.items()}

"""A source collection to an nnU-Net raw dataset and its readers' annotations, whole or resumable.

``dataset.json`` and ``cases.json`` are written last: where they are, the dataset is whole.
"""

import errno
import json
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from dataset_converters.atomic import remove_partial_files
from dataset_converters.case_checks import IDENTIFIER, case_list_faults, exclusion_faults
from dataset_converters.case_list import list_cases_without
from dataset_converters.case_writer import Target, finished_record, write_case
from dataset_converters.conversion_errors import ConversionErrors, raise_faults
from dataset_converters.errors import ConversionError
from dataset_converters.listings import write_listings
from dataset_converters.nifti import sha256_of
from dataset_converters.provenance import code_sha256, source_fingerprint, versions
from dataset_converters.records import Case, DatasetInfo
from dataset_converters.registry import DatasetModule, find_dataset

_ABORTING = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE)


def convert(
    name: str,
    root: Path,
    out: Path,
    *,
    nnunet_name: str | None = None,
    dataset_id: int | None = None,
    training_reader: str = "",
    options: Mapping[str, Any] | None = None,
    exclude: Mapping[str, str] | None = None,
) -> Path:
    """Convert a collection below ``root``; return the nnU-Net folder ``out/nnUNet_raw/Dataset<id>_<name>``.

    The readers' masks and ``cases.json`` go to ``out/annotations/Dataset<id>_<name>``. Run again after an
    interruption, it takes over every finished case whose files, options, code and source are unchanged; the result
    has the same bytes as an undisturbed run. All faulty cases are reported together.

    An annotation without foreground is legal (a healthy patient) and noted in ``cases.json``; if it is so for
    every case that can be trained on, conversion fails. Labels on slices a reader did not annotate are cleared in that
    reader's mask, and noted. ``labelsTr`` holds the training reader's annotation
    (default: each case's first reader; test cases without that reader: their first), with ``ignore`` on
    slices that reader did not annotate.

    Parameters
    ----------
    name : str
        A dataset file.
    nnunet_name, dataset_id
        Default: those of the dataset file.
    options : mapping
        Keywords of the dataset's ``list_cases``.
    exclude : mapping
        Case to the reason it is left out.

    Raises
    ------
    RegistryError
        Unknown dataset.
    ConversionError, ConversionErrors
        One case, or several, cannot be converted; ``dataset.json`` is then absent.
    DiskFullError
        No room; finished cases are kept.
    """
    module = find_dataset(name)
    info, root, out = module.DATASET, Path(root), Path(out)
    settings = _plain_options(info, options or {})
    nnunet = _nnunet_folder(info, out, nnunet_name or info.name, info.dataset_id if dataset_id is None else dataset_id)
    excluded = {case: str(reason) for case, reason in (exclude or {}).items()}
    cases, faulty = _listed_cases(module, root, settings, exclude=excluded)
    raise_faults(info.name, exclusion_faults(info, {case.case for case in cases} | faulty, excluded))
    kept = [case for case in cases if case.case not in excluded]
    raise_faults(info.name, case_list_faults(info, kept, training_reader=training_reader))
    source = source_fingerprint(root, without=out)
    basis = {"converter": info.name, "labels": dict(info.labels), "options": settings}
    basis |= {"code": code_sha256(), "source": source, "option_files": _option_files(settings), "versions": versions()}
    target = Target(out, nnunet, info, training_reader, basis)
    records = _converted_records(target, kept)
    _refuse_empty(info, records)
    write_listings(target, records, settings, excluded)
    return target.raw


def _plain_options(info: DatasetInfo, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options as they read back from JSON; refuse those the dataset does not have."""
    for option in options:
        if option not in info.options:
            known = "; ".join(f"{key}: {meaning}" for key, meaning in info.options.items()) or "none"
            raise ConversionError(
                info.name, "", found=f"option {option!r}", wanted=f"one of its options ({known})", action="correct it"
            )
    try:
        plain: dict[str, Any] = json.loads(json.dumps(dict(options), allow_nan=False))
    except (TypeError, ValueError) as error:
        wanted = "text, numbers, true or false, lists and tables"
        raise ConversionError(
            info.name, "", found=f"an option ({error})", wanted=wanted, action="correct it"
        ) from error
    return plain


def _option_files(options: Mapping[str, Any]) -> dict[str, str]:
    """Return the hash of every file an option names, so that its change is noticed like one of the source."""
    paths = {name: Path(value) for name, value in options.items() if isinstance(value, str) and value}
    return {name: sha256_of(path) for name, path in paths.items() if path.is_file()}


def _nnunet_folder(info: DatasetInfo, out: Path, name: str, dataset_id: int) -> str:
    if not IDENTIFIER.fullmatch(name) or not 1 <= dataset_id <= 999:
        raise ConversionError(
            info.name,
            "",
            found=f"nnU-Net name {name!r} and id {dataset_id}",
            wanted="letters, digits and '_', and an id of 1 to 999",
            action="give another name or id",
        )
    folder = f"Dataset{dataset_id:03d}_{name}"
    others = [path.name for path in (out / "nnUNet_raw").glob(f"Dataset{dataset_id:03d}_*") if path.name != folder]
    if others:
        action = "give another dataset_id or output folder; nnU-Net refuses two datasets of one id"
        raise ConversionError(
            info.name, "", found=f"{others[0]} in {out}", wanted=f"id {dataset_id} free", action=action
        )
    return folder


def _listed_cases(
    module: DatasetModule, root: Path, options: Mapping[str, Any], *, exclude: Mapping[str, str]
) -> tuple[list[Case], set[str]]:
    try:
        return list_cases_without(module, root, options, exclude=exclude)
    except (ConversionError, ConversionErrors):
        raise
    except Exception as error:
        raise _unexpected(module.DATASET, "", error) from error


def _unexpected(info: DatasetInfo, case: str, error: Exception) -> ConversionError:
    """Turn an error of a library or of the dataset file into one that names the case."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return ConversionError(
        info.name,
        case,
        found=f"{type(error).__name__}: {error} ({Path(last.filename).name}, line {last.lineno})",
        wanted="a readable source and options the dataset understands",
        action="check the files and options, or exclude the case with a reason",
    )


def _converted_records(target: Target, cases: Sequence[Case]) -> list[dict[str, Any]]:
    """Write what is missing, collect every fault, and return the records in the order of the cases."""
    _refuse_foreign_folder(target)
    records = {case.case: finished_record(target, case) for case in cases}
    pending = [case for case in cases if records[case.case] is None]
    wanted = {name for record in records.values() if record for name in record["files"]}
    _remove_leftovers(target, wanted, keep_listings=not pending)
    faults: list[ConversionError] = []
    for case in tqdm(pending, desc=target.nnunet, unit="case", file=sys.stderr, disable=None):
        try:
            records[case.case] = write_case(target, case)
        except ConversionError as error:
            faults.append(error)
        except ConversionErrors as errors:
            faults += errors.exceptions
        except MemoryError:
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno in _ABORTING:
                raise
            faults.append(_unexpected(target.info, case.case, error))
    raise_faults(target.info.name, faults)
    return [record for record in records.values() if record is not None]


def _refuse_foreign_folder(target: Target) -> None:
    """Refuse a folder that something else filled: leftovers of ours are removed, files of others never."""
    if (target.raw / "dataset.json").exists() and not (target.annotations / "records").is_dir():
        raise ConversionError(
            target.info.name,
            "",
            found=f"{target.raw} with a dataset.json of another origin",
            wanted="a new folder, or one this command wrote",
            action="give another output folder, name or dataset_id",
        )
    for folder in (target.raw / "imagesTr", target.raw / "labelsTr", target.annotations / "records"):
        folder.mkdir(parents=True, exist_ok=True)


def _remove_leftovers(target: Target, wanted: set[str], *, keep_listings: bool) -> None:
    """Remove files of cases that are no longer wanted, of killed runs, and the marks of a whole dataset."""
    if not keep_listings:
        for listing in (target.raw / "dataset.json", target.annotations / "cases.json"):
            listing.unlink(missing_ok=True)
    for folder in (target.raw / "imagesTr", target.raw / "labelsTr", target.annotations):
        remove_partial_files(folder)
        for path in folder.glob("*.nii.gz"):
            if path.relative_to(target.run).as_posix() not in wanted:
                path.unlink()


def _refuse_empty(info: DatasetInfo, records: Sequence[Mapping[str, Any]]) -> None:
    trainable = [record["case"] for record in records if record["case"]["role"] != "test"]
    if trainable and all(case["readers"][case["training_reader"]]["empty"] for case in trainable):
        raise ConversionError(
            info.name,
            "",
            found=f"no foreground voxel in the training annotation of any of {len(trainable)} cases",
            wanted=f"some of {', '.join(name for name in info.labels if name != 'background')}",
            action="check the label map, the structure names and the training reader",
        )

"""What a conversion would do: its cases, names and settings, and every problem that shows without reading pixels."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_converters.conversion_errors import ConversionErrors
from dataset_converters.errors import ConversionError
from dataset_converters.kernels.evidence import evidence_notes
from dataset_converters.privacy.unexpected import unexpected_fault
from dataset_converters.records import Case, DatasetInfo
from dataset_converters.registry import DatasetModule, RegistryError, describe_dataset, find_dataset, left_out
from dataset_converters.sources.case_list import Listing, list_readable
from dataset_converters.writing.case_checks import IDENTIFIER, case_list_faults, exclusion_faults
from dataset_converters.writing.derived_variants import add_variants


@dataclass(frozen=True)
class ConversionPlan:
    """A conversion before it starts.

    Attributes
    ----------
    info : DatasetInfo
        Of this folder and these options.
    nnunet : str
        ``Dataset<id>_<name>``.
    options : mapping
        As they read back from JSON.
    training_reader : str
        Empty: each case's first reader.
    cases : tuple of Case
        Those to convert, in the order of the source.
    excluded : mapping
        Case to reason.
    problems : tuple of ConversionError
        Empty if conversion can start.
    notes : tuple of str
        What a user should know although it is no fault: files left out on purpose, pairs with little evidence.
    derive : tuple of mapping
        The variants made from others, as asked for.
    """

    info: DatasetInfo
    nnunet: str
    options: Mapping[str, Any]
    training_reader: str
    cases: tuple[Case, ...]
    excluded: Mapping[str, str]
    problems: tuple[ConversionError, ...]
    notes: tuple[str, ...] = ()
    derive: tuple[Mapping[str, Any], ...] = ()


def plan_conversion(
    name: str,
    root: Path,
    out: Path | None,
    *,
    nnunet_name: str | None = None,
    dataset_id: int | None = None,
    training_reader: str = "",
    options: Mapping[str, Any] | None = None,
    exclude: Mapping[str, str] | None = None,
    derive: Sequence[Mapping[str, Any]] = (),
) -> ConversionPlan:
    """List the cases of a collection and check all that needs no pixels; nothing is written.

    Raises
    ------
    RegistryError
        Unknown dataset.
    ConversionError
        An option, the nnU-Net name or the id is wrong, or the folder cannot be described.
    """
    module = find_dataset(name)
    settings = _plain_options(module.DATASET, options or {})
    info = _described(module, root, settings)
    nnunet = _nnunet_folder(info, out, nnunet_name or info.name, info.dataset_id if dataset_id is None else dataset_id)
    excluded = {case: str(reason) for case, reason in (exclude or {}).items()}
    listing = _listed(module, info, root, settings, excluded)
    kept = tuple(case for case in listing.cases if case.case not in excluded)
    problems = list(listing.faults)
    problems += exclusion_faults(info, {case.case for case in listing.cases} | listing.faulty, excluded)
    if kept or not problems:
        problems += case_list_faults(info, kept, training_reader=training_reader)
    notes = (*(() if problems else _left_out(module, root, settings)), *evidence_notes(kept))
    info, kept = add_variants(info, kept, derive, root=root)
    found = tuple(problems)
    return ConversionPlan(info, nnunet, settings, training_reader, kept, excluded, found, notes, tuple(derive))


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
    except (TypeError, ValueError):
        wanted = "text, numbers, true or false, lists and tables"
        raise ConversionError(
            info.name, "", found="an option of another kind", wanted=wanted, action="correct it"
        ) from None
    return plain


def _described(module: DatasetModule, root: Path, options: Mapping[str, Any]) -> DatasetInfo:
    try:
        return describe_dataset(module, root, options)
    except (ConversionError, ConversionErrors, RegistryError):
        raise
    except Exception as error:
        raise unexpected_fault(module.DATASET.name, "", error) from None


def _left_out(module: DatasetModule, root: Path, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what the dataset file says it leaves out on purpose."""
    try:
        return left_out(module, root, options)
    except (ConversionError, ConversionErrors, RegistryError):
        raise
    except Exception as error:
        raise unexpected_fault(module.DATASET.name, "", error) from None


def _nnunet_folder(info: DatasetInfo, out: Path | None, name: str, dataset_id: int) -> str:
    if not IDENTIFIER.fullmatch(name) or not 1 <= dataset_id <= 999:
        found, wanted = f"nnU-Net name {name!r} and id {dataset_id}", "letters, digits and '_', and an id of 1 to 999"
        raise ConversionError(info.name, "", found=found, wanted=wanted, action="give another name or id")
    folder = f"Dataset{dataset_id:03d}_{name}"
    there = (out / "nnUNet_raw").glob(f"Dataset{dataset_id:03d}_*") if out is not None else ()
    others = [path.name for path in there if path.name != folder]
    if others:
        action = "give another dataset_id or output folder; nnU-Net refuses two datasets of one id"
        raise ConversionError(
            info.name, "", found=f"{others[0]} in {out}", wanted=f"id {dataset_id} free", action=action
        )
    return folder


def _listed(
    module: DatasetModule, info: DatasetInfo, root: Path, options: Mapping[str, Any], excluded: Mapping[str, str]
) -> Listing:
    try:
        return list_readable(module, root, options, exclude=excluded)
    except Exception as error:
        return Listing((), faults=(unexpected_fault(info.name, "", error),))

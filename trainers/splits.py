"""Read the training and validation cases of a fold, strictly."""

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from trainers.errors import TrainerError


def read_split(path: Path, fold: int | str, known_cases: Collection[str]) -> tuple[list[str], list[str]]:
    """Return the training and validation case ids of one fold, sorted.

    Parameters
    ----------
    path : Path
        ``splits_<plans_name>.json``: a list with, for each fold, ``train`` and ``val`` ids and, optionally,
        ``patients``, which maps an id to its patient, and ``slices``, which maps a training id to its chosen slices.
    fold : int or str
        Index into that list.
    known_cases : collection of str
        Ids that were preprocessed.

    Raises
    ------
    TrainerError
        The file or the fold is not there, a side is empty, a case is unknown, or a case or patient is on both sides.
    """
    if not path.is_file():
        raise TrainerError(
            f"fold {fold}",
            found=f"no {path}",
            wanted="the splits written beside the plans",
            action="run `python -m trainers.prepare`",
        )
    split = fold_of(json.loads(path.read_text(encoding="utf-8")), fold, str(path))
    check_split(split, f"{path}, fold {fold}", known_cases)
    return sorted(split["train"]), sorted(split["val"])


def read_slices(path: Path, fold: int | str) -> dict[str, list[int]] | None:
    """Return the slices of every training case that a fold is trained on; None: all of them.

    They stand beside ``train`` as ``slices``, counted in the original images.
    """
    split = fold_of(json.loads(path.read_text(encoding="utf-8")), fold, str(path))
    slices: dict[str, list[int]] | None = split.get("slices")
    return slices


def fold_of(splits: Sequence[Mapping[str, Any]], fold: int | str, where: str) -> Mapping[str, Any]:
    """Return one fold, where nnU-Net would draw a random split for a fold beyond the list."""
    if not isinstance(fold, int) or not 0 <= fold < len(splits):
        raise TrainerError(
            where, found=f"fold {fold!r}", wanted=f"0 to {len(splits) - 1}", action="train a fold that is in the file"
        )
    return splits[fold]


def check_split(split: Mapping[str, Any], where: str, known_cases: Collection[str]) -> None:
    """Raise ``TrainerError`` unless a fold can be trained on honestly."""
    train, val = split["train"], split["val"]
    patients = split.get("patients", {})
    for side, cases in (("train", train), ("val", val)):
        if not cases:
            raise TrainerError(where, found=f"no case in {side}", wanted="at least one", action="change the split")
    _refuse(sorted({*train, *val} - set(known_cases)), where, "unknown cases", "preprocessed cases only")
    _refuse(sorted(set(train) & set(val)), where, "cases in train and val", "each case on one side")
    if (slices := split.get("slices")) is not None:
        bare = sorted(case for case in train if not slices.get(case))
        _refuse(bare, where, "cases without chosen slices", "one slice at least of every training case")
    shared = {patients.get(case, case) for case in train} & {patients.get(case, case) for case in val}
    _refuse(sorted(shared), where, "patients in train and val", "each patient on one side")


def _refuse(names: Sequence[str], where: str, what: str, wanted: str) -> None:
    if names:
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        raise TrainerError(where, found=f"{what}: {shown}", wanted=wanted, action="correct the study and prepare again")

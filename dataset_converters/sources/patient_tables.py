"""Tables a user may lay beside own studies: the role of each patient, the slices each reader annotated."""

import csv
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, cast

from dataset_converters.errors import ConversionError

Role = Literal["train", "test", ""]


def read_roles(path: Path, patients: set[str], *, dataset: str) -> dict[str, Role]:
    """Role by patient, from columns ``patient,role``; empty if the file is not there.

    Raises
    ------
    ConversionError
        Wrong columns, a role other than ``train`` and ``test``, a patient unknown, without a role or with both.
    """
    rows = _read_rows(path, ("patient", "role"), patients, dataset)
    roles: dict[str, str] = {}
    for row in rows:
        patient, role = row["patient"], row["role"]
        if role not in ("train", "test"):
            raise _role_fault(dataset, patient, "another role", "train or test", path)
        if roles.setdefault(patient, role) != role:
            raise _role_fault(dataset, patient, "roles train and test", "one role a patient", path)
    absent = sorted(patients - roles.keys())
    if rows and absent:
        raise _role_fault(dataset, absent[0], f"no role ({len(absent)} patients have none)", "train or test", path)
    return cast(dict[str, Role], roles)


def _role_fault(dataset: str, patient: str, found: str, wanted: str, path: Path) -> ConversionError:
    return ConversionError(dataset, patient, found=found, wanted=wanted, action=f"correct {path.name}")


def read_annotated_slices(path: Path, patients: set[str], *, dataset: str) -> dict[str, dict[str, list[int]]]:
    """Slice numbers by patient and reader, from columns ``patient,reader,slice``; empty if the file is not there.

    Raises
    ------
    ConversionError
        Wrong columns, an unknown patient, a slice that is not a whole number from 0.
    """
    slices: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row in _read_rows(path, ("patient", "reader", "slice"), patients, dataset):
        if not (row["slice"].isascii() and row["slice"].isdecimal()):
            found, wanted = f"a slice that is no number in {path.name}", "a whole number from 0"
            raise ConversionError(dataset, row["patient"], found=found, wanted=wanted, action=f"correct {path.name}")
        slices[row["patient"]][row["reader"]].append(int(row["slice"]))
    return slices


def _read_rows(path: Path, columns: tuple[str, ...], patients: set[str], dataset: str) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.DictReader(stream)
        rows = [{name: (row.get(name) or "").strip() for name in columns} for row in reader]
    named = reader.fieldnames or []
    unknown = {row["patient"] for row in rows} - patients
    lacking = set(columns) - set(named)
    if lacking or unknown:
        found = f"no columns {_listed(lacking)}" if lacking else f"{len(unknown)} patients without a folder"
        wanted = f"columns {', '.join(columns)}, and a folder for each patient"
        raise ConversionError(dataset, "", found=f"{path.name}: {found}", wanted=wanted, action=f"correct {path.name}")
    return rows


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(set(names))) or "none"

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
        Wrong columns, a role other than ``train`` and ``test``, a patient missing, unknown or listed twice.
    """
    rows = _read_rows(path, ("patient", "role"), patients, dataset)
    roles = {row["patient"]: row["role"] for row in rows}
    if rows and (len(roles) != len(rows) or roles.keys() != patients or not set(roles.values()) <= {"train", "test"}):
        raise ConversionError(
            dataset,
            "",
            found=f"{path.name} with {len(rows)} lines, {len(roles)} patients, roles {_listed(roles.values())}",
            wanted=f"each of the {len(patients)} patients once, with role train or test",
            action=f"correct {path.name}",
        )
    return cast(dict[str, Role], roles)


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
            found, wanted = f"slice {row['slice']!r} in {path.name}", "a whole number from 0"
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
        found = f"columns {_listed(named)}" if lacking else f"{len(unknown)} patients without a folder"
        wanted = f"columns {', '.join(columns)}, and a folder for each patient"
        raise ConversionError(dataset, "", found=f"{path.name}: {found}", wanted=wanted, action=f"correct {path.name}")
    return rows


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(set(names))) or "none"

"""What the values in a folder's label maps mean: as given, from ``dataset.json``, or simply their numbers."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from analysis.errors import AnalysisError
from analysis.label_map import read_label_map

NOT_SCORED = ("background", "ignore")


@dataclass(frozen=True)
class FolderLabels:
    """Structure to its values in label maps; ``ignore`` is the value of voxels nobody annotated, if there is one.

    ``chosen`` says that the structures were picked by hand, so that label maps may hold others.
    """

    structures: Mapping[str, Sequence[int]] = field(default_factory=dict)
    ignore: int | None = None
    chosen: bool = False

    @property
    def values(self) -> frozenset[int]:
        """Every value that has a meaning, background included."""
        named = {value for values in self.structures.values() for value in values}
        return frozenset({0, *named} | ({self.ignore} if self.ignore is not None else set()))


def parse_labels(arguments: Iterable[str]) -> FolderLabels:
    """Return the structures of arguments such as ``right_lung=1`` and ``lung=1,2``.

    Raises
    ------
    AnalysisError
        If one is written differently or given twice.
    """
    structures: dict[str, list[int]] = {}
    for argument in arguments:
        name, _, values = argument.partition("=")
        numbers = values.split(",")
        if not name or name in structures or not all(number.isdecimal() and int(number) > 0 for number in numbers):
            raise AnalysisError(f"--labels: found {argument!r}, wanted each structure once, as in lung=1,2")
        structures[name] = [int(number) for number in numbers]
    return FolderLabels(structures, chosen=True)


def described_labels(*folders: Path) -> FolderLabels | None:
    """Return the labels in nnU-Net's ``dataset.json`` in a folder or beside it; None if there is none.

    Raises
    ------
    AnalysisError
        If one cannot be read, or two of them give a name different values.
    """
    found: dict[Path, dict[str, list[int]]] = {}
    for path in dict.fromkeys(place / "dataset.json" for folder in folders for place in (folder, folder.parent)):
        if path.is_file():
            found[path] = _read_labels(path)
    if not found:
        return None
    first, *others = found
    for other in others:
        for name, values in found[other].items():
            if found[first].get(name, values) != values:
                raise AnalysisError(
                    f"label {name}: {found[first][name]} in {first}, {values} in {other}; say which with --labels"
                )
    labels = found[first]
    scored = {name: values for name, values in labels.items() if name not in NOT_SCORED}
    return FolderLabels(scored, next(iter(labels.get("ignore", [])), None))


def found_labels(paths: Iterable[Path]) -> FolderLabels:
    """Return a structure ``label_1``... for each value above 0 that occurs; files that cannot be read are passed over.

    Raises
    ------
    AnalysisError
        If every label map is empty.
    """
    values: set[int] = set()
    for path in paths:
        try:
            values |= set(np.unique(read_label_map(path).labels).tolist())
        except AnalysisError:
            continue
    above = sorted(value for value in values if value > 0)
    if not above:
        raise AnalysisError("no label above 0 in any readable label map; give --labels, or check the folders")
    return FolderLabels({f"label_{value}": [value] for value in above})


def _read_labels(path: Path) -> dict[str, list[int]]:
    try:
        labels: Any = json.loads(path.read_text(encoding="utf-8"))["labels"]
        if all(str(key).isdecimal() for key in labels):  # nnU-Net version 1: value to name
            labels = {name: int(value) for value, name in labels.items()}
        found = {str(name): _values(value) for name, value in labels.items()}
        if not all(found.values()):
            raise ValueError("a structure without values")
        return found
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise AnalysisError(f"{path}: no readable labels; correct the file, or give --labels") from None


def _values(value: Any) -> list[int]:
    return [int(entry) for entry in (value if isinstance(value, list) else [value])]

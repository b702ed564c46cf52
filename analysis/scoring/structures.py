"""Which label values make up each scored structure, in predictions and in references."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.study import Study


def predicted_structures(study: Study, values: Mapping[str, int]) -> dict[str, list[int]]:
    """Return the label values of every trained structure and union in a prediction.

    Parameters
    ----------
    values : mapping
        Trained structure to its value in label maps (``structures`` of the matrix).
    """
    trained = {name: [value] for name, value in values.items()}
    return trained | {name: [values[member] for member in members] for name, members in study.scoring.unions.items()}


def reference_structures(study: Study, reference: Mapping[str, Any]) -> dict[str, list[int]]:
    """Return the label values of every structure that the references of an examination can show.

    Trained structures, unions and the reference-only structures of ``[scoring]``. One that the dataset has no label for
    is left out; so is a union of which any part has none, since half a lung is no reference for a lung.

    Parameters
    ----------
    reference : mapping
        An entry of ``references`` in the matrix.
    """
    trained = {name: list(values) for name, values in reference["structures"].items()}
    unions = {name: _union(trained, members) for name, members in study.scoring.unions.items()}
    only = {name: list(values) for name, values in reference.get("reference_only", {}).items()}
    return {name: values for name, values in (trained | unions | only).items() if values}


def scored_structures(study: Study) -> tuple[str, ...]:
    """Return the structures that have score rows, in the order of the study."""
    return (*study.structures, *study.scoring.unions)


def _union(trained: Mapping[str, Sequence[int]], members: Sequence[str]) -> list[int]:
    parts = [trained.get(member, []) for member in members]
    return [value for part in parts for value in part] if all(parts) else []

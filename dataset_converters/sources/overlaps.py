"""Which collections share patients, from ``overlaps.toml``: no study may train and test on one person."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast, get_args

OverlapKind = Literal["same images", "subset", "part", "possible", "cohort"]


@dataclass(frozen=True)
class Overlap:
    """Two collections that share patients, or may.

    Attributes
    ----------
    datasets : tuple of str
        The two names, in the order of the file: for ``subset`` the first lies inside the second.
    kind : str
        ``same images``, ``subset``, ``part`` (some images), ``possible`` (not confirmed) or ``cohort`` (patients of
        published studies).
    evidence : str
        What this rests on.
    patients : mapping
        Collection to a pattern of its patient names whose group is equal for one person in both; empty where the
        numbering is not known.
    """

    datasets: tuple[str, str]
    kind: OverlapKind
    evidence: str
    patients: Mapping[str, re.Pattern[str]] = field(default_factory=dict)

    def partner(self, name: str) -> str:
        """Return the other of the two collections."""
        first, second = self.datasets
        return second if name == first else first


@dataclass(frozen=True)
class SeenBy:
    """A public model that was trained on a collection."""

    model: str
    evidence: str


def shared_patients(a: str, b: str) -> Overlap | None:
    """Return how two collections overlap, in either order; None if no overlap is known."""
    return next((overlap for overlap in overlaps_of(a) if overlap.partner(a) == b), None)


def overlaps_of(name: str) -> tuple[Overlap, ...]:
    """Return every known overlap of a collection."""
    return tuple(overlap for overlap in _pairs() if name in overlap.datasets)


def one_collection(name: str) -> Overlap:
    """Return the overlap of two copies of one collection, with the form of its patient names where a pattern knows it.

    A copy under other names (pseudonyms of a hospital) does not have that form: who is who cannot be told then.
    """
    patterns = [overlap.patients[name] for overlap in overlaps_of(name) if name in overlap.patients]
    return Overlap((name, name), "same images", f"both are {name}", {name: patterns[0]} if patterns else {})


def shared_cases(dataset_a: str, patient_a: str, dataset_b: str, patient_b: str) -> bool | None:
    """Whether two patients are one person: True or False where it is known, None where it cannot be told.

    Within one collection patients are told apart by name, except for the repeats that `repeated_images` lists. Between
    collections without a known overlap the answer is False; where they overlap and the numbering is not known, or a
    name does not have the form it rests on, it is None: a study should then refuse, or say that it accepts the risk.
    """
    if dataset_a == dataset_b:
        repeats = repeated_images(dataset_a)
        return patient_a == patient_b or any({patient_a, patient_b} <= images for images in repeats)
    overlap = shared_patients(dataset_a, dataset_b)
    if overlap is None:
        return False
    keys = [_key(overlap, dataset_a, patient_a), _key(overlap, dataset_b, patient_b)]
    return None if None in keys else keys[0] == keys[1]


def repeated_images(dataset: str) -> tuple[frozenset[str], ...]:
    """Return the groups of case names of a collection that show one person: they stay in one fold."""
    return tuple(frozenset(entry["images"]) for entry in _content().get("repeats", ()) if entry["dataset"] == dataset)


def models_trained_on(dataset: str) -> tuple[SeenBy, ...]:
    """Return the public models that saw a collection in training, so that their scores on it are no test."""
    entries = _content().get("models", ())
    return tuple(SeenBy(entry["name"], entry["evidence"]) for entry in entries if dataset in entry["datasets"])


def other_collections() -> Mapping[str, str]:
    """Return the collections of the file that are no dataset files, with their titles."""
    return dict(_content()["collections"])


def _key(overlap: Overlap, dataset: str, patient: str) -> str | None:
    pattern = overlap.patients.get(dataset)
    found = pattern.fullmatch(patient) if pattern else None
    return found.group(1) if found else None


@cache
def _pairs() -> tuple[Overlap, ...]:
    return tuple(_overlap(entry) for entry in _content()["pairs"])


def _overlap(entry: Mapping[str, Any]) -> Overlap:
    first, second = entry["datasets"]
    kind, patients = entry["kind"], entry.get("patients", {})
    if kind not in get_args(OverlapKind) or first == second or not set(patients) <= {first, second}:
        raise ValueError(f"overlaps.toml: {first} and {second}: kind {kind!r}, patients of {sorted(patients)}")
    patterns = {name: re.compile(pattern) for name, pattern in patients.items()}
    return Overlap((first, second), cast(OverlapKind, kind), entry["evidence"], patterns)


@cache
def _content() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("overlaps.toml").read_text(encoding="utf-8"))

"""One person under two names: kept in one fold where it is known who is who, refused where it is not.

Known overlaps of public collections and of the papers' cohorts stand in ``dataset_converters/sources/overlaps.toml``.
A dataset of a study stands for its converter's collection, or for the ``collection`` the study names.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from benchmarks.patients import Patient, PatientKey
from benchmarks.study import DatasetUse, Study
from benchmarks.study_names import StudyError, refuse_unknown
from dataset_converters.registry import dataset_names
from dataset_converters.sources.overlaps import (
    Overlap,
    one_collection,
    other_collections,
    repeated_images,
    shared_patients,
)

READS_ANY_DATA = ("dicom_pairs", "manifest", "msd", "phantom")
"""Converters whose patient names say nothing about who is who in another dataset."""


def join_persons(
    study: Study, patients: Sequence[Patient], image_hashes: Mapping[str, str] | None = None
) -> list[Patient]:
    """Return the patients, each with the person it is, so that no person is trained on and tested.

    Two patients are one person if the study says so (``same_patients_as``), if the numbering of two collections is
    known, if one collection repeats a person, or if two of their images are equal to the last byte (of two datasets:
    only where an arm trains on one and is tested on the other).

    Parameters
    ----------
    image_hashes : mapping, optional
        Image id to the SHA-256 of its file.
    """
    uses = {use.name: use for use in study.datasets}
    meeting = {name for pair in combinations(uses, 2) if _meet(study, *pair) for name in pair}
    marks: dict[tuple[str, ...], list[PatientKey]] = {}
    for entry in patients:
        for mark in _marks(entry, uses):
            marks.setdefault(mark, []).append(entry.key)
        for image in (image for images in entry.images.values() for image in images):
            if image_hashes and image in image_hashes:
                where = "" if entry.dataset in meeting else entry.dataset
                marks.setdefault(("image", where, image_hashes[image]), []).append(entry.key)
    person = _joined([entry.key for entry in patients], marks.values())
    return [dataclasses.replace(entry, person=person[entry.key]) for entry in patients]


def refuse_overlaps(study: Study, patients: Sequence[Patient]) -> None:
    """Refuse a study that would train and test on one person who has another name in each dataset.

    Parameters
    ----------
    patients : sequence of Patient
        Those with an annotation: no one else is trained on or scored.

    Raises
    ------
    StudyError
        Naming both datasets, the evidence and what to do; or an unknown ``collection``.
    """
    known = [*dataset_names(), *other_collections()]
    for use in study.datasets:
        refuse_unknown(f"datasets.{use.name}.collection", [use.collection] if use.collection else [], known)
    for first, second, overlap in _unresolved(study, patients):
        if overlap.kind != "possible":
            raise StudyError(
                f"[datasets] {first.name} and {second.name} share patients ({overlap.kind}: {overlap.evidence}), and "
                "an arm trains on one and is tested on the other; exclude the shared patients from one of the two and "
                f'give it no_patients_of = ["{second.name}"] (or "{first.name}"), say same_patients_as where a name is '
                "one person in both, or test on one of the two only"
            )


def overlap_warnings(study: Study, patients: Sequence[Patient]) -> list[str]:
    """Return a line for each two datasets that may share patients, and are trained on and tested against each other."""
    return [
        f"datasets {first.name} and {second.name} may share patients ({overlap.evidence}); a result across them may be "
        f'too good; give one no_patients_of = ["{second.name}"] (or "{first.name}") once you know better'
        for first, second, overlap in _unresolved(study, patients)
        if overlap.kind == "possible"
    ]


def collection_of(use: DatasetUse) -> str:
    """Return the collection whose overlaps count for a dataset; empty for data of one's own."""
    return use.collection or ("" if use.converter in READS_ANY_DATA else use.converter)


def _marks(entry: Patient, uses: Mapping[str, DatasetUse]) -> Iterable[tuple[str, ...]]:
    """Yield what a patient's name has in common with the other names of the person, and with no one else's."""
    use = uses[entry.dataset]
    collection = collection_of(use)
    others = [*use.same_patients_as, *(name for name, other in uses.items() if entry.dataset in other.same_patients_as)]
    for other in others:
        yield ("named alike", *sorted((entry.dataset, other)), entry.patient)
    if collection and _own_name(use, entry.patient):
        yield ("collection", collection, entry.patient)
        for group in repeated_images(collection):
            if entry.patient in group:
                yield ("repeat", collection, *sorted(group))
    for other_use in uses.values():
        overlap = None if other_use is use else _overlap(use, other_use)
        pattern = overlap.patients.get(collection) if overlap else None
        if overlap and pattern and (found := pattern.fullmatch(entry.patient)):
            yield ("numbering", *sorted(overlap.datasets), found.group(1))


def _joined(keys: Sequence[PatientKey], groups: Iterable[Sequence[PatientKey]]) -> dict[PatientKey, PatientKey]:
    """Return the smallest key of everything that the groups connect, for every key."""
    parent = {key: key for key in keys}

    def root(key: PatientKey) -> PatientKey:
        while parent[key] != key:
            key = parent[key]
        return key

    for group in groups:
        for key in group[1:]:
            low, high = sorted((root(group[0]), root(key)))
            parent[high] = low
    return {key: root(key) for key in keys}


def _unresolved(study: Study, patients: Sequence[Patient]) -> list[tuple[DatasetUse, DatasetUse, Overlap]]:
    """Return the pairs of datasets that meet in an arm's training and test, overlap, and cannot be told apart."""
    found = []
    for first, second in combinations(study.datasets, 2):
        overlap = _overlap(first, second)
        settled = {first.name, second.name} & {
            *first.same_patients_as,
            *first.no_patients_of,
            *second.same_patients_as,
            *second.no_patients_of,
        }
        if not overlap or settled or not _meet(study, first.name, second.name):
            continue
        if not all(_numbered(study, overlap, use, patients) for use in (first, second)):
            found.append((first, second, overlap))
    return found


def _overlap(first: DatasetUse, second: DatasetUse) -> Overlap | None:
    one, other = collection_of(first), collection_of(second)
    if not one or not other:
        return None
    return one_collection(one) if one == other else shared_patients(one, other)


def _own_name(use: DatasetUse, patient: str) -> bool:
    """Say whether a name is the collection's own: its converter gave it, or it has the known form."""
    pattern = one_collection(collection_of(use)).patients.get(collection_of(use))
    return use.converter == collection_of(use) or (pattern is not None and pattern.fullmatch(patient) is not None)


def _numbered(study: Study, overlap: Overlap, use: DatasetUse, patients: Sequence[Patient]) -> bool:
    """Say whether the name of every patient who is trained on or scored has the form that tells who it is."""
    names = [entry.patient for entry in patients if entry.dataset == use.name and _used(study, entry)]
    if len(set(overlap.datasets)) == 1:
        return all(_own_name(use, name) for name in names)
    pattern = overlap.patients.get(collection_of(use))
    return pattern is not None and all(pattern.fullmatch(name) for name in names)


def _used(study: Study, patient: Patient) -> bool:
    """Say whether an arm or baseline trains on an image of the patient, or a test set scores one."""
    uses = [(arm.datasets, arm.variants) for arm in study.arms]
    uses += [(entry.datasets, entry.variants) for entry in study.test_sets]
    return bool(study.baselines) or any(
        patient.dataset in datasets and set(variants) & set(patient.images) for datasets, variants in uses
    )


def _meet(study: Study, first: str, second: str) -> bool:
    """Say whether an arm or baseline trains on one of the datasets and is tested on the other."""
    everything = tuple(use.name for use in study.datasets)
    trained = {arm.name: arm.datasets for arm in study.arms} | {entry.name: everything for entry in study.baselines}
    return any(
        row in study.rows_on(test_set, tested)
        for row, datasets in trained.items()
        for learnt, tested in ((first, second), (second, first))
        if learnt in datasets
        for test_set in study.test_sets
    )

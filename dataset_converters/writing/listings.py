"""The files that say a conversion is whole: ``cases.json`` for the study, ``dataset.json`` for nnU-Net.

``dataset.json`` asks for NibabelIO because ITK's reader, nnU-Net's default, fills a truncated file with zeros and turns
NaN into 0 HU without a word.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from dataset_converters.atomic import write_json
from dataset_converters.writing.patient_folds import patient_folds
from dataset_converters.writing.provenance import git_commit
from dataset_converters.writing.target import SPLITS, Target


def write_listings(
    target: Target,
    records: Sequence[Mapping[str, Any]],
    options: Mapping[str, Any],
    excluded: Mapping[str, str],
    *,
    notes: Sequence[str] = (),
) -> None:
    """Write ``cases.json``, folds by patient and, last of all, ``dataset.json``; drop records of lost cases.

    ``options`` are those of `shown_options`; ``notes`` come before those on what was written.
    """
    info = target.info
    entries = [record["case"] for record in records]
    notes = [*notes, *_notes(entries, expected=info.expected_cases, excluded=len(excluded))]
    cases_json = {
        "dataset": target.nnunet.split("_", 1)[1],
        "converter": info.name,
        "nnunet": target.nnunet,
        "labels": dict(info.labels),
        "licence": info.licence,
        "citation": info.citation,
        "variant_kinds": dict(info.variants),
        "lung_definition": info.lung_definition,
        "options": options,
        "training_reader": target.training_reader,
        "excluded": excluded,
        "notes": notes,
        "cases": entries,
    }
    wanted = {f"{record['case']['case']}.json" for record in records}
    for leftover in (target.annotations / "records").glob("*.json"):
        if leftover.name not in wanted:
            leftover.unlink()
    write_json(target.annotations / "cases.json", cases_json)
    (target.raw / SPLITS).unlink(missing_ok=True)
    if folds := patient_folds(info.name, entries):
        write_json(target.raw / SPLITS, folds)
    write_json(target.raw / "dataset.json", _dataset_json(target, records, options, excluded))


def _notes(entries: Sequence[Mapping[str, Any]], *, expected: int | None, excluded: int) -> list[str]:
    """Return what a user should know although it is no fault."""
    notes = []
    if expected is not None and len(entries) + excluded != expected:
        notes.append(f"found {len(entries) + excluded} cases; the complete collection has {expected}")
    for found, what in (
        ([case for case in entries if not case["readers"]], "have no annotation: images only"),
        (_with_reader(entries, "cleared_slices"), "had labels on slices that were not annotated; cleared there"),
        (_with_reader(entries, "ignored_voxels"), "have voxels that a reader left open; ignored there"),
    ):
        if found:
            names = ", ".join(case["case"] for case in found[:3]) + (", ..." if len(found) > 3 else "")
            notes.append(f"{len(found)} cases ({names}) {what}")
    linked = sum("linked" in part for case in entries for part in case["variants"].values())
    if linked:
        notes.append(f"{linked} images are source files, listed by their paths: keep the files, and mind their names")
    for case in entries:
        notes += [
            f"{case['case']}: the annotation of {reader} has no foreground"
            for reader, entry in case["readers"].items()
            if entry["empty"]
        ]
        hashes = [entry["sha256"] for entry in case["variants"].values()]
        if len(set(hashes)) < len(hashes):
            notes.append(f"{case['case']}: two variants are the same image; is one series listed twice?")
    return notes


def _with_reader(entries: Sequence[Mapping[str, Any]], count: str) -> list[Mapping[str, Any]]:
    return [case for case in entries if any(entry[count] for entry in case["readers"].values())]


def _dataset_json(
    target: Target, records: Sequence[Mapping[str, Any]], options: Mapping[str, Any], excluded: Mapping[str, str]
) -> dict[str, Any]:
    info = target.info
    ignored = any(record["ignored"] for record in records)
    labelled = _listed_images(target, [record["case"] for record in records if record["case"]["readers"]])
    unlabelled = _listed_images(target, [record["case"] for record in records if not record["case"]["readers"]])
    files = {name: value for record in records for name, value in record["files"].items()}
    links = {name: value for record in records for name, value in record["links"].items()}
    prefix = f"nnUNet_raw/{target.nnunet}/"
    return {
        "channel_names": {"0": "CT"},
        "labels": {**info.labels, **({"ignore": target.ignore} if ignored else {})},
        "numTraining": len(labelled),
        "file_ending": ".nii.gz",
        "overwrite_image_reader_writer": "NibabelIO",
        "name": target.nnunet,
        "description": info.title,
        "reference": info.paper,
        "licence": info.licence,
        "citation": info.citation,
        "dataset": labelled,
        **({"unlabelled": unlabelled} if unlabelled else {}),
        "provenance": {
            "converter": info.name,
            "commit": git_commit(),
            "code": target.basis["code"],
            "versions": target.basis["versions"],
            "kernel_table": target.basis["kernel_table"],
            "options": options,
            "training_reader": target.training_reader,
            "excluded": excluded,
            "files": {name.removeprefix(prefix): value for name, value in files.items() if name.startswith(prefix)},
            **({"linked": links} if links else {}),
        },
    }


def _listed_images(target: Target, entries: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return nnU-Net's list: every variant of every case with its image and the label map of the case."""
    prefix = f"nnUNet_raw/{target.nnunet}/"
    return {
        f"{case['case']}-{variant}": {
            "images": [part["image"].removeprefix(prefix)],
            **({"label": case["label"].removeprefix(prefix)} if case["label"] else {}),
        }
        for case in entries
        for variant, part in case["variants"].items()
    }

"""The two files that say a conversion is whole: ``cases.json`` for the study, ``dataset.json`` for nnU-Net.

``dataset.json`` asks for NibabelIO because ITK's reader, nnU-Net's default, fills a truncated file with zeros and turns
NaN into 0 HU without a word.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from dataset_converters.atomic import write_json
from dataset_converters.case_writer import Target
from dataset_converters.provenance import git_commit


def write_listings(
    target: Target, records: Sequence[Mapping[str, Any]], options: Mapping[str, Any], excluded: Mapping[str, str]
) -> None:
    """Write ``cases.json`` and, last of all, ``dataset.json``; drop records of cases that are gone."""
    info = target.info
    entries = [record["case"] for record in records]
    notes = _notes(entries, expected=info.expected_cases, excluded=len(excluded))
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
    write_json(target.raw / "dataset.json", _dataset_json(target, records, options, excluded))


def _notes(entries: Sequence[Mapping[str, Any]], *, expected: int | None, excluded: int) -> list[str]:
    """Return what a user should know although it is no fault."""
    notes = []
    if expected is not None and len(entries) + excluded != expected:
        notes.append(f"found {len(entries) + excluded} cases; the complete collection has {expected}")
    cleared = [case for case in entries if any(entry["cleared_slices"] for entry in case["readers"].values())]
    if cleared:
        names = ", ".join(case["case"] for case in cleared[:3]) + (", ..." if len(cleared) > 3 else "")
        notes.append(f"{len(cleared)} cases ({names}) had labels on slices that were not annotated; cleared there")
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


def _dataset_json(
    target: Target, records: Sequence[Mapping[str, Any]], options: Mapping[str, Any], excluded: Mapping[str, str]
) -> dict[str, Any]:
    info = target.info
    ignored = any(record["ignored_slices"] for record in records)
    files = {name: value for record in records for name, value in record["files"].items()}
    prefix = f"nnUNet_raw/{target.nnunet}/"
    return {
        "channel_names": {"0": "CT"},
        "labels": {**info.labels, **({"ignore": target.ignore} if ignored else {})},
        "numTraining": sum(len(record["case"]["variants"]) for record in records),
        "file_ending": ".nii.gz",
        "overwrite_image_reader_writer": "NibabelIO",
        "name": target.nnunet,
        "description": info.title,
        "reference": info.paper,
        "licence": info.licence,
        "citation": info.citation,
        "provenance": {
            "converter": info.name,
            "commit": git_commit(),
            "code": target.basis["code"],
            "versions": target.basis["versions"],
            "options": options,
            "training_reader": target.training_reader,
            "excluded": excluded,
            "files": {name.removeprefix(prefix): value for name, value in files.items() if name.startswith(prefix)},
        },
    }
